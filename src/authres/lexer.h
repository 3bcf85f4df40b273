// Lexer: the tokens of RFC 8601 2.2 over a field body: CFWS with nested comments, RFC 2045 tokens, quoted strings and
// RFC 5321 Keywords. Internal to authres. Every method either moves past what it read, or leaves the position alone and
// says so. Work is linear in the text. Thread rule: a value over octets that outlive it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::authres {

inline constexpr int kCommentDepthMax = 32;      // nesting; real fields use one level, the RFCs set no limit
inline constexpr std::size_t kKeywordMax = 128;  // octets; the longest registered one has 24

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] char before() const { return at_ == 0 ? '\0' : text_[at_ - 1]; }
  void seek(std::size_t position) { at_ = position; }
  // To the next ";" outside of comments and quoted-strings, or to the end.
  void skip_to_semicolon();

  bool take(char c);
  // [CFWS] (RFC 5322 3.2.2 with its obsolete forms). False: an unclosed or too deep comment, a bare CR, LF or NUL, or
  // octets that are not UTF-8; the position is then at the fault.
  bool skip_cfws();
  // Keyword = Ldh-str, which ends in a letter or digit. Empty: none here.
  std::string_view keyword();
  // token of RFC 2045 5.1; octets of UTF-8 as well (RFC 8616 3: U-labels stand where domain names do). Empty: none.
  std::string_view token();
  // 1*DIGIT; nullopt: none, or over 32 bits.
  std::optional<std::uint32_t> number();
  // The content of a quoted-string, quoted-pairs resolved and folds taken out; nullopt: none here, or malformed.
  // With `verbatim` the quotes and quoted-pairs stay.
  std::optional<std::string> quoted_string(bool verbatim = false);
  // value = token / quoted-string (RFC 2045 5.1)
  std::optional<std::string> value();
  // pvalue without the CFWS around it: value / [[local-part] "@"] domain-name (2.2).
  std::optional<std::string> pvalue();

 private:
  [[nodiscard]] std::size_t fold_length() const;  // of CRLF before white space here, or 0
  bool skip_comment();
  bool skip_text_octet();
  std::string_view run(bool (*accepts)(unsigned char));
  std::string_view domain_name();
  struct Words {
    std::string text;
    bool token = false;       // could be a value of its own, unquoted
    bool local_part = false;  // could stand before "@"
  };
  Words words();
  std::string_view text_;
  std::size_t at_ = 0;
};

[[nodiscard]] bool is_token(std::string_view text);    // RFC 2045 5.1, ASCII only
[[nodiscard]] bool is_keyword(std::string_view text);  // RFC 5321 4.1.2

}  // namespace postern::authres
