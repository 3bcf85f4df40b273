#include "authres/lexer.h"

#include <algorithm>

#include "base/text.h"

namespace postern::authres {
namespace {

constexpr std::string_view kTspecials = "()<>@,;:\\\"/[]?=";  // RFC 2045 5.1

bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool is_letter_or_digit(char c) { return is_alpha(c) || is_digit(c); }
bool is_ldh(unsigned char c) { return is_letter_or_digit(static_cast<char>(c)) || c == '-'; }
bool is_token_octet(unsigned char c) {
  return c > 0x20 && c != 0x7F && !kTspecials.contains(static_cast<char>(c));  // beyond ASCII: checked as UTF-8
}
// atext and "." (RFC 5322 3.2.3), which is a token but for "/", "=" and "?"
bool is_local_octet(unsigned char c) { return is_token_octet(c) || c == '/' || c == '=' || c == '?'; }
// RFC 6376 3.5 by way of RFC 5321 sub-domain; "_" as well, which stands in names that are used (RFC 8553 1.1)
bool is_domain_octet(unsigned char c) { return is_ldh(c) || c == '.' || c == '_' || c >= 0x80; }

bool is_dot_atom(std::string_view text) {
  return !text.empty() && text.front() != '.' && text.back() != '.' && !text.contains("..");
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x80 && is_token_octet(octet);
  });
}

bool is_keyword(std::string_view text) {
  return !text.empty() && text.size() <= kKeywordMax && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_ldh(static_cast<unsigned char>(c)); });
}

bool Lexer::take(char c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

std::size_t Lexer::fold_length() const {
  const std::string_view here = rest();
  return here.size() > 2 && here.starts_with("\r\n") && is_blank(here[2]) ? 2 : 0;
}

// One character inside a comment or a quoted-string. RFC 5322 4.1: control characters but NUL, CR and LF are obsolete,
// not wrong; RFC 6532 3.2: UTF-8.
bool Lexer::skip_text_octet() {
  const std::size_t length = utf8_length(rest());
  if (length == 0 || peek() == '\0' || peek() == '\r' || peek() == '\n') return false;
  at_ += length;
  return true;
}

bool Lexer::skip_comment() {
  int depth = 0;
  do {
    if (at_end()) return false;
    if (const std::size_t fold = fold_length(); fold > 0) {
      at_ += fold;
    } else if (take('(')) {
      if (++depth > kCommentDepthMax) return false;
    } else if (take(')')) {
      --depth;
    } else {
      take('\\');  // quoted-pair: the next character, whatever it is
      if (at_end() || !skip_text_octet()) return false;
    }
  } while (depth > 0);
  return true;
}

bool Lexer::skip_cfws() {
  while (!at_end()) {
    if (is_blank(peek())) {
      ++at_;
    } else if (const std::size_t fold = fold_length(); fold > 0) {
      at_ += fold;
    } else if (peek() == '(') {
      if (!skip_comment()) return false;
    } else {
      return true;
    }
  }
  return true;
}

std::string_view Lexer::run(bool (*accepts)(unsigned char)) {
  const std::size_t start = at_;
  while (!at_end() && accepts(static_cast<unsigned char>(peek()))) {
    const std::size_t length = utf8_length(rest());
    if (length == 0) break;
    at_ += length;
  }
  return text_.substr(start, at_ - start);
}

std::string_view Lexer::keyword() {
  const std::size_t start = at_;
  const std::string_view found = run(is_ldh);
  if (is_keyword(found)) return found;
  at_ = start;
  return {};
}

std::string_view Lexer::token() { return run(is_token_octet); }

std::optional<std::uint32_t> Lexer::number() {
  const std::size_t start = at_;
  while (!at_end() && is_digit(peek())) ++at_;
  const auto value = parse_unsigned(text_.substr(start, at_ - start), UINT32_MAX);
  if (!value) {
    at_ = start;
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::string> Lexer::quoted_string(bool verbatim) {
  const std::size_t start = at_;
  std::string out;
  if (!take('"')) return std::nullopt;
  if (verbatim) out += '"';
  while (!at_end()) {
    if (take('"')) {
      if (verbatim) out += '"';
      return out;
    }
    if (const std::size_t fold = fold_length(); fold > 0) {
      at_ += fold;
      continue;
    }
    if (take('\\') && verbatim) out += '\\';
    const std::size_t from = at_;
    if (at_end() || !skip_text_octet()) break;
    out += text_.substr(from, at_ - from);
  }
  at_ = start;
  return std::nullopt;
}

std::optional<std::string> Lexer::value() {
  if (peek() == '"') return quoted_string();
  const std::string_view found = token();
  if (found.empty()) return std::nullopt;
  return std::string(found);
}

std::string_view Lexer::domain_name() {
  const std::size_t start = at_;
  const std::string_view name = run(is_domain_octet);
  if (is_dot_atom(name)) return name;
  at_ = start;
  return {};
}

void Lexer::skip_to_semicolon() {
  while (!at_end() && peek() != ';') {
    const bool closed = peek() == '"' ? quoted_string().has_value() : skip_cfws();
    // Behind a comment or a quoted-string without end there is no ";".
    if (!closed) at_ = text_.size();
    if (!at_end() && peek() != ';' && peek() != '"') ++at_;
  }
}

// What may be a token, a quoted-string or a local part. obs-local-part = word *("." word) covers dot-atom and
// quoted-string (RFC 5322 4.4), here without CFWS inside.
Lexer::Words Lexer::words() {
  Words out;
  bool quoted = false;
  bool dots_right = true;
  bool word_expected = true;
  while (true) {
    if (peek() == '"') {
      if (!word_expected) break;
      const auto word = quoted_string(true);
      if (!word) return {};
      out.text += *word;
      word_expected = false;
      quoted = true;
      continue;
    }
    const std::size_t start = at_;
    const std::string_view atoms = run(is_local_octet);
    if (atoms.empty()) break;
    if (!out.text.empty() && !word_expected && atoms.front() != '.') {
      at_ = start;
      break;
    }
    dots_right = dots_right && !atoms.contains("..") && !(word_expected && atoms.front() == '.');
    out.text += atoms;
    word_expected = atoms.back() == '.';
  }
  out.local_part = !out.text.empty() && dots_right && !word_expected;
  out.token = !quoted && !out.text.empty() &&
              std::ranges::all_of(out.text, [](char c) { return is_token_octet(static_cast<unsigned char>(c)); });
  return out;
}

std::optional<std::string> Lexer::pvalue() {
  const std::size_t start = at_;
  std::string address;
  if (peek() != '@') {
    Words found = words();
    const std::size_t after = at_;
    // A local part may have CFWS behind it (RFC 5322 3.2.3); where no "@" follows, that belongs to the caller.
    if (found.text.empty() || !skip_cfws() || peek() != '@') {
      at_ = after;
      if (found.token) return std::move(found.text);
      at_ = start;
      auto quoted = quoted_string();
      if (quoted && at_ == after) return quoted;
      at_ = start;
      return std::nullopt;
    }
    if (!found.local_part) {
      at_ = start;
      return std::nullopt;
    }
    address = std::move(found.text);
  }
  take('@');
  const std::string_view domain = domain_name();
  if (domain.empty()) {
    at_ = start;
    return std::nullopt;
  }
  address += '@';
  address += domain;
  return address;
}

}  // namespace postern::authres
