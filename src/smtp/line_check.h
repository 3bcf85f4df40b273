// LineCheck: are CR and LF always together? Only CRLF goes out (docs/architecture.md, invariant 9), and a message that
// has them apart is not changed on its way to others but fails here. A push reader; the octets may come in any split.
// Thread rule: a value.
#pragma once

#include <string_view>

namespace postern::smtp {

class LineCheck {
 public:
  // False from the first bare CR or LF on.
  [[nodiscard]] bool add(std::string_view bytes);
  [[nodiscard]] bool finish() {  // a CR at the very end is bare too
    good_ = good_ && !cr_;
    return good_;
  }

 private:
  bool cr_ = false;  // the last octet was a CR
  bool good_ = true;
};

}  // namespace postern::smtp
