#include "cli/signing_keys.h"

#include <utility>

#include "base/text.h"
#include "cli/tool_resolver.h"

namespace postern::cli {

Result<crypto::PrivateKey> read_private_key(const std::string& path) {
  POSTERN_TRY(const std::string text, read_whole(path, kKeyFileMax));
  auto key = crypto::PrivateKey::parse(text);
  if (!key) return fail(key.error().kind, path + ": " + key.error().what);
  return std::move(*key);
}

Result<crypto::PrivateKey> PrivateKeyCache::parse(const std::string& text) {
  if (const auto known = keys_.find(text); known != keys_.end()) return known->second;
  POSTERN_TRY(crypto::PrivateKey key, crypto::PrivateKey::parse(text));
  if (keys_.size() >= kEntriesMax) keys_.clear();
  keys_.emplace(text, key);
  return key;
}

Result<CanonPair> parse_canon(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view header = text.substr(0, slash);
  const std::string_view body = slash == std::string_view::npos ? "simple" : text.substr(slash + 1);
  const auto known = [](std::string_view name) { return name == "simple" || name == "relaxed"; };
  if (!known(header) || !known(body)) {
    return fail(ErrorKind::invalid,
                "canon: \"" + printable(text, 64) + "\" is none; write relaxed/relaxed, or simple for either");
  }
  const auto canon = [](std::string_view name) {
    return name == "simple" ? dkim::Canon::simple : dkim::Canon::relaxed;
  };
  return CanonPair{.header = canon(header), .body = canon(body)};
}

}  // namespace postern::cli
