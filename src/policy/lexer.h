// The lexer of the policy language (docs/policy.md: language): words, quoted texts, signs. Pure; every octet of the
// source belongs to one token, to white space, or to the fault that is reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace postern::policy {

enum class TokenKind : std::uint8_t {
  word,    // letters, digits and _ - . : / @ +
  quoted,  // within "..." or '...'; `text` is without the quotes, and there are no escapes
  open,
  close,
  open_list,
  close_list,
  comma,
  equal,
  not_equal,
  less,
  at_most,
  greater,
  at_least,
  end,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;   // into the source
  std::size_t offset = 0;  // of the first octet, an opening quote included
  std::size_t length = 0;
};

// What is wrong with an expression, and where in it.
struct Fault {
  std::size_t offset = 0;
  std::string what;  // the problem and its remedy, one line
};

// The last token is `end`.
[[nodiscard]] std::expected<std::vector<Token>, Fault> tokenize(std::string_view source);

// A token as it stands in messages: "rdns", a quoted text with its quotes, or "the end".
[[nodiscard]] std::string shown(const Token& token);

}  // namespace postern::policy
