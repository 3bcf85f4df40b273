#include "config/node.h"

#include "base/text.h"

namespace postern::config {

namespace {

// Walks over TOML as far as needed to tell strings and comments from keys. It need not find syntax errors: up to the
// first one it sees the same tokens as the parser, and the parser goes no further.
class KeyScan {
 public:
  explicit KeyScan(std::string_view text) : text_(text) {}

  std::optional<TomlError> run() {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        const Place from = here_;
        if (skip_string(c)) continue;
        return TomlError{from, "a string begins here and does not end on its line; write the closing quote"};
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') step();
        continue;
      }
      if (c == '.') {
        if (++dots_ > kTomlDepthMax) {
          return TomlError{here_, "a key has more than " + std::to_string(kTomlDepthMax) + " parts"};
        }
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        // TOML 1.0: bare keys are ASCII; the library's look at others ends in an assumption that does not hold
        return TomlError{here_, "a character that is not ASCII stands outside quotes; put the key or value in quotes"};
      } else if (c == '=' || c == ',' || c == '[' || c == ']' || c == '{' || c == '}' || c == '\n') {
        dots_ = 0;
      }
      step();
    }
    return std::nullopt;
  }

 private:
  void step() {
    if (text_[at_] == '\n') {
      ++here_.line;
      here_.column = 1;
    } else if ((static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80) {
      ++here_.column;
    }
    ++at_;
  }
  void steps(std::size_t n) {
    for (; n > 0 && at_ < text_.size(); --n) step();
  }
  // False where a string of one line is not closed: to the library that is a control character inside of it.
  bool skip_string(char quote) {
    const std::string three(3, quote);
    const bool multi = text_.substr(at_).starts_with(three);
    steps(multi ? 3 : 1);
    while (at_ < text_.size()) {
      const std::string_view rest = text_.substr(at_);
      if (quote == '"' && rest[0] == '\\') {
        steps(2);
        continue;
      }
      if (multi && rest.starts_with(three)) {
        steps(3);
        for (int more = 0; more < 2 && at_ < text_.size() && text_[at_] == quote; ++more) step();  // TOML: """a"""""
        return true;
      }
      if (!multi && rest[0] == '\n') return false;
      step();
      if (!multi && rest[0] == quote) return true;
    }
    return multi;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Place here_{1, 1};
  std::size_t dots_ = 0;
};

}  // namespace

std::optional<TomlError> refuse_unparsed(std::string_view text) { return KeyScan(text).run(); }

std::string Node::describe() const {
  switch (kind) {
    case Kind::string:
      return "the string \"" + printable(text, 60) + "\"";
    case Kind::integer:
      return "the number " + std::to_string(integer);
    case Kind::real:
      return "a number with a fraction";
    case Kind::boolean:
      return boolean ? "true" : "false";
    case Kind::time:
      return "a date or time";
    case Kind::array:
      return items.empty() ? "an empty list" : "a list";
    case Kind::table:
      break;
  }
  return "a table";
}

}  // namespace postern::config
