#include <array>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace postern::json {

namespace {

// Octets that are copied as they are: printable ASCII but for the quote and the backslash.
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}
constexpr auto kPlain = make_plain();

void append_code(std::string& out, std::uint8_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::array<char, 6> text = {'\\', 'u', '0', '0', kHex[value >> 4U], kHex[value & 15U]};
  out.append(text.data(), text.size());
}

void append_special(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      append_code(out, static_cast<std::uint8_t>(c));
      return;
  }
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> text;  // NOLINT: filled by to_chars; clearing it first costs more than the conversion
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), result.ptr);
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  out += '"';
  std::size_t start = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto octet = static_cast<std::uint8_t>(text[at]);
    if (kPlain[octet]) {
      ++at;
      continue;
    }
    if (octet >= 0x80) {
      const std::size_t length = utf8_length(text.substr(at));
      // U+0080 to U+009F are control characters that some terminals obey: escaped like the others
      const bool control = octet == 0xC2 && length == 2 && static_cast<std::uint8_t>(text[at + 1]) < 0xA0;
      if (length != 0 && !control) {
        at += length;
        continue;
      }
      out.append(text.substr(start, at - start));
      append_code(out, control ? static_cast<std::uint8_t>(text[at + 1]) : octet);
      at += control ? 2 : 1;
    } else {
      out.append(text.substr(start, at - start));
      append_special(out, text[at]);
      ++at;
    }
    start = at;
  }
  out.append(text.substr(start));
  out += '"';
}

void Writer::comma() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

Writer& Writer::open(char bracket) {
  comma();
  out_ += bracket;
  need_comma_ = false;
  return *this;
}

Writer& Writer::close(char bracket) {
  out_ += bracket;
  need_comma_ = true;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  comma();
  append_escaped(out_, name);
  out_ += ':';
  need_comma_ = false;
  return *this;
}

Writer& Writer::string(std::string_view value) {
  comma();
  append_escaped(out_, value);
  return *this;
}

Writer& Writer::number(std::int64_t value) {
  comma();
  append_number(out_, value);
  return *this;
}

Writer& Writer::number(std::uint64_t value) {
  comma();
  append_number(out_, value);
  return *this;
}

Writer& Writer::number(double value) {
  if (!std::isfinite(value)) return null();  // RFC 8259 section 6: JSON has no infinity and no NaN
  comma();
  append_number(out_, value);
  if (value == 0 && std::signbit(value)) out_ += ".0";  // readers take "-0" for the integer 0, which has no sign
  return *this;
}

Writer& Writer::boolean(bool value) {
  comma();
  out_ += value ? "true" : "false";
  return *this;
}

Writer& Writer::null() {
  comma();
  out_ += "null";
  return *this;
}

}  // namespace postern::json
