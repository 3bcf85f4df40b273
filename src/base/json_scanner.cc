#include "base/json_scanner.h"

#include <array>
#include <charconv>
#include <cmath>

namespace postern::json {

namespace {

// Octets at which skipping must look up: quotes and brackets.
constexpr std::array<bool, 256> make_stops() {
  std::array<bool, 256> stops{};
  for (const char c : {'"', '{', '}', '[', ']'}) stops[static_cast<unsigned char>(c)] = true;
  return stops;
}
constexpr auto kStops = make_stops();

constexpr bool is_number_octet(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
  } else {
    if (code < 0x10000) {
      out += static_cast<char>(0xE0U | code >> 12U);
    } else {
      out += static_cast<char>(0xF0U | code >> 18U);
      out += static_cast<char>(0x80U | (code >> 12U & 0x3FU));
    }
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
  }
  out += static_cast<char>(0x80U | (code & 0x3FU));
}

}  // namespace

bool Scanner::skip_string() {
  std::size_t at = at_ + 1;
  for (;;) {
    at = special(at);
    if (at >= text_.size()) return false;
    if (text_[at] == '"') break;
    at += 2;  // a backslash and what it escapes
  }
  at_ = at + 1;
  return true;
}

bool Scanner::skip_brackets() {
  std::size_t depth = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (!kStops[static_cast<unsigned char>(c)]) {
      ++at_;
    } else if (c == '"') {
      if (!skip_string()) return false;
    } else {
      ++at_;
      if (c == '{' || c == '[') {
        if (++depth > kDepthMax) return false;
      } else if (--depth == 0) {
        return true;
      }
    }
  }
  return false;
}

bool Scanner::skip() {
  white();
  if (at_ >= text_.size()) return false;
  const char c = text_[at_];
  if (c == '"') return skip_string();
  if (c == '{' || c == '[') return skip_brackets();
  const std::size_t begin = at_;  // a number, true, false or null
  while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' && text_[at_] != ':' &&
         text_[at_] != '"' && text_[at_] != '{' && text_[at_] != '[' && !is_white(text_[at_])) {
    ++at_;
  }
  return at_ > begin;
}

std::string_view Scanner::number_text() {
  white();
  std::size_t end = at_;
  while (end < text_.size() && is_number_octet(text_[end])) ++end;
  return text_.substr(at_, end - at_);
}

bool Scanner::integer(std::int64_t& out) {
  const std::string_view text = number_text();
  if (text.empty()) return skip();
  std::int64_t value = 0;
  const auto whole = std::from_chars(text.begin(), text.end(), value);
  if (whole.ec == std::errc() && whole.ptr == text.end()) {
    out = value;
    at_ += text.size();
    return true;
  }
  double number = 0;
  if (!real(number)) return false;
  if (std::trunc(number) == number && number >= -0x1p63 && number < 0x1p63) out = static_cast<std::int64_t>(number);
  return true;
}

bool Scanner::real(double& out) {
  const std::string_view text = number_text();
  if (text.empty()) return skip();
  double value = 0;
  const auto parsed = std::from_chars(text.begin(), text.end(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.end()) return false;
  out = value;
  at_ += text.size();
  return true;
}

bool Scanner::boolean(bool& out) {
  white();
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with("true")) {
    out = true;
  } else if (rest.starts_with("false")) {
    out = false;
  }
  return skip();
}

std::int32_t Scanner::hex4(std::size_t at) const {
  const std::string_view digits = text_.substr(std::min(at, text_.size()), 4);
  std::uint16_t value = 0;
  const auto parsed = std::from_chars(digits.begin(), digits.end(), value, 16);
  if (digits.size() != 4 || parsed.ec != std::errc() || parsed.ptr != digits.end()) return -1;
  return value;
}

// `at` stands behind "\u", and is put behind what was read. RFC 8259 section 7: beyond the basic plane a pair of
// surrogates.
bool Scanner::append_code_point(std::size_t& at) {
  const std::int32_t first = hex4(at);
  if (first < 0) return false;
  at += 4;
  auto code = static_cast<std::uint32_t>(first);
  if (code >= 0xDC00 && code < 0xE000) return false;
  if (code >= 0xD800 && code < 0xDC00) {
    if (!text_.substr(at).starts_with("\\u")) return false;
    const std::int32_t second = hex4(at + 2);
    if (second < 0xDC00 || second >= 0xE000) return false;
    at += 6;
    code = 0x10000 + ((code - 0xD800) << 10U) + (static_cast<std::uint32_t>(second) - 0xDC00);
  }
  append_utf8(*scratch_, code);
  return true;
}

bool Scanner::unescape(std::size_t begin, std::size_t at, std::string_view& out) {
  if (!scratch_used_) {
    scratch_->clear();
    scratch_->reserve(text_.size());  // no string grows when it is unescaped: what was given out does not move
    scratch_used_ = true;
  }
  const std::size_t start = scratch_->size();
  for (;;) {
    scratch_->append(text_.substr(begin, at - begin));
    if (at >= text_.size()) return false;
    if (text_[at] == '"') break;
    if (at + 1 >= text_.size()) return false;
    const char escape = text_[at + 1];
    at += 2;
    switch (escape) {
      case '"':
      case '\\':
      case '/':
        *scratch_ += escape;
        break;
      case 'b':
        *scratch_ += '\b';
        break;
      case 'f':
        *scratch_ += '\f';
        break;
      case 'n':
        *scratch_ += '\n';
        break;
      case 'r':
        *scratch_ += '\r';
        break;
      case 't':
        *scratch_ += '\t';
        break;
      case 'u':
        if (!append_code_point(at)) return false;
        break;
      default:
        return false;
    }
    begin = at;
    at = special(at);
  }
  out = std::string_view(*scratch_).substr(start);
  at_ = at + 1;
  return true;
}

}  // namespace postern::json
