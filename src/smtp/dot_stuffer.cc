#include "smtp/dot_stuffer.h"

#include <algorithm>

namespace postern::smtp {

void DotStuffer::end_line(std::string& out) {
  out += "\r\n";
  line_start_ = true;
  cr_ = false;
}

void DotStuffer::add(std::string_view bytes, std::string& out) {
  std::size_t at = 0;
  // Positions of the next CR and LF, looked up again only once passed: linear, however the two are mixed.
  std::size_t next_cr = 0, next_lf = 0;
  const auto next = [&bytes](char c, std::size_t from) { return std::min(bytes.find(c, from), bytes.size()); };
  next_cr = next('\r', 0);
  next_lf = next('\n', 0);
  while (at < bytes.size()) {
    const char c = bytes[at];
    if (cr_) {
      if (c == '\n') {
        ++at;
      } else {
        ++repaired_;
      }
      end_line(out);
      continue;
    }
    if (c == '\n') {
      ++repaired_;
      end_line(out);
      ++at;
      continue;
    }
    if (c == '\r') {
      cr_ = true;
      ++at;
      continue;
    }
    // RFC 5321 4.5.2: one more dot in front of a line that begins with one
    if (line_start_ && c == '.') out.push_back('.');
    line_start_ = false;
    if (next_cr < at) next_cr = next('\r', at);
    if (next_lf < at) next_lf = next('\n', at);
    const std::size_t stop = std::min(next_cr, next_lf);
    out.append(bytes.substr(at, stop - at));
    at = stop;
  }
}

void DotStuffer::finish(std::string& out) {
  if (cr_) {
    ++repaired_;
    end_line(out);
  }
  // RFC 5321 4.1.1.4: the CRLF in front of the final dot is the end of the last line; it is added where there is none
  if (!line_start_) end_line(out);
  out += ".\r\n";
  line_start_ = true;
}

}  // namespace postern::smtp
