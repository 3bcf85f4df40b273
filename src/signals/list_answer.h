// AnswerPattern: which answers of a DNS list mean a listing. Lists say with the address that they return of which of
// their sublists the thing is, in the last octet, in a range, or in bits of it (RFC 5782 2.3).
// Thread rule: values.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ip/address.h"

namespace postern::signals {

class AnswerPattern {
 public:
  // Four octets, of which each is a number, "*" (any), a set "[2..4;9]" of numbers and ranges, or "&8" (any that has
  // one of these bits); or an address with a prefix length, "127.0.0.4/32". The first octet is 127 (RFC 5782 2.1).
  // Errors say the right form.
  [[nodiscard]] static Result<AnswerPattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const ip::Address& answer) const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::array<std::bitset<256>, 4> octets_;
};

}  // namespace postern::signals
