#include "policy/lexer.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace postern::policy {

namespace {

constexpr bool is_word(char c) {
  return is_alpha(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':' || c == '/' || c == '@' || c == '+';
}
constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Sign {
  std::string_view text;
  TokenKind kind;
};
// Longer ones first.
constexpr std::array kSigns{
    Sign{"==", TokenKind::equal},     Sign{"!=", TokenKind::not_equal}, Sign{"<=", TokenKind::at_most},
    Sign{">=", TokenKind::at_least},  Sign{"<", TokenKind::less},       Sign{">", TokenKind::greater},
    Sign{"(", TokenKind::open},       Sign{")", TokenKind::close},      Sign{"[", TokenKind::open_list},
    Sign{"]", TokenKind::close_list}, Sign{",", TokenKind::comma},
};

// What other languages write.
struct Habit {
  std::string_view text;
  std::string_view remedy;
};
constexpr std::array kHabits{
    Habit{"<>", "write != for \"is not\""},
    Habit{"&&", "write and"},
    Habit{"||", "write or"},
    Habit{"=~", "there are no patterns; write within, contains, or ends with"},
    Habit{"&", "write and"},
    Habit{"|", "write or"},
    Habit{"!", "write not, or != between two"},
    Habit{"=", "write == to compare"},
    Habit{"{", "write a list as [a, b]"},
    Habit{"*", "there are no patterns; write within, contains, or ends with"},
};

}  // namespace

std::expected<std::vector<Token>, Fault> tokenize(std::string_view source) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (at < source.size()) {
    const char c = source[at];
    const std::string_view rest = source.substr(at);
    if (is_space(c)) {
      ++at;
      continue;
    }
    if (is_word(c)) {
      const auto end = std::ranges::find_if_not(rest, is_word);
      const auto length = static_cast<std::size_t>(end - rest.begin());
      tokens.push_back({TokenKind::word, rest.substr(0, length), at, length});
      at += length;
      continue;
    }
    if (c == '"' || c == '\'') {
      const std::size_t end = rest.find(c, 1);
      if (end == std::string_view::npos) return std::unexpected(Fault{at, "this quote is not closed"});
      const std::string_view text = rest.substr(1, end - 1);
      const auto control = std::ranges::find_if(text, [](char o) { return static_cast<unsigned char>(o) < 0x20; });
      if (control != text.end()) {
        return std::unexpected(Fault{at + 1 + static_cast<std::size_t>(control - text.begin()),
                                     "a quoted text cannot have a control character, nor go on in the next line"});
      }
      tokens.push_back({TokenKind::quoted, text, at, end + 1});
      at += end + 1;
      continue;
    }
    if (const auto* const habit =
            std::ranges::find_if(kHabits, [rest](const Habit& one) { return rest.starts_with(one.text); });
        habit != kHabits.end() && !rest.starts_with("!=") && !rest.starts_with("==")) {
      return std::unexpected(
          Fault{at, "\"" + std::string(habit->text) + "\" has no meaning here; " + std::string(habit->remedy)});
    }
    const auto* const sign =
        std::ranges::find_if(kSigns, [rest](const Sign& one) { return rest.starts_with(one.text); });
    if (sign == kSigns.end()) {
      const std::size_t length = std::max<std::size_t>(1, utf8_length(rest));
      return std::unexpected(Fault{
          at, "\"" + printable(rest.substr(0, length)) + "\" has no meaning here; put a text that has it in quotes"});
    }
    tokens.push_back({sign->kind, rest.substr(0, sign->text.size()), at, sign->text.size()});
    at += sign->text.size();
  }
  tokens.push_back({TokenKind::end, {}, source.size(), 0});
  return tokens;
}

std::string shown(const Token& token) {
  constexpr std::size_t kShown = 64;
  if (token.kind == TokenKind::end) return "the end";
  return "\"" + printable(token.text, kShown) + "\"";
}

}  // namespace postern::policy
