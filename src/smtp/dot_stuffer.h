// DotStuffer: turns message octets into the text after DATA (RFC 5321 4.5.2): a dot that begins a line is doubled, a
// last line without CRLF gets one, and CRLF.CRLF ends it. It keeps its place between calls, so octets may come in any
// split.
//
// Only CRLF goes out (design: only CRLF ends a line). The spool holds nothing else, but what it reads back is state
// from a disk, so a bare CR or bare LF is not believed away: each becomes CRLF, the dots of the line it begins are
// stuffed, and repaired() counts it. That changes such a message, and cannot be used to smuggle one. Thread rule: a
// value. Memory: two flags and a counter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

class DotStuffer {
 public:
  void add(std::string_view bytes, std::string& out);
  // The end of the text, ".CRLF" included. Afterwards it is as new.
  void finish(std::string& out);
  [[nodiscard]] std::uint64_t repaired() const { return repaired_; }  // bare CR and bare LF, over all messages

 private:
  void end_line(std::string& out);
  bool line_start_ = true;
  bool cr_ = false;  // a CR is held back until the octet behind it is known
  std::uint64_t repaired_ = 0;
};

}  // namespace postern::smtp
