#include "message/address_lexer.h"

#include "message/author.h"

namespace postern::message {
namespace {

bool is_white(char c) { return c == ' ' || c == '\t'; }

// RFC 5322 3.2.3 atext; octets beyond ASCII count as RFC 6532's UTF8-non-ascii, valid or not: names come in every
// charset. Domains are held to UTF-8 by the parser.
bool is_atext(char c) {
  if (static_cast<unsigned char>(c) >= 0x80) return true;
  if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return true;
  return c != 0 && std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
}

}  // namespace

// Folds only: CRLF in front of white space (RFC 5322 2.2.3), or the one that ends the field.
std::string_view AddressLexer::skip_fold() {
  if (body_.substr(at_, 2) != "\r\n") return "a bare CR or LF";
  at_ += 2;
  if (!done() && !is_white(body_[at_])) return "a line end that folds nothing";
  return {};
}

// RFC 5322 3.2.2: comments nest. Control characters are obs-ctext; NUL is not.
std::string_view AddressLexer::skip_comment() {
  int depth = 0;
  while (!done()) {
    const char c = body_[at_];
    if (c == '\r' || c == '\n') {
      if (const auto problem = skip_fold(); !problem.empty()) return problem;
      continue;
    }
    if (c == 0) return "a NUL";
    ++at_;
    if (c == '\\') {
      if (done() || body_[at_] == '\r' || body_[at_] == '\n' || body_[at_] == 0)
        return "a backslash that quotes nothing";
      ++at_;
    } else if (c == '(') {
      if (++depth > kCommentDepthMax) return "comments nested too deep";
    } else if (c == ')' && --depth == 0) {
      return {};
    }
  }
  return "a comment without its closing parenthesis";
}

std::string_view AddressLexer::skip_white() {
  while (!done()) {
    const char c = body_[at_];
    std::string_view problem;
    if (is_white(c)) {
      ++at_;
    } else if (c == '\r' || c == '\n') {
      problem = skip_fold();
    } else if (c == '(') {
      problem = skip_comment();
    } else {
      break;
    }
    if (!problem.empty()) return problem;
  }
  return {};
}

// What stands up to `close`, which is read too; quoted-pairs become the character alone (RFC 5322 3.2.1).
std::string_view AddressLexer::enclosed(char close, bool white_counts, std::string& out) {
  while (!done()) {
    const char c = body_[at_];
    if (c == '\r' || c == '\n') {
      if (const auto problem = skip_fold(); !problem.empty()) return problem;
      continue;
    }
    if (c == 0) return "a NUL";
    ++at_;
    if (c == close) return {};
    if (c == '\\') {
      if (done() || body_[at_] == '\r' || body_[at_] == '\n' || body_[at_] == 0)
        return "a backslash that quotes nothing";
      out += body_[at_++];
    } else if (close == ']' && c == '[') {
      return "a bracket inside of brackets";  // RFC 5322 3.4.1: no dtext
    } else if (white_counts || !is_white(c)) {
      out += c;
    }
  }
  return close == '"' ? "a quoted string without its closing quote" : "a bracket that is not closed";
}

Token AddressLexer::next() {
  Token token;
  token.problem = skip_white();
  token.at = at_;
  if (!token.problem.empty()) {
    token.kind = TokenKind::bad;
    return token;
  }
  if (done()) return token;
  const char c = body_[at_];
  if (is_atext(c)) {
    token.kind = TokenKind::atom;
    const std::size_t begin = at_;
    while (!done() && is_atext(body_[at_])) ++at_;
    token.text = body_.substr(begin, at_ - begin);
  } else if (c == '"' || c == '[') {
    ++at_;
    token.kind = c == '"' ? TokenKind::quoted : TokenKind::literal;
    token.problem = enclosed(c == '"' ? '"' : ']', c == '"', token.text);
    if (!token.problem.empty()) token.kind = TokenKind::bad;
  } else if (c != 0 && std::string_view(".@<>,:;").contains(c)) {
    ++at_;
    token.kind = TokenKind::special;
    token.special = c;
  } else {
    token.kind = TokenKind::bad;
    token.problem = c == ')'    ? "a parenthesis that closes nothing"
                    : c == ']'  ? "a bracket that closes nothing"
                    : c == '\\' ? "a backslash outside of quotes"
                    : c == 0    ? "a NUL"
                                : "a control character";
  }
  return token;
}

}  // namespace postern::message
