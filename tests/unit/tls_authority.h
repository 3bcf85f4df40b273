// Certificates for tests of TLS: an authority of our own, and what it issues, good and bad. Errors end the test
// program: they are bugs of the test.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace postern::test {

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

inline void must(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "tls_authority.h: %s\n", what);
  std::abort();
}

struct Issued {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;

  [[nodiscard]] std::string der() const {
    unsigned char* out = nullptr;
    const int size = i2d_X509(certificate.get(), &out);
    must(size > 0, "encoding a certificate");
    std::string text(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return text;
  }
  [[nodiscard]] std::string spki() const {
    unsigned char* out = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &out);
    must(size > 0, "encoding a key");
    std::string text(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return text;
  }
  // RFC 6698 2.1: the data of a TLSA record for this certificate.
  [[nodiscard]] std::string association(int selector, int matching) const {
    const std::string bytes = selector == 0 ? der() : spki();
    if (matching == 0) return bytes;
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    must(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                    matching == 1 ? EVP_sha256() : EVP_sha512(), nullptr) == 1,
         "digest");
    out.resize(size);
    return out;
  }
};

struct Order {
  std::string subject;                 // common name
  std::vector<std::string> dns_names;  // subjectAltName; none: no such extension
  long from_days = -1;
  long to_days = 10;
  bool authority = false;
};

// `issuer` nullptr: signed by itself.
inline Issued issue(const Order& order, const Issued* issuer = nullptr) {
  constexpr long kDay = 24L * 60 * 60;
  static std::uint64_t serial = 1;
  Issued out;
  out.key = std::shared_ptr<EVP_PKEY>(EVP_EC_gen("P-256"), KeyFree());
  out.certificate = std::shared_ptr<X509>(X509_new(), CertificateFree());
  X509* const c = out.certificate.get();
  const X509* const parent = issuer != nullptr ? issuer->certificate.get() : c;
  must(X509_set_version(c, X509_VERSION_3) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), ++serial) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(c), order.from_days * kDay) != nullptr &&
           X509_gmtime_adj(X509_getm_notAfter(c), order.to_days * kDay) != nullptr &&
           X509_set_pubkey(c, out.key.get()) == 1,
       "making a certificate");
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(order.subject.data()),
                                  static_cast<int>(order.subject.size()), -1, 0) == 1 &&
           X509_set_issuer_name(c, X509_get_subject_name(parent)) == 1,
       "naming a certificate");
  const auto extend = [&](int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, const_cast<X509*>(parent), c, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    must(extension != nullptr && X509_add_ext(c, extension, -1) == 1, value.c_str());
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, order.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (order.authority) extend(NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(NID_subject_key_identifier, "hash");
  std::string names;
  for (const auto& name : order.dns_names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  if (!names.empty()) extend(NID_subject_alt_name, names);
  must(X509_sign(c, issuer != nullptr ? issuer->key.get() : out.key.get(), EVP_sha256()) > 0, "signing");
  return out;
}

// PEM: each certificate in turn.
inline void write_certificates(const std::string& path, const std::vector<const Issued*>& chain) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  must(file != nullptr, path.c_str());
  for (const auto* one : chain) must(PEM_write_X509(file, one->certificate.get()) == 1, path.c_str());
  std::fclose(file);
}
inline void write_key(const std::string& path, const Issued& owner) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  must(file != nullptr, path.c_str());
  must(PEM_write_PrivateKey(file, owner.key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, path.c_str());
  std::fclose(file);
}

}  // namespace postern::test
