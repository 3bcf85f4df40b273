// Transcript: what went over the wire, line by line, with the milliseconds since the start. Long message texts are
// shortened to a line that says how much there was. Octets that are not printable are escaped: a server cannot drive
// the terminal.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/time.h"

namespace postern::cli {

class Transcript {
 public:
  Transcript(std::FILE* out, bool colour, bool silent) : out_(out), colour_(colour), silent_(silent) {}
  void wire(bool sent, std::string_view bytes);
  void note(std::string_view text);  // "*** text"
  void end();                        // what was not a whole line
  [[nodiscard]] std::int64_t elapsed_ms() const;

 private:
  void line(char direction, std::string_view text);
  std::FILE* out_;
  bool colour_;
  bool silent_;
  Clock::time_point start_ = Clock::now();
  std::string partial_[2];
};

}  // namespace postern::cli
