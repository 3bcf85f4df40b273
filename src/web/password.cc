#include "web/password.h"

#include <optional>

#include "base/text.h"
#include "crypto/hmac.h"

namespace postern::web {

namespace {

constexpr std::string_view kPassword = "pbkdf2-sha256$";
constexpr std::string_view kToken = "sha256$";
constexpr std::uint32_t kIterationsMin = 10'000;
constexpr std::uint32_t kIterationsMax = 10'000'000;
constexpr std::size_t kSaltSize = 16;
constexpr std::size_t kHashSize = 32;

struct Verifier {
  std::uint32_t iterations = 0;
  std::string salt, hash;
};

std::optional<Verifier> parse(std::string_view text) {
  if (!text.starts_with(kPassword)) return std::nullopt;
  const auto parts = split(text.substr(kPassword.size()), '$');
  if (parts.size() != 3) return std::nullopt;
  const auto iterations = parse_unsigned(parts[0], kIterationsMax);
  const auto salt = from_base64(parts[1]);
  const auto hash = from_base64(parts[2]);
  if (!iterations || *iterations < kIterationsMin || !salt || salt->size() < 8 || salt->size() > 64)
    return std::nullopt;
  if (!hash || hash->size() != kHashSize) return std::nullopt;
  return Verifier{static_cast<std::uint32_t>(*iterations), *salt, *hash};
}

}  // namespace

std::string password_verifier(std::string_view password, std::uint32_t iterations) {
  const std::string salt = crypto::random_octets(kSaltSize);
  const crypto::Digest hash = crypto::pbkdf2_sha256(password, salt, iterations);
  return std::string(kPassword) + std::to_string(iterations) + "$" + to_base64(salt) + "$" +
         to_base64(crypto::view_of(hash));
}

bool is_password_verifier(std::string_view verifier) { return parse(verifier).has_value(); }

bool password_matches(std::string_view verifier, std::string_view password) {
  const auto kept = parse(verifier);
  if (!kept || password.empty() || password.size() > kPasswordMax) return false;
  const crypto::Digest hash = crypto::pbkdf2_sha256(password, kept->salt, kept->iterations);
  return equal_constant_time(crypto::view_of(hash), kept->hash);
}

std::string make_token() {
  std::string token = to_base64(crypto::random_octets(32));
  while (token.ends_with('=')) token.pop_back();
  for (char& c : token) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return token;
}

std::string token_verifier(std::string_view token) {
  return std::string(kToken) + to_base64(crypto::view_of(crypto::Sha256::of(token)));
}

bool is_token_verifier(std::string_view verifier) {
  if (!verifier.starts_with(kToken)) return false;
  const auto hash = from_base64(verifier.substr(kToken.size()));
  return hash && hash->size() == kHashSize;
}

bool token_matches(std::string_view verifier, std::string_view token) {
  return is_token_verifier(verifier) && equal_constant_time(verifier, token_verifier(token));
}

}  // namespace postern::web
