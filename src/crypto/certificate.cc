#include "crypto/certificate.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <memory>

#include "base/text.h"

namespace postern::crypto {

namespace {

constexpr std::size_t kTextMax = 512;

struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using X509Ptr = std::unique_ptr<X509, CertificateFree>;
struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct NamesFree {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

X509Ptr parse(std::string_view der) {
  if (der.empty() || der.size() > kCertificateMax) return {};
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  X509Ptr out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (at != end) out.reset();
  return out;
}

std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, BioFree> memory(BIO_new(BIO_s_mem()));
  if (memory == nullptr || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return size > 0 ? printable({data, static_cast<std::size_t>(size)}, kTextMax) : std::string();
}

std::string common_name_of(const X509_NAME* name) {
  const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (index < 0) return {};
  unsigned char* data = nullptr;
  const int size = ASN1_STRING_to_UTF8(&data, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
  if (size < 0) return {};
  std::string out = lower(printable({reinterpret_cast<char*>(data), static_cast<std::size_t>(size)}, kTextMax));
  OPENSSL_free(data);
  return out;
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> out;
  const std::unique_ptr<GENERAL_NAMES, NamesFree> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()) && out.size() < kCertificateNamesMax; ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* const data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    out.push_back(lower(printable({data, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}, kTextMax)));
  }
  return out;
}

WallMs wall(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<WallMs>(::timegm(&parts)) * 1000;
}

std::string curve_of(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  if (EVP_PKEY_get_utf8_string_param(key, "group", group.data(), group.size(), nullptr) != 1) return {};
  const char* const nist = EC_curve_nid2nist(OBJ_txt2nid(group.data()));
  return nist != nullptr ? nist : group.data();
}

void read_key(const X509* certificate, Certificate& out) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return;  // an algorithm that OpenSSL does not know
  const int type = EVP_PKEY_get_base_id(key);
  out.key_bits = EVP_PKEY_get_bits(key);
  switch (type) {
    case EVP_PKEY_RSA:
      out.key_type = "RSA";
      break;
    case EVP_PKEY_RSA_PSS:
      out.key_type = "RSA-PSS";
      break;
    case EVP_PKEY_EC:
      out.key_type = "EC";
      out.curve = curve_of(key);
      break;
    default:
      if (const char* const name = OBJ_nid2sn(type)) out.key_type = name;
  }
}

// RFC 7633: a TLS feature of status_request
bool demands_status(const X509* certificate) {
  const std::unique_ptr<TLS_FEATURE, decltype([](TLS_FEATURE* all) { TLS_FEATURE_free(all); })> features(
      static_cast<TLS_FEATURE*>(X509_get_ext_d2i(certificate, NID_tlsfeature, nullptr, nullptr)));
  for (int i = 0; i < sk_ASN1_INTEGER_num(features.get()); ++i) {
    if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == 5) return true;
  }
  return false;
}

}  // namespace

Result<Certificate> read_certificate(std::string_view der) {
  const X509Ptr certificate = parse(der);
  if (certificate == nullptr) return fail(ErrorKind::invalid, "not a certificate in DER");
  const X509* const c = certificate.get();
  Certificate out;
  out.der = der;
  unsigned char* spki = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c), &spki);
  if (size > 0) out.spki.assign(reinterpret_cast<char*>(spki), static_cast<std::size_t>(size));
  OPENSSL_free(spki);
  out.subject = text_of(X509_get_subject_name(c));
  out.issuer = text_of(X509_get_issuer_name(c));
  out.common_name = common_name_of(X509_get_subject_name(c));
  out.names = names_of(c);
  out.not_before = wall(X509_get0_notBefore(c));
  out.not_after = wall(X509_get0_notAfter(c));
  read_key(c, out);
  int hash = NID_undef;
  if (OBJ_find_sigid_algs(X509_get_signature_nid(c), &hash, nullptr) == 1 && hash != NID_undef) {
    out.signature_hash = OBJ_nid2sn(hash);
  } else {
    int bits = 0;  // RSASSA-PSS has its hash in the parameters
    if (X509_get_signature_info(certificate.get(), &hash, nullptr, &bits, nullptr) == 1 && hash != NID_undef)
      out.signature_hash = OBJ_nid2sn(hash);
  }
  const std::unique_ptr<BASIC_CONSTRAINTS, decltype([](BASIC_CONSTRAINTS* b) { BASIC_CONSTRAINTS_free(b); })> basic(
      static_cast<BASIC_CONSTRAINTS*>(X509_get_ext_d2i(c, NID_basic_constraints, nullptr, nullptr)));
  out.authority = basic != nullptr && basic->ca != 0;
  out.must_staple = demands_status(c);
  out.self_issued = X509_NAME_cmp(X509_get_subject_name(c), X509_get_issuer_name(c)) == 0;
  ERR_clear_error();
  return out;
}

std::vector<Certificate> read_pem_certificates(std::string_view text, std::size_t max) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::vector<Certificate> out;
  while (out.size() < max) {
    const std::size_t begin = text.find(kBegin);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin + kBegin.size());
    const std::size_t end = text.find(kEnd);
    if (end == std::string_view::npos) break;
    std::string encoded;
    for (const char c : text.substr(0, end)) {
      if (c != '\r' && c != '\n' && c != ' ' && c != '\t') encoded += c;
    }
    text.remove_prefix(end + kEnd.size());
    const auto der = encoded.size() <= 2 * kCertificateMax ? from_base64(encoded) : std::nullopt;
    auto one = der ? read_certificate(*der) : Result<Certificate>(fail(ErrorKind::invalid, "no base64"));
    if (one) out.push_back(*std::move(one));
  }
  return out;
}

std::optional<std::string> extension(std::string_view der, std::string_view oid) {
  const X509Ptr certificate = parse(der);
  if (certificate == nullptr) return std::nullopt;
  const std::unique_ptr<ASN1_OBJECT, decltype([](ASN1_OBJECT* o) { ASN1_OBJECT_free(o); })> object(
      OBJ_txt2obj(std::string(oid).c_str(), 1));
  const int at = object != nullptr ? X509_get_ext_by_OBJ(certificate.get(), object.get(), -1) : -1;
  ERR_clear_error();
  if (at < 0 || X509_get_ext_by_OBJ(certificate.get(), object.get(), at) >= 0) return std::nullopt;
  const ASN1_OCTET_STRING* const value = X509_EXTENSION_get_data(X509_get_ext(certificate.get(), at));
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                     static_cast<std::size_t>(ASN1_STRING_length(value)));
}

bool has_extended_usage(std::string_view der, std::string_view oid) {
  const X509Ptr certificate = parse(der);
  if (certificate == nullptr) return false;
  const std::unique_ptr<EXTENDED_KEY_USAGE, decltype([](EXTENDED_KEY_USAGE* u) { EXTENDED_KEY_USAGE_free(u); })> usages(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate.get(), NID_ext_key_usage, nullptr, nullptr)));
  bool found = false;
  for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
    std::array<char, 128> text{};
    const int size = OBJ_obj2txt(text.data(), text.size(), sk_ASN1_OBJECT_value(usages.get(), i), 1);
    found = found || (size > 0 && oid == text.data());
  }
  ERR_clear_error();
  return found;
}

bool issued_by(std::string_view child, std::string_view issuer) {
  const X509Ptr below = parse(child);
  const X509Ptr above = parse(issuer);
  if (below == nullptr || above == nullptr) return false;
  if (X509_NAME_cmp(X509_get_issuer_name(below.get()), X509_get_subject_name(above.get())) != 0) return false;
  EVP_PKEY* const key = X509_get0_pubkey(above.get());
  const bool signed_by = key != nullptr && X509_verify(below.get(), key) == 1;
  ERR_clear_error();
  return signed_by;
}

bool signed_by(std::string_view child, std::string_view spki) {
  const X509Ptr below = parse(child);
  if (below == nullptr || spki.size() > kCertificateMax) return false;
  const auto* at = reinterpret_cast<const unsigned char*>(spki.data());
  const auto* const end = at + spki.size();
  const std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const bool made = key != nullptr && at == end && X509_verify(below.get(), key.get()) == 1;
  ERR_clear_error();
  return made;
}

bool matches_host(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return !pattern.empty() && pattern == host;
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == pattern.substr(1);
}

std::string sha512(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  POSTERN_CHECK(EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, EVP_sha512(), nullptr) == 1);
  return {reinterpret_cast<char*>(out.data()), size};
}

}  // namespace postern::crypto
