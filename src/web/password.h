// What is kept of the operator's password and token in the configuration: verifiers, of which nobody learns the secret.
//   password:  "pbkdf2-sha256$ITERATIONS$SALT$HASH", salt and hash in base64
//   token:     "sha256$HASH" of a token with 256 random bits, which needs no slow hash
// Thread rule: pure; checking a password takes some ten milliseconds and more, so never on a loop's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::web {

inline constexpr std::uint32_t kPasswordIterations = 100'000;
inline constexpr std::size_t kPasswordMax = 1024;  // octets

[[nodiscard]] std::string password_verifier(std::string_view password, std::uint32_t iterations = kPasswordIterations);
[[nodiscard]] bool is_password_verifier(std::string_view verifier);
[[nodiscard]] bool password_matches(std::string_view verifier, std::string_view password);

[[nodiscard]] std::string make_token();  // 43 letters and digits
[[nodiscard]] std::string token_verifier(std::string_view token);
[[nodiscard]] bool is_token_verifier(std::string_view verifier);
[[nodiscard]] bool token_matches(std::string_view verifier, std::string_view token);

}  // namespace postern::web
