// Scanner: walks over JSON text and reads the values that are asked for, without building a document. For what is read
// by the hundred thousand a second (records); json::parse() is for everything else.
//
// Lenient in what it skips: brackets must balance and strings must end, the rest of a skipped value is not looked at.
// Reads are lenient as json::Value's are: a value of another type is skipped and the target keeps what it held. Each
// call consumes one value; false means that the text is no JSON here, and the scanner is of no further use.
// Views are into the text, or, for strings with escapes, into `scratch`, which is not moved while the text lives.
// Thread rule: values.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace postern::json {

class Scanner {
 public:
  static constexpr std::size_t kDepthMax = 64;

  // `scratch` holds unescaped strings; it is emptied at the first one of this text.
  Scanner(std::string_view text, std::string& scratch) : text_(text), scratch_(&scratch) {}

  // Calls member(key) for each member, which consumes its value with one call; a key with escapes is given unescaped.
  // Anything but an object is skipped.
  template <class Member>
  bool object(Member&& member) {
    if (!next_is('{')) return skip();
    ++at_;
    if (next_is('}')) return close();
    for (;;) {
      std::string_view key;
      if (!next_is('"') || !string(key) || !next_is(':')) return false;
      ++at_;
      if (!member(key)) return false;
      if (next_is(',')) {
        ++at_;
        continue;
      }
      return next_is('}') && close();
    }
  }
  // Calls element() for each element, which consumes it. Anything but an array is skipped.
  template <class Element>
  bool array(Element&& element) {
    if (!next_is('[')) return skip();
    ++at_;
    if (next_is(']')) return close();
    for (;;) {
      if (!element()) return false;
      if (next_is(',')) {
        ++at_;
        continue;
      }
      return next_is(']') && close();
    }
  }
  bool string(std::string_view& out) {
    if (!next_is('"')) return skip();
    const std::size_t begin = at_ + 1;
    const std::size_t end = special(begin);
    if (end >= text_.size()) return false;
    if (text_[end] == '\\') return unescape(begin, end, out);
    out = text_.substr(begin, end - begin);
    at_ = end + 1;
    return true;
  }
  bool integer(std::int64_t& out);  // 1e3 and 1.0 are integers
  bool real(double& out);
  bool boolean(bool& out);
  bool is_null() { return next_is('n'); }
  bool is_string() { return next_is('"'); }
  bool skip();
  // The text of the value, as it stands.
  bool raw(std::string_view& out) {
    white();
    const std::size_t begin = at_;
    if (!skip()) return false;
    out = text_.substr(begin, at_ - begin);
    return true;
  }
  // Nothing but white space is left.
  bool finished() {
    white();
    return at_ == text_.size();
  }

 private:
  [[nodiscard]] static bool is_white(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  void white() {
    while (at_ < text_.size() && is_white(text_[at_])) ++at_;
  }
  bool next_is(char c) {
    if (at_ < text_.size() && text_[at_] == c) return true;  // lines of our own have no white space
    white();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool close() {
    ++at_;
    return true;
  }
  // Where the next quote or backslash stands; the text's size where there is none. Eight octets a step: an octet of
  // `(x - 0x01..) & ~x & 0x80..` is set where x is zero, and the lowest such octet is exact.
  [[nodiscard]] std::size_t special(std::size_t at) const {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHigh = 0x8080808080808080;
    for (; at + sizeof(std::uint64_t) <= text_.size(); at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text_.substr(at).data(), sizeof word);
      const std::uint64_t quote = word ^ (kOnes * '"');
      const std::uint64_t slash = word ^ (kOnes * '\\');
      const std::uint64_t found = ((quote - kOnes) & ~quote & kHigh) | ((slash - kOnes) & ~slash & kHigh);
      if (found == 0) continue;
      if constexpr (std::endian::native == std::endian::little) {
        return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
      } else {
        break;
      }
    }
    while (at < text_.size() && text_[at] != '"' && text_[at] != '\\') ++at;
    return at;
  }
  bool skip_string();
  bool skip_brackets();
  std::string_view number_text();
  bool unescape(std::size_t begin, std::size_t at, std::string_view& out);
  [[nodiscard]] std::int32_t hex4(std::size_t at) const;  // negative where they are not four hexadecimal digits
  bool append_code_point(std::size_t& at);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string* scratch_;
  bool scratch_used_ = false;
};

}  // namespace postern::json
