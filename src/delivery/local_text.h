// LocalText: the message as a mailbox keeps it: LF line ends instead of CRLF, and without Return-Path fields, because
// the delivering system writes the one that counts (RFC 5321 4.4). A push filter; the octets may come in any split.
// Thread rule: a value. Memory: at most the eleven octets that may still become "Return-Path".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::delivery {

class LocalText {
 public:
  void add(std::string_view bytes, std::string& out);
  void finish(std::string& out);  // what was held back

 private:
  enum class At : std::uint8_t { line_start, name, keep, skip, skip_start, body };
  void header_octet(char c, std::string& out);
  At at_ = At::line_start;
  bool cr_ = false;   // a CR is held back: it is dropped in front of LF only
  std::string held_;  // what matched of "return-path" on this line
};

}  // namespace postern::delivery
