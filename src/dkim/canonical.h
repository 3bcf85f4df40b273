// Canonicalisation (RFC 6376 3.4): of header fields, and of a body that streams past. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/digest.h"

namespace postern::dkim {

enum class Canon : std::uint8_t { simple, relaxed };

// 3.4.1, 3.4.2: appends the field with its CRLF. `raw` is the whole field as it stands in the message.
void canonical_field(Canon canon, std::string_view raw, std::string& out);

// 3.4.3, 3.4.4: octets in, in any split; canonical octets out, by appending to `out`. Holds back at most what may still
// turn out to be trailing empty lines or white space, as counts, so memory is constant.
class BodyCanon {
 public:
  explicit BodyCanon(Canon canon) : canon_(canon) {}
  void add(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  Canon canon_;
  std::uint64_t empty_lines_ = 0;  // CRLFs held back
  bool space_ = false;             // relaxed: a run of white space is held back
  bool cr_ = false;                // a CR whose LF may follow
  bool line_has_octets_ = false;
  bool any_ = false;  // anything was written
};

}  // namespace postern::dkim
