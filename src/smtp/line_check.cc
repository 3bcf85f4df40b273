#include "smtp/line_check.h"

namespace postern::smtp {

bool LineCheck::add(std::string_view bytes) {
  if (bytes.empty() || !good_) return good_;
  if (cr_ && bytes.front() != '\n') good_ = false;
  // Two passes over single octets: each is a memchr, which costs less than one pass that looks for both
  for (std::size_t at = bytes.find('\n'); good_ && at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    good_ = at > 0 ? bytes[at - 1] == '\r' : cr_;
  }
  for (std::size_t at = bytes.find('\r'); good_ && at != std::string_view::npos; at = bytes.find('\r', at + 1)) {
    good_ = at + 1 == bytes.size() || bytes[at + 1] == '\n';
  }
  cr_ = bytes.back() == '\r';
  return good_;
}

}  // namespace postern::smtp
