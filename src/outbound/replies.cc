#include "outbound/replies.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/text.h"

namespace postern::outbound {

namespace {

bool any_in(const std::string& text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

// "ptr" as a word of its own
bool names_ptr(const std::string& text) {
  for (std::size_t at = text.find("ptr"); at != std::string::npos; at = text.find("ptr", at + 1)) {
    const bool before = at > 0 && is_alpha(text[at - 1]);
    const bool after = at + 3 < text.size() && is_alpha(text[at + 3]);
    if (!before && !after) return true;
  }
  return false;
}

}  // namespace

bool blames_family(const smtp::Reply& reply) {
  if (!reply.permanent() && (!reply.temporary() || asks_to_slow_down(reply))) return false;
  const smtp::EnhancedCode& code = reply.enhanced;
  if (code.subject == 7 && (code.detail == 25 || code.detail == 26)) return true;
  if (code.present() && code.subject != 7) return false;
  const std::string text = lower(reply.text);
  return any_in(text, {"ipv6", "reverse dns", "rdns", "reverse lookup", "reverse hostname"}) || names_ptr(text);
}

bool asks_to_slow_down(const smtp::Reply& reply) {
  if (!reply.temporary()) return false;
  const std::string text = lower(reply.text);
  return any_in(text, {"rate limit", "rate-limit", "ratelimit", "throttl", "slow down", "too many messages",
                       "too many connections", "too much mail", "unusual rate", "too fast", "exceeded the rate"});
}

}  // namespace postern::outbound
