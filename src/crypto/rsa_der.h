// The two numbers of an RSA public key, out of SubjectPublicKeyInfo (RFC 5280 4.1, RFC 3279 2.3.1) or RSAPublicKey
// (RFC 8017 A.1.1). Our own, because a key record is a stranger's: OpenSSL's decoder tries every format and algorithm
// that it knows on it, and takes six times as long as this and the making of the key together. Thread rule: pure.
#pragma once

#include <optional>
#include <string_view>

namespace postern::crypto {

struct RsaNumbers {
  std::string_view modulus, exponent;  // big-endian, without leading zeros
};

// nullopt: not one of the two, another algorithm, or octets behind it.
[[nodiscard]] std::optional<RsaNumbers> rsa_numbers(std::string_view der);

}  // namespace postern::crypto
