// DATA decoded octet by octet, as plainly as RFC 5321 4.5.2 says it: what the fast receiver is measured against, in
// tests and under fuzzing.
#pragma once

#include <string>
#include <string_view>

#include "smtp/receivers.h"

namespace postern::smtp::test {

struct Decoded {
  std::string text;
  std::size_t consumed = 0;
  bool ended = false;
  BodyFault fault = BodyFault::none;
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

// First fault of text that is decoded already. The last CR of unfinished text is not judged yet.
inline BodyFault naive_fault(std::string_view text, std::size_t line_max) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (++line > line_max) return BodyFault::line_too_long;
    if (c == '\0') return BodyFault::nul;
    if (c == '\r' && i + 1 < text.size() && text[i + 1] != '\n') return BodyFault::bare_cr;
    if (c == '\n') {
      if (i == 0 || text[i - 1] != '\r') return BodyFault::bare_lf;
      line = 0;
    }
  }
  return BodyFault::none;
}

inline Decoded naive_data(std::string_view input, std::size_t line_max) {
  Decoded out;
  bool line_start = true;
  while (out.consumed < input.size()) {
    const std::string_view rest = input.substr(out.consumed);
    if (line_start && rest.starts_with(".\r\n")) {
      out.consumed += 3;
      out.ended = true;
      break;
    }
    if (line_start && rest.front() == '.') {
      // What may still become the end is not decoded before it is known
      if (rest == "." || rest == ".\r") {
        out.consumed = input.size();
        break;
      }
      ++out.consumed;
      line_start = false;
      continue;
    }
    out.text.push_back(rest.front());
    ++out.consumed;
    line_start = out.text.ends_with("\r\n");
  }
  out.fault = naive_fault(out.text, line_max);
  return out;
}

}  // namespace postern::smtp::test
