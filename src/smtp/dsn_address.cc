#include "smtp/dsn_address.h"

#include <algorithm>

#include "base/text.h"

namespace postern::smtp {

namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

constexpr bool is_printable(char c) { return c >= ' ' && c <= '~'; }

// RFC 6533 3, QCHAR: what unitext leaves as it is, of ASCII.
constexpr bool is_qchar(char c) { return c > ' ' && c <= '~' && c != '\\' && c != '+' && c != '='; }

// The code point at the front of valid UTF-8, which is taken off.
char32_t take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t point = length == 1 ? lead : static_cast<char32_t>(lead & (0xFFU >> (length + 1)));
  for (std::size_t i = 1; i < length && i < text.size(); ++i) {
    point = (point << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  text.remove_prefix(std::min(length, text.size()));
  return point;
}

void append_utf8(std::string& out, char32_t point) {
  const auto tail = [&](unsigned shift) { out.push_back(static_cast<char>(0x80U | ((point >> shift) & 0x3FU))); };
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xC0U | (point >> 6U)));
    tail(0);
  } else if (point < 0x10000) {
    out.push_back(static_cast<char>(0xE0U | (point >> 12U)));
    tail(6);
    tail(0);
  } else {
    out.push_back(static_cast<char>(0xF0U | (point >> 18U)));
    tail(12);
    tail(6);
    tail(0);
  }
}

// UTF-8 without C0 and C1 controls, DEL, and the separators that some readers take for line ends.
bool is_plain_utf8(std::string_view text) {
  if (!is_utf8(text)) return false;
  while (!text.empty()) {
    const char32_t point = take_code_point(text);
    if (point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029) return false;
  }
  return true;
}

// HEXPOINT "}" at the front of `text`, taken off.
std::optional<char32_t> take_point(std::string_view& text) {
  const std::size_t end = text.find('}');
  if (end == std::string_view::npos || end < 2 || end > 6) return std::nullopt;
  char32_t point = 0;
  for (const char c : text.substr(0, end)) {
    const std::size_t digit = kHex.find(c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c);
    if (digit == std::string_view::npos) return std::nullopt;
    point = point * 16 + static_cast<char32_t>(digit);
  }
  if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return std::nullopt;
  text.remove_prefix(end + 1);
  return point;
}

// RFC 3464 2.1.2 via RFC 3461 4.2: an address-type is an atom.
bool is_address_type(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

std::string to_xtext(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c > ' ' && c <= '~' && c != '+' && c != '=') {
      out.push_back(c);
    } else {
      out += {'+', kHex[octet >> 4U], kHex[octet & 15U]};
    }
  }
  return out;
}

std::optional<std::string> from_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c <= ' ' || c > '~' || c == '=') return std::nullopt;
    if (c != '+') {
      out.push_back(c);
      continue;
    }
    // RFC 3461 4: two upper-case hexadecimal digits
    const auto octet = from_hex(text.substr(i + 1, 2));
    if (!octet || octet->size() != 1) return std::nullopt;
    out += *octet;
    i += 2;
  }
  return out;
}

std::string to_unitext(std::string_view text, bool ascii) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t point = take_code_point(text);
    const bool plain = point < 0x80 ? is_qchar(before.front()) : !ascii;
    if (plain) {
      out += before.substr(0, before.size() - text.size());
      continue;
    }
    std::string digits;
    for (char32_t rest = point; rest != 0 || digits.size() < 2; rest /= 16) digits.insert(0, 1, kHex[rest % 16]);
    out += "\\x{" + digits + "}";
  }
  return out;
}

std::optional<std::string> from_unitext(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    if (c != '\\') {
      if (static_cast<unsigned char>(c) < 0x80 && !is_qchar(c)) return std::nullopt;
      out.push_back(c);
      text.remove_prefix(1);
      continue;
    }
    if (!text.starts_with("\\x{")) return std::nullopt;
    text.remove_prefix(3);
    const auto point = take_point(text);
    if (!point) return std::nullopt;
    append_utf8(out, *point);
  }
  return out;
}

std::optional<std::string> parse_envid(std::string_view value) {
  if (value.empty() || value.size() > kEnvidMax) return std::nullopt;
  auto text = from_xtext(value);
  if (!text || !std::ranges::all_of(*text, is_printable)) return std::nullopt;
  return text;
}

std::optional<std::string> parse_orcpt(std::string_view value, bool utf8) {
  if (value.size() > kOrcptMax) return std::nullopt;
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos || semicolon + 1 == value.size()) return std::nullopt;
  const std::string_view type = value.substr(0, semicolon);
  const std::string_view address = value.substr(semicolon + 1);
  if (!is_address_type(type)) return std::nullopt;
  std::optional<std::string> text;
  if (iequals(type, "utf-8")) {
    // RFC 6533 3: UTF-8 itself only where the message is an internationalised one
    if (!utf8 && !is_ascii(address)) return std::nullopt;
    text = from_unitext(address);
    if (!text || !is_plain_utf8(*text)) return std::nullopt;
  } else {
    text = from_xtext(address);
    if (!text || !std::ranges::all_of(*text, is_printable)) return std::nullopt;
  }
  return lower(type) + ";" + *text;
}

std::string orcpt_value(std::string_view original, bool utf8) {
  const std::size_t semicolon = std::min(original.find(';'), original.size());
  const std::string_view type = original.substr(0, semicolon);
  const std::string_view address = original.substr(std::min(semicolon + 1, original.size()));
  return std::string(type) + ";" + (type == "utf-8" ? to_unitext(address, !utf8) : to_xtext(address));
}

std::string report_address(std::string_view original, bool utf8) {
  if (utf8 || is_ascii(original)) return std::string(original);
  const std::size_t semicolon = std::min(original.find(';'), original.size());
  return std::string(original.substr(0, semicolon)) + ";" +
         to_unitext(original.substr(std::min(semicolon + 1, original.size())), true);
}

}  // namespace postern::smtp
