#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <climits>

#include "base/result.h"
#include "crypto/algorithms.h"

namespace postern::crypto {

Digest hmac_sha256(std::string_view key, std::string_view text) {
  POSTERN_CHECK(key.size() <= INT_MAX);
  Digest digest;
  unsigned size = digest.size();
  const unsigned char* const done =
      ::HMAC(sha256_algorithm(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  POSTERN_CHECK(done != nullptr && size == digest.size());
  return digest;
}

Digest pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  POSTERN_CHECK(password.size() <= INT_MAX && salt.size() <= INT_MAX && iterations > 0 && iterations <= INT_MAX);
  Digest digest;
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                                     reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                                     static_cast<int>(iterations), sha256_algorithm(), digest.size(), digest.data());
  POSTERN_CHECK(done == 1);
  return digest;
}

std::string random_octets(std::size_t count) {
  std::string out(count, '\0');
  POSTERN_CHECK(count <= INT_MAX &&
                RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) == 1);
  return out;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace postern::crypto
