#include "smtp/receivers.h"

#include <algorithm>

namespace postern::smtp {

namespace {
constexpr char kCr = '\r';
constexpr char kLf = '\n';
}  // namespace

// The first fault of `segment` (octets without LF) and of the LF behind it, where there is one.
BodyFault LineJudge::look(std::string_view segment, bool line_feed) const {
  if (cr_ && !segment.empty()) return BodyFault::bare_cr;
  const bool fits = line_ + segment.size() + (line_feed ? 1U : 0U) <= line_max_;
  const auto cr = segment.find(kCr);
  const bool cr_last = cr + 1 == segment.size();
  const bool ended = segment.empty() ? cr_ : cr_last;
  // Three passes of memchr over a line cost less than one careful pass
  if (fits && (cr == std::string_view::npos || cr_last) && (!line_feed || ended) &&
      segment.find('\0') == std::string_view::npos) {
    return BodyFault::none;
  }
  // Something is wrong: find what comes first, octet by octet
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (line_ + i + 1 > line_max_) return BodyFault::line_too_long;
    if (segment[i] == '\0') return BodyFault::nul;
    if (segment[i] == kCr && i + 1 < segment.size()) return BodyFault::bare_cr;
  }
  if (!line_feed) return BodyFault::none;
  return fits ? BodyFault::bare_lf : BodyFault::line_too_long;
}

std::size_t LineJudge::see_line(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    const auto lf = bytes.find(kLf, used);
    const bool found = lf != std::string_view::npos;
    const std::string_view segment = bytes.substr(used, found ? lf - used : bytes.size() - used);
    if (fault_ == BodyFault::none) fault_ = look(segment, found);
    const bool cr = segment.empty() ? cr_ : segment.back() == kCr;
    line_ += segment.size();
    used += segment.size();
    cr_ = cr;
    if (!found) break;
    ++used;
    cr_ = false;
    if (cr) {
      line_ = 0;
      break;
    }
    // RFC 5321 2.3.8: an LF without its CR ends no line
    ++line_;
  }
  return used;
}

BodyStep DataReceiver::step(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size()) {
    switch (state_) {
      case State::done:
        return {.consumed = at, .bytes = {}, .end = true};
      case State::dot:
        // RFC 5321 4.5.2: the dot at the start of a line is dropped, unless it is the whole line
        if (input[at] == kCr) {
          state_ = State::dot_cr;
          ++at;
        } else {
          state_ = State::text;
        }
        continue;
      case State::dot_cr:
        if (input[at] == kLf) {
          state_ = State::done;
          return {.consumed = at + 1, .bytes = {}, .end = true};
        }
        // RFC 5321 4.1.1.4: only CRLF.CRLF ends the message; this CR is a bare one, and part of the (refused) text
        state_ = State::text;
        static_cast<void>(judge_.see_line("\r"));
        return {.consumed = at, .bytes = "\r", .end = false};
      case State::line_start:
        if (input[at] == '.') {
          state_ = State::dot;
          ++at;
          continue;
        }
        break;
      case State::text:
        break;
    }
    const std::size_t begin = at;
    do {
      at += judge_.see_line(input.substr(at));
      state_ = judge_.at_line_start() ? State::line_start : State::text;
    } while (at < input.size() && (state_ == State::text || input[at] != '.'));
    return {.consumed = at, .bytes = input.substr(begin, at - begin), .end = false};
  }
  return {.consumed = at, .bytes = {}, .end = state_ == State::done};
}

BodyStep BdatReceiver::step(std::string_view input) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  left_ -= taken;
  return {.consumed = taken, .bytes = input.substr(0, taken), .end = left_ == 0};
}

void BodyJudge::see(std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(judge_.see_line(bytes));
}

BodyFault BodyJudge::finish() {
  if (judge_.after_cr()) judge_.note(BodyFault::bare_cr);
  return judge_.fault();
}

}  // namespace postern::smtp
