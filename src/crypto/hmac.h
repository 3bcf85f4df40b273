// HMAC-SHA-256 (RFC 2104), PBKDF2 with it (RFC 8018 5.2), and random octets. Thread rule: pure functions;
// pbkdf2_sha256() takes as long as its iterations ask for, so never on an event loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/digest.h"

namespace postern::crypto {

[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view text);
[[nodiscard]] Digest pbkdf2_sha256(std::string_view password, std::string_view salt, std::uint32_t iterations);
// From the operating system's generator, through OpenSSL's.
[[nodiscard]] std::string random_octets(std::size_t count);
// Overwrites what was secret.
void wipe(std::string& secret);

}  // namespace postern::crypto
