// What an X.509 certificate says, read from DER: for who looks at a server from outside. Nothing is decided here: which
// key is too short or which name is right is the caller's business. Texts of the certificate come out printable.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace postern::crypto {

inline constexpr std::size_t kCertificateMax = std::size_t{64} * 1024;  // octets of DER
inline constexpr std::size_t kCertificateNamesMax = 200;                // further ones are left out

struct Certificate {
  std::string der;
  std::string spki;             // SubjectPublicKeyInfo, DER
  std::string subject, issuer;  // RFC 4514: "CN=mx.example.org,O=Example"
  std::string common_name;
  std::vector<std::string> names;  // dNSName of subjectAltName, lower case
  WallMs not_before = 0, not_after = 0;
  std::string key_type;  // "RSA", "EC", "ED25519", ...
  std::string curve;     // of EC: "P-256"
  int key_bits = 0;
  std::string signature_hash;  // of its issuer's signature: "SHA256"; empty where the algorithm has none (Ed25519)
  bool authority = false;      // basicConstraints say CA
  bool self_issued = false;    // subject and issuer are the same name
  bool must_staple = false;    // RFC 7633: servers are to staple an OCSP response
};

// Errors (invalid): not DER of a certificate, octets behind it, or over the limit.
[[nodiscard]] Result<Certificate> read_certificate(std::string_view der);

// The certificates of a PEM file, in its order; what is none is passed over, and what goes beyond `max`.
[[nodiscard]] std::vector<Certificate> read_pem_certificates(std::string_view text, std::size_t max);

// The value (extnValue) of the extension with that OID; nullopt where there is none, or several.
[[nodiscard]] std::optional<std::string> extension(std::string_view der, std::string_view oid);
// extendedKeyUsage lists it.
[[nodiscard]] bool has_extended_usage(std::string_view der, std::string_view oid);

// `child` names `issuer` as its issuer, and the issuer's key made its signature. Both in DER.
[[nodiscard]] bool issued_by(std::string_view child, std::string_view issuer);

// The key, a SubjectPublicKeyInfo in DER, made the signature of `child`. A key that cannot be read made none.
[[nodiscard]] bool signed_by(std::string_view child, std::string_view spki);

// RFC 6125 6.4.3: a dNSName, which may have a wildcard as its whole left-most label, and a host name, both lower case.
[[nodiscard]] bool matches_host(std::string_view pattern, std::string_view host);

// SHA-512 of the octets; for TLSA records of matching type 2.
[[nodiscard]] std::string sha512(std::string_view bytes);

}  // namespace postern::crypto
