#include "signals/spelled_address.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace postern::signals {

namespace {

using Octets = std::array<std::uint8_t, 4>;
using Hextets = std::array<std::uint16_t, 8>;

// What is known of a number of digits, without a separator, that two octets make: fewer digits are everywhere.
constexpr std::size_t kJoinedDigitsMin = 4;
constexpr std::size_t kJoinedWithinMin = 6;  // of three octets and more, where other digits may stand beside them
constexpr std::size_t kPairDigitsMin = 3;    // of two octets with a separator: "1-1" is everywhere
constexpr std::size_t kDecimalMin = 8;       // digits of the address as one number
constexpr std::size_t kNibblesMin = 12;
constexpr std::size_t kNibblesOther = 3;  // of which so many are not 0; zeros are most of many an address
constexpr std::size_t kNibblesSure = 16;  // so many are no accident, zeros or not
constexpr std::size_t kInterfaceMin = 8;  // nibbles of an interface identifier without its leading zeros
constexpr std::size_t kHextetsMin = 3;
constexpr std::size_t kHextetDigitsMin = 6;  // in all, without leading zeros
constexpr std::size_t kHextetsLargeMin = 2;  // of which so many are larger than one digit

constexpr std::string_view kHexDigits = "0123456789abcdef";

constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr unsigned hex_value(char c) {
  return is_digit(c) ? static_cast<unsigned>(c - '0') : static_cast<unsigned>(c - 'a') + 10;
}

// Text on the stack.
template <std::size_t N>
class Fixed {
 public:
  void add(char c) {
    if (size_ < N) octets_[size_++] = c;
  }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  void add_number(std::uint64_t number, int base = 10) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
    add(std::string_view(digits.data(), end));
  }
  [[nodiscard]] std::string_view view() const { return {octets_.data(), size_}; }

 private:
  std::array<char, N> octets_{};
  std::size_t size_ = 0;
};

// Without what separates: "20-01.0d-b8" and "20010db8" are one spelling.
Fixed<kSpelledMax> compact(std::string_view text) {
  Fixed<kSpelledMax> out;
  for (const char c : text)
    if (is_alnum(c)) out.add(c);
  return out;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool is_separator(std::string_view between) {
  const auto separates = [](char c) { return !is_alnum(c); };
  return between == "x" || ((between.size() == 1 || between.size() == 2) && std::ranges::all_of(between, separates));
}

// A stretch of decimal digits.
struct Number {
  std::size_t begin = 0, end = 0;
  int octet = -1;  // its value, where it can be an octet
  [[nodiscard]] std::size_t digits() const { return end - begin; }
};

class Numbers {
 public:
  explicit Numbers(std::string_view text) : text_(text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (!is_digit(text[i])) continue;
      Number number{.begin = i};
      while (i < text.size() && is_digit(text[i])) ++i;
      number.end = i;
      if (number.digits() <= 3) {
        int value = 0;
        for (const char c : text.substr(number.begin, number.digits())) value = value * 10 + (c - '0');
        if (value <= 255) number.octet = value;
      }
      list_.at(count_++) = number;
    }
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const Number& at(std::size_t i) const { return list_.at(i); }
  [[nodiscard]] std::string_view digits(std::size_t i) const {
    return text_.substr(list_.at(i).begin, list_.at(i).digits());
  }
  // Does number i stand beside the one before it?
  [[nodiscard]] bool joined(std::size_t i) const {
    return is_separator(text_.substr(list_.at(i - 1).end, list_.at(i).begin - list_.at(i - 1).end));
  }

 private:
  std::string_view text_;
  std::array<Number, kSpelledMax / 2 + 1> list_;
  std::size_t count_ = 0;
};

Spelled of_octets(std::size_t octets) {
  return octets >= 3 ? Spelled::ipv4 : octets == 2 ? Spelled::two_octets : Spelled::nothing;
}

// "192-0-2-1", "001.002.000.192", "192x0x2x1", "2-192" in part.
Spelled separated_octets(const Numbers& numbers, const Octets& octets) {
  Spelled best = Spelled::nothing;
  for (std::size_t start = 0; start < numbers.count(); ++start) {
    for (std::size_t octet = 0; octet < 3; ++octet) {
      std::size_t matched = 0;
      std::size_t digits = 0;
      while (octet + matched < 4 && start + matched < numbers.count() &&
             numbers.at(start + matched).octet == octets.at(octet + matched) &&
             (matched == 0 || numbers.joined(start + matched))) {
        digits += numbers.at(start + matched).digits();
        ++matched;
      }
      if (matched == 2 && digits < kPairDigitsMin) continue;
      best = std::max(best, of_octets(matched));
    }
  }
  return best;
}

// "192000002001", each octet in three digits, in a longer number or not.
Spelled padded_octets(std::string_view digits, const Octets& octets) {
  Spelled best = Spelled::nothing;
  for (std::size_t begin = 0; begin + 6 <= digits.size(); ++begin) {
    for (std::size_t octet = 0; octet < 3; ++octet) {
      std::size_t matched = 0;
      while (octet + matched < 4 && begin + 3 * (matched + 1) <= digits.size()) {
        const std::string_view three = digits.substr(begin + 3 * matched, 3);
        const int value = (three[0] - '0') * 100 + (three[1] - '0') * 10 + (three[2] - '0');
        if (value != octets.at(octet + matched)) break;
        ++matched;
      }
      best = std::max(best, of_octets(matched));
    }
  }
  return best;
}

// "192021", octets one after another with nothing between.
Spelled joined_octets(std::string_view digits, const Octets& octets) {
  Spelled best = Spelled::nothing;
  for (std::size_t first = 0; first < 3; ++first) {
    Fixed<12> text;
    text.add_number(octets.at(first));
    for (std::size_t last = first + 1; last < 4; ++last) {
      text.add_number(octets.at(last));
      const std::string_view joined = text.view();
      const std::size_t count = last - first + 1;
      const bool all = joined == digits && (count > 2 || digits.size() >= kJoinedDigitsMin);
      const bool within = count > 2 && joined.size() >= kJoinedWithinMin && has(digits, joined);
      if (all || within) best = std::max(best, of_octets(count));
    }
  }
  return best;
}

std::uint32_t number_of(const Octets& octets) {
  std::uint32_t number = 0;
  for (const std::uint8_t octet : octets) number = (number << 8U) | octet;
  return number;
}

template <std::size_t N>
Fixed<2 * N> hex_of(const std::array<std::uint8_t, N>& octets) {
  Fixed<2 * N> out;
  for (const std::uint8_t octet : octets) {
    out.add(kHexDigits[octet >> 4U]);
    out.add(kHexDigits[octet & 15U]);
  }
  return out;
}

bool has_hex(std::string_view compacted, const Octets& octets) {
  const auto text = hex_of(octets);
  const std::string_view hex = text.view();
  if (has(compacted, hex)) return true;
  if (octets[0] < 16 && has(compacted, hex.substr(1))) return true;  // as "%x" writes it
  Fixed<8> backwards;
  for (std::size_t i = hex.size(); i > 0; --i) backwards.add(hex[i - 1]);
  return has(compacted, backwards.view());
}

Spelled spelled_v4(std::string_view text, std::string_view compacted, const Octets& octets) {
  const Octets backwards{octets[3], octets[2], octets[1], octets[0]};
  const Numbers numbers(text);
  Spelled best = Spelled::nothing;
  for (const Octets& order : {octets, backwards}) {
    if (has_hex(compacted, order)) return Spelled::ipv4;
    Fixed<10> decimal;
    decimal.add_number(number_of(order));
    if (decimal.view().size() >= kDecimalMin && has(text, decimal.view())) return Spelled::ipv4;
    best = std::max(best, separated_octets(numbers, order));
    for (std::size_t i = 0; i < numbers.count(); ++i) {
      const std::string_view digits = numbers.digits(i);
      if (digits.size() < kJoinedDigitsMin) continue;
      best = std::max({best, padded_octets(digits, order), joined_octets(digits, order)});
    }
    if (best == Spelled::ipv4) return best;
  }
  return best;
}

// The longest common stretch of some hexadecimal digits and the 32 nibbles, where it is long enough to mean something.
bool is_stretch(std::string_view digits, std::string_view nibbles) {
  std::array<std::size_t, 33> zeros_before{};
  for (std::size_t i = 0; i < nibbles.size(); ++i) zeros_before.at(i + 1) = zeros_before.at(i) + (nibbles[i] == '0');
  std::array<std::uint8_t, 33> common{};  // by end in `nibbles`: how much of it ends here
  for (const char c : digits) {
    for (std::size_t end = nibbles.size(); end > 0; --end) {
      common.at(end) = nibbles[end - 1] == c ? static_cast<std::uint8_t>(common.at(end - 1) + 1) : std::uint8_t{0};
      const std::size_t length = common.at(end);
      if (length < kNibblesMin) continue;
      const std::size_t zeros = zeros_before.at(end) - zeros_before.at(end - length);
      if (length - zeros >= kNibblesOther || (length >= kNibblesSure && zeros < length)) return true;
    }
  }
  return false;
}

bool has_nibbles(std::string_view compacted, std::string_view nibbles) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= compacted.size(); ++i) {
    if (i < compacted.size() && is_hex(compacted[i])) continue;
    if (i - begin >= kNibblesMin && is_stretch(compacted.substr(begin, i - begin), nibbles)) return true;
    begin = i + 1;
  }
  return false;
}

// "2001-db8-0-1", and "2001-db8--1" where two separators stand for the zeros.
struct Group {
  std::uint16_t value = 0;
  std::size_t digits = 0;   // without leading zeros: what it tells
  bool whole = true;        // false: the end of a longer word, so that nothing can stand before it
  std::size_t gap = 0;      // separators before it
  std::size_t gap_end = 0;  // separators behind it
};

class Groups {
 public:
  explicit Groups(std::string_view text) {
    std::size_t gap = 0;
    for (std::size_t i = 0; i < text.size();) {
      if (!is_alnum(text[i])) {
        ++gap;
        ++i;
        continue;
      }
      const std::size_t begin = i;
      while (i < text.size() && is_alnum(text[i])) ++i;
      if (count_ > 0 && list_.at(count_ - 1).gap_end == 0) list_.at(count_ - 1).gap_end = gap;
      add(text.substr(begin, i - begin), gap);
      gap = 0;
    }
    if (count_ > 0 && list_.at(count_ - 1).gap_end == 0) list_.at(count_ - 1).gap_end = gap;
  }
  [[nodiscard]] bool spell(const Hextets& hextets) const {
    for (std::size_t start = 0; start < count_; ++start) {
      for (std::size_t hextet = 0; hextet < hextets.size(); ++hextet) {
        if (spell_from(start, hextet, hextets)) return true;
      }
    }
    return false;
  }

 private:
  void add(std::string_view word, std::size_t gap) {
    std::size_t begin = word.size();
    while (begin > 0 && is_hex(word[begin - 1])) --begin;
    const std::string_view hex = word.substr(begin);
    Group group{.whole = begin == 0, .gap = gap};
    if (hex.empty() || hex.size() > 4) {
      broken_ = true;
      return;
    }
    for (const char c : hex) {
      group.value = static_cast<std::uint16_t>(group.value * 16 + hex_value(c));
      group.digits += group.value != 0;
    }
    if (broken_) group.whole = false;  // what stands before it is no group
    broken_ = false;
    list_.at(count_++) = group;
  }
  [[nodiscard]] bool spell_from(std::size_t start, std::size_t hextet, const Hextets& hextets) const {
    std::size_t matched = 0;
    std::size_t digits = 0;
    std::size_t large = 0;
    bool complete = hextet == 0 || (list_.at(start).gap == 2 && all_zero(hextets, 0, hextet));
    std::size_t at = hextet;  // that the next group must be
    for (std::size_t i = start; i < count_; ++i) {
      const Group& group = list_.at(i);
      if (i > start) {
        if (!group.whole || group.gap == 0 || group.gap > 2) break;
        if (group.gap == 2) {
          const std::size_t from = at;
          while (at < hextets.size() && hextets.at(at) == 0 && (at == from || hextets.at(at) != group.value)) ++at;
          if (at == from) break;
        }
      }
      if (at == hextets.size() || hextets.at(at) != group.value) break;
      ++at;
      ++matched;
      digits += group.digits;
      large += group.value > 0xF;
      if (matched >= kHextetsMin && digits >= kHextetDigitsMin && large >= kHextetsLargeMin) return true;
      const bool to_the_end = at == hextets.size() || (group.gap_end >= 2 && all_zero(hextets, at, hextets.size()));
      if (complete && to_the_end && matched >= 2 && digits >= 2) return true;
    }
    return false;
  }
  static bool all_zero(const Hextets& hextets, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      if (hextets.at(i) != 0) return false;
    return true;
  }

  std::array<Group, kSpelledMax / 2 + 1> list_;
  std::size_t count_ = 0;
  bool broken_ = false;
};

bool has_interface(std::string_view compacted, const std::array<std::uint8_t, 16>& octets) {
  std::uint64_t interface = 0;
  for (std::size_t i = 8; i < 16; ++i) interface = (interface << 8U) | octets.at(i);
  Fixed<16> hex;
  hex.add_number(interface, 16);
  return hex.view().size() >= kInterfaceMin && has(compacted, hex.view());
}

bool has_mac(std::string_view compacted, const std::array<std::uint8_t, 16>& octets) {
  if (octets[11] != 0xFF || octets[12] != 0xFE) return false;
  constexpr std::uint8_t kUniversal = 2;  // the bit that the identifier has inverted
  const std::array<std::uint8_t, 6> mac{
      static_cast<std::uint8_t>(octets[8] ^ kUniversal), octets[9], octets[10], octets[13], octets[14], octets[15]};
  return has(compacted, hex_of(mac).view());
}

// 192 for 0x192: what stands in a hextet that is meant to be read as a decimal number.
std::optional<std::uint8_t> decimal_look(std::uint16_t hextet) {
  unsigned value = 0;
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    const unsigned digit = (hextet >> shift) & 15U;
    if (digit > 9) return std::nullopt;
    value = value * 10 + digit;
  }
  return value <= 255 ? std::optional(static_cast<std::uint8_t>(value)) : std::nullopt;
}

bool has_inner_v4(std::string_view text, std::string_view compacted, const std::array<std::uint8_t, 16>& octets,
                  const Hextets& hextets) {
  const auto spelled = [&](const Octets& inner) {
    return inner[0] != 0 && spelled_v4(text, compacted, inner) == Spelled::ipv4;
  };
  if (hextets[0] == 0x2002 && spelled({octets[2], octets[3], octets[4], octets[5]})) return true;  // RFC 3056
  if (spelled({octets[12], octets[13], octets[14], octets[15]})) return true;
  Octets decimal{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto octet = decimal_look(hextets.at(4 + i));
    if (!octet) return false;
    decimal.at(i) = *octet;
    digits += *octet > 99 ? 3 : *octet > 9 ? 2 : 1;
  }
  return digits >= kJoinedWithinMin && spelled(decimal);
}

Spelled spelled_v6(std::string_view text, std::string_view compacted, const std::array<std::uint8_t, 16>& octets) {
  const auto nibbles = hex_of(octets);
  Fixed<32> backwards;
  for (std::size_t i = 32; i > 0; --i) backwards.add(nibbles.view()[i - 1]);
  if (has_nibbles(compacted, nibbles.view()) || has_nibbles(compacted, backwards.view())) return Spelled::ipv6;
  if (has_interface(compacted, octets)) return Spelled::ipv6;
  Hextets hextets{};
  for (std::size_t i = 0; i < 8; ++i) {
    hextets.at(i) = static_cast<std::uint16_t>((octets.at(2 * i) << 8U) | octets.at(2 * i + 1));
  }
  const Groups groups(text);
  if (groups.spell(hextets)) return Spelled::ipv6;
  Hextets reversed = hextets;
  std::ranges::reverse(reversed);
  if (groups.spell(reversed)) return Spelled::ipv6;
  if (has_mac(compacted, octets)) return Spelled::mac;
  return has_inner_v4(text, compacted, octets, hextets) ? Spelled::ipv4 : Spelled::nothing;
}

}  // namespace

Spelled spelled_address(std::string_view text, const ip::Address& address) {
  text = text.substr(0, kSpelledMax);
  const auto compacted = compact(text);
  return address.is_v4() ? spelled_v4(text, compacted.view(), address.v4_octets())
                         : spelled_v6(text, compacted.view(), address.octets());
}

}  // namespace postern::signals
