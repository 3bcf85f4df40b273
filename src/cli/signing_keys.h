// Private keys as the tools get them: from files, and from batch lines, where parsing the same text again would cost
// more than signing with it. Thread rule: one thread.
#pragma once

#include <string>
#include <unordered_map>

#include "base/result.h"
#include "crypto/keys.h"
#include "dkim/sign.h"

namespace postern::cli {

inline constexpr std::size_t kKeyFileMax = std::size_t{64} << 10;

// Errors name the file, never what is in it.
[[nodiscard]] Result<crypto::PrivateKey> read_private_key(const std::string& path);

class PrivateKeyCache {
 public:
  static constexpr std::size_t kEntriesMax = 1000;  // then it starts again, empty
  [[nodiscard]] Result<crypto::PrivateKey> parse(const std::string& text);

 private:
  std::unordered_map<std::string, crypto::PrivateKey> keys_;
};

// "simple/relaxed"; one word is the header's, and the body's is simple then (RFC 6376 3.5, c=).
struct CanonPair {
  dkim::Canon header = dkim::Canon::relaxed, body = dkim::Canon::relaxed;
};
[[nodiscard]] Result<CanonPair> parse_canon(std::string_view text);

}  // namespace postern::cli
