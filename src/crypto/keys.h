// PublicKey and PrivateKey: RSA and Ed25519, thin over EVP. Both sign and verify a SHA-256 digest: RSA as PKCS#1 v1.5
// (RFC 8017, what DKIM calls rsa-sha256), Ed25519 as PureEdDSA over the 32 octets of the digest (RFC 8463 3).
// Thread rule: immutable once made; verify() and sign() may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/digest.h"

namespace postern::crypto {

enum class Algorithm : std::uint8_t { rsa, ed25519 };

inline constexpr int kRsaBitsMax =
    8192;  // verification of longer ones would hold a loop; nobody can publish them in one answer
inline constexpr int kRsaExponentBitsMax = 33;  // a long exponent makes verification as slow as signing

class PublicKey {
 public:
  // SubjectPublicKeyInfo, or PKCS#1 RSAPublicKey (RFC 6376 erratum 3017), with nothing behind it. Errors: not DER,
  // another algorithm, over the limits above, an exponent that is even or 1. Short keys are read: what is too short is
  // the protocol's decision.
  [[nodiscard]] static Result<PublicKey> rsa_from_der(std::string_view der);
  // 32 octets (RFC 8463 4.2), or their SubjectPublicKeyInfo.
  [[nodiscard]] static Result<PublicKey> ed25519_from_raw(std::string_view octets);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] int bits() const { return bits_; }
  [[nodiscard]] bool verify(const Digest& digest, std::string_view signature) const;
  // RFC 8017 5.1.1 (RSAEP), without any padding: for who tests how others read padding, never to keep a secret. `block`
  // has as many octets as the modulus, and is smaller than it.
  [[nodiscard]] Result<std::string> encrypt_raw(std::string_view block) const;

  struct Impl;

 private:
  friend class PrivateKey;
  std::shared_ptr<const Impl> impl_;
  Algorithm algorithm_ = Algorithm::rsa;
  int bits_ = 0;
};

class PrivateKey {
 public:
  // PEM (PKCS#1, PKCS#8, unencrypted), or base64 of an Ed25519 seed of 32 octets, as dkimpy keeps it. The error never
  // contains the text.
  [[nodiscard]] static Result<PrivateKey> parse(std::string_view text);
  [[nodiscard]] static Result<PrivateKey> generate(Algorithm algorithm, int rsa_bits = 2048);
  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] int bits() const { return bits_; }
  [[nodiscard]] Result<std::string> sign(const Digest& digest) const;
  [[nodiscard]] std::string pem() const;            // PKCS#8
  [[nodiscard]] std::string public_octets() const;  // what p= of a key record holds before base64: SPKI, or the raw 32
 private:
  std::shared_ptr<const PublicKey::Impl> impl_;
  Algorithm algorithm_ = Algorithm::rsa;
  int bits_ = 0;
};

}  // namespace postern::crypto
