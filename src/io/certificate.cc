// Certificates: read from PEM files, matched to names, made for a host that has none.
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>

#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "io/tls_impl.h"

namespace postern::io {

namespace {

constexpr int kMaxChain = 16;

Result<BioPtr> open_pem(const std::string& what, const std::string& path, const std::string& text = {}) {
  ERR_clear_error();
  BioPtr file(text.empty() ? BIO_new_file(path.c_str(), "r")
                           : BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (file == nullptr) {
    const int error = errno;
    ERR_clear_error();
    return fail_errno(ErrorKind::invalid, what + " " + path, error);
  }
  return file;
}

// An encrypted key must not make the server ask on its terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> out;
  auto* const names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    out.push_back(lower({data, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  GENERAL_NAMES_free(names);
  return out;
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

// Whole or not at all: written beside it and renamed.
Result<void> write_file(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "creating " + temporary, errno);
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(ErrorKind::storage, "writing " + temporary, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return fail_errno(ErrorKind::storage, "writing " + temporary, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno(ErrorKind::storage, "creating " + path, errno);
  return {};
}

std::string_view contents(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<KeyPtr> load_key(const std::string& path, const std::string& text = {}) {
  POSTERN_TRY(const BioPtr file, open_pem("TLS key", path, text));
  KeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
  if (key == nullptr) {
    return fail(ErrorKind::invalid, "TLS key " + path + ": no usable private key (" + openssl_error() +
                                        "); it must be PEM without a passphrase");
  }
  return key;
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool ok = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

X509Ptr make_certificate(EVP_PKEY* key, const std::string& hostname) {
  constexpr long kDay = 24L * 60 * 60;
  X509Ptr certificate(X509_new());
  std::uint64_t serial = 0;
  if (certificate == nullptr || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return {};
  X509* const c = certificate.get();
  X509_NAME* const name = X509_get_subject_name(c);
  // RFC 5280 A.1: ub-common-name is 64; the name that counts is in subjectAltName.
  const std::string common = hostname.substr(0, 64);
  const bool ok =
      X509_set_version(c, X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial >> 1U) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(c), -kDay) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(c), 3650 * kDay) != nullptr && X509_set_pubkey(c, key) == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common.data()),
                                 static_cast<int>(common.size()), -1, 0) == 1 &&
      X509_set_issuer_name(c, name) == 1 && add_extension(c, NID_subject_alt_name, "DNS:" + hostname) &&
      add_extension(c, NID_basic_constraints, "critical,CA:FALSE") && X509_sign(c, key, EVP_sha256()) > 0;
  if (!ok) return {};
  return certificate;
}

}  // namespace

bool name_matches(const std::string& pattern, std::string_view name) {
  if (!pattern.starts_with("*.")) return pattern == name;
  // RFC 6125 6.4.3: the wildcard stands for the left-most label, one and whole.
  const auto dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && name.substr(dot) == std::string_view(pattern).substr(1);
}

Result<LoadedCertificate> load_certificate(const TlsCertificate& files) {
  LoadedCertificate out;
  POSTERN_TRY(const BioPtr file, open_pem("TLS certificate", files.certificate, files.certificate_text));
  out.leaf.reset(PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr));
  if (out.leaf == nullptr) {
    return fail(ErrorKind::invalid, "TLS certificate " + files.certificate + ": no certificate in it (" +
                                        openssl_error() + "); it must be PEM, the server's own certificate first");
  }
  out.chain.reset(sk_X509_new_null());
  while (sk_X509_num(out.chain.get()) < kMaxChain) {
    X509* const next = PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr);
    if (next == nullptr) break;
    sk_X509_push(out.chain.get(), next);
  }
  ERR_clear_error();
  POSTERN_TRY(out.key, load_key(files.key, files.key_text));
  if (X509_check_private_key(out.leaf.get(), out.key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorKind::invalid, "TLS key " + files.key + " does not belong to the certificate " +
                                        files.certificate + "; name the key it was issued for");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(out.leaf.get())) < 0) {
    log::warning("certificate_expired", {{"file", files.certificate}});
  }
  for (const auto& name : files.names) out.names.push_back(lower(name));
  if (out.names.empty()) out.names = names_of(out.leaf.get());
  out.type = EVP_PKEY_get_base_id(out.key.get());
  return out;
}

Result<std::string> certificate_key_digest(const std::string& certificate_file) {
  POSTERN_TRY(const BioPtr file, open_pem("TLS certificate", certificate_file));
  const X509Ptr certificate(PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr));
  unsigned char* der = nullptr;
  const int size = certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der) : -1;
  if (size <= 0) {
    return fail(ErrorKind::invalid,
                "TLS certificate " + certificate_file + ": no certificate in it (" + openssl_error() + ")");
  }
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  const int done = EVP_Digest(der, static_cast<std::size_t>(size), reinterpret_cast<unsigned char*>(out.data()),
                              &length, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  if (done != 1) return fail(ErrorKind::invalid, "TLS certificate " + certificate_file + ": " + openssl_error());
  out.resize(length);
  return out;
}

Result<CertificateSummary> certificate_summary(const std::string& certificate_file) {
  POSTERN_TRY(const BioPtr file, open_pem("TLS certificate", certificate_file));
  const X509Ptr certificate(PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr));
  tm parts{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &parts) != 1) {
    return fail(ErrorKind::invalid,
                "TLS certificate " + certificate_file + ": no certificate in it (" + openssl_error() + ")");
  }
  return CertificateSummary{names_of(certificate.get()), static_cast<WallMs>(timegm(&parts)) * 1000};
}

Result<bool> ensure_self_signed(const std::string& certificate_file, const std::string& key_file,
                                const std::string& hostname) {
  const bool have_certificate = exists(certificate_file);
  const bool have_key = exists(key_file);
  if (have_certificate && have_key) return false;
  const std::string doing = "making a self-signed certificate for " + printable(hostname);
  if (have_certificate) {
    return fail(ErrorKind::invalid, doing + ": " + certificate_file + " is there but its key " + key_file +
                                        " is not; remove it or bring the key");
  }
  // The text below goes through OpenSSL's extension syntax, where a comma would start another entry.
  if (hostname.empty() || hostname.size() > 253 ||
      hostname.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
          std::string::npos) {
    return fail(ErrorKind::invalid, doing + ": not a host name");
  }
  ERR_clear_error();
  KeyPtr key;
  if (have_key) {  // left by a start that was cut short
    POSTERN_TRY(key, load_key(key_file));
  } else {
    key.reset(EVP_EC_gen("P-256"));
    const BioPtr text(BIO_new(BIO_s_mem()));
    if (key == nullptr || PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
      return fail(ErrorKind::storage, doing + ": " + openssl_error());
    }
    POSTERN_TRY_VOID(write_file(key_file, contents(text.get()), 0600));
  }
  const X509Ptr certificate = make_certificate(key.get(), hostname);
  const BioPtr text(BIO_new(BIO_s_mem()));
  if (certificate == nullptr || PEM_write_bio_X509(text.get(), certificate.get()) != 1) {
    return fail(ErrorKind::storage, doing + ": " + openssl_error());
  }
  POSTERN_TRY_VOID(write_file(certificate_file, contents(text.get()), 0644));
  return true;
}

}  // namespace postern::io
