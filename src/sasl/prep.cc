#include "sasl/prep.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"

namespace postern::sasl {

namespace {

struct Range {
  char32_t first, last;
};

// RFC 3454 B.1
constexpr std::array kNothing = {Range{0x00AD, 0x00AD}, Range{0x034F, 0x034F}, Range{0x1806, 0x1806},
                                 Range{0x180B, 0x180D}, Range{0x200B, 0x200D}, Range{0x2060, 0x2060},
                                 Range{0xFE00, 0xFE0F}, Range{0xFEFF, 0xFEFF}};
// C.1.2 without U+200B, which B.1 has
constexpr std::array kSpaces = {Range{0x00A0, 0x00A0}, Range{0x1680, 0x1680}, Range{0x2000, 0x200A},
                                Range{0x202F, 0x202F}, Range{0x205F, 0x205F}, Range{0x3000, 0x3000}};
// C.2.1, C.2.2, C.3, C.4, C.5, C.6, C.7, C.8, C.9
constexpr std::array kRefused = {Range{0x0000, 0x001F},   Range{0x007F, 0x009F},   Range{0x0340, 0x0341},
                                 Range{0x06DD, 0x06DD},   Range{0x070F, 0x070F},   Range{0x180E, 0x180E},
                                 Range{0x200E, 0x200F},   Range{0x2028, 0x202E},   Range{0x2061, 0x2063},
                                 Range{0x206A, 0x206F},   Range{0x2FF0, 0x2FFB},   Range{0xD800, 0xF8FF},
                                 Range{0xFDD0, 0xFDEF},   Range{0xFFF9, 0xFFFF},   Range{0x1D173, 0x1D17A},
                                 Range{0xE0000, 0xE007F}, Range{0xF0000, 0x10FFFF}};

template <std::size_t Size>
bool within(const std::array<Range, Size>& ranges, char32_t c) {
  return std::ranges::any_of(ranges, [c](const Range& range) { return c >= range.first && c <= range.last; });
}

char32_t code_point(std::string_view one) {
  if (one.size() == 1) return static_cast<unsigned char>(one[0]);
  char32_t c = static_cast<unsigned char>(one[0]) & (0x7FU >> one.size());
  for (std::size_t i = 1; i < one.size(); ++i) c = c << 6U | (static_cast<unsigned char>(one[i]) & 0x3FU);
  return c;
}

}  // namespace

std::optional<std::string> prepare(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return std::nullopt;
    const std::string_view one = text.substr(0, length);
    text.remove_prefix(length);
    const char32_t c = code_point(one);
    if (within(kRefused, c) || (c & 0xFFFEU) == 0xFFFEU) return std::nullopt;
    if (within(kNothing, c)) continue;
    if (within(kSpaces, c))
      out += ' ';
    else
      out += one;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

}  // namespace postern::sasl
