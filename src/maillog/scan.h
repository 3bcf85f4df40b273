// What the readers of messages share: small cuts of a text. Inlined, for they run on every line.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

namespace postern::maillog {

inline constexpr std::size_t kNone = std::string_view::npos;

inline std::size_t find_char(std::string_view text, char c, std::size_t from = 0) {
  if (from >= text.size()) return kNone;
  const void* const found = std::memchr(text.data() + from, c, text.size() - from);
  return found == nullptr ? kNone : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// Takes `prefix` away from the start, where it is there.
inline bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// What is before `mark`, which is taken away as well; false and nothing taken where it is not there.
inline bool take_until(std::string_view& text, std::string_view mark, std::string_view& out) {
  const std::size_t at = text.find(mark);
  if (at == kNone) return false;
  out = text.substr(0, at);
  text.remove_prefix(at + mark.size());
  return true;
}

// Where what is behind an address between < and > begins; `open` is the place of the <. A quoted local part may hold a
// > (RFC 5321 4.1.2), as Postfix writes it with info_log_addr_form = external; kNone where nothing closes it.
inline std::size_t behind_address(std::string_view text, std::size_t open) {
  if (open + 1 < text.size() && text[open + 1] == '"') {
    std::size_t at = open + 2;
    while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
    // A mailbox ends there, or its domain follows; else the mark is a part of a name that older Postfix does not quote.
    if (at + 1 < text.size() && (text[at + 1] == '@' || text[at + 1] == '>')) {
      const std::size_t close = find_char(text, '>', at + 1);
      if (close != kNone) return close + 1;
    }
  }
  const std::size_t close = find_char(text, '>', open + 1);
  return close == kNone ? kNone : close + 1;
}

// Octets of a queue id that ": " follows, at the start: 0 where there is none. Short ones are hexadecimal in upper case
// (microseconds and inode), long ones (enable_long_queue_ids) of the 52 digits and letters that are no vowels.
inline std::size_t queue_id_length(std::string_view text) {
  enum : unsigned char { hex = 1, base52 = 2 };
  static constexpr auto kClass = [] {
    std::array<unsigned char, 256> table{};
    for (const char c : std::string_view("0123456789ABCDEF")) table[static_cast<unsigned char>(c)] |= hex;
    for (const char c : std::string_view("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"))
      table[static_cast<unsigned char>(c)] |= base52;
    return table;
  }();
  constexpr std::size_t kShortest = 5, kShortestLong = 10, kLongest = 40;
  if (text.starts_with("NOQUEUE: ")) return 7;
  unsigned char all = hex | base52;
  std::size_t n = 0;
  for (; n < text.size() && n <= kLongest; ++n) {
    const unsigned char of = all & kClass[static_cast<unsigned char>(text[n])];
    if (of == 0) break;
    all = of;
  }
  if (n + 1 >= text.size() || text[n] != ':' || text[n + 1] != ' ') return 0;
  if ((all & hex) != 0 && n >= kShortest) return n;
  return (all & base52) != 0 && n >= kShortestLong ? n : 0;
}

}  // namespace postern::maillog
