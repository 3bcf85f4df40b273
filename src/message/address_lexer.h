// AddressLexer: the tokens of a structured field body with addresses (RFC 5322 3.2, 4.1; RFC 6532 3.2). White space,
// folds and comments are skipped between tokens. Private to message/author. Thread rule: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::message {

enum class TokenKind : std::uint8_t { end, atom, quoted, literal, special, bad };

struct Token {
  TokenKind kind = TokenKind::end;
  char special = 0;          // one of . @ < > , : ;
  std::string text;          // atom: as written; quoted and literal: what is inside, quoted-pairs resolved
  std::size_t at = 0;        // where it begins
  std::string_view problem;  // bad: why
  [[nodiscard]] bool is(char c) const { return kind == TokenKind::special && special == c; }
  [[nodiscard]] bool word() const { return kind == TokenKind::atom || kind == TokenKind::quoted; }
};

class AddressLexer {
 public:
  explicit AddressLexer(std::string_view body) : body_(body) {}
  // The next token; after `end` or `bad` the same again.
  [[nodiscard]] Token next();

 private:
  // Each returns why it failed, or nothing.
  std::string_view skip_white();
  std::string_view skip_fold();
  std::string_view skip_comment();
  std::string_view enclosed(char close, bool white_counts, std::string& out);
  [[nodiscard]] bool done() const { return at_ >= body_.size(); }

  std::string_view body_;
  std::size_t at_ = 0;
};

}  // namespace postern::message
