// Reply: an SMTP reply as a value: code, enhanced status code (RFC 3463), text lines. It is formatted in one place, so
// that class and enhanced class never disagree and no reply is ever assembled by text surgery. ReplyReader is the other
// half: the bounded parser a client uses for what a server answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::smtp {

struct EnhancedCode {  // RFC 3463; {0,0,0} = none (greeting, EHLO, 354 and 334 have none: RFC 2034 4)
  std::uint8_t klass = 0;
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;
  [[nodiscard]] bool present() const { return klass != 0; }
  [[nodiscard]] std::string text() const;  // "5.1.1", or ""
  friend bool operator==(const EnhancedCode&, const EnhancedCode&) = default;
};

struct Reply {
  int code = 0;
  EnhancedCode enhanced;
  std::string text;  // lines separated by '\n'; octets that are not printable are escaped when formatted

  Reply() = default;
  Reply(int c, EnhancedCode e, std::string t) : code(c), enhanced(e), text(std::move(t)) {}
  [[nodiscard]] bool positive() const { return code >= 200 && code < 400; }
  [[nodiscard]] bool temporary() const { return code >= 400 && code < 500; }
  [[nodiscard]] bool permanent() const { return code >= 500; }
  // Appends the wire form: CRLF ended, continuation hyphens, enhanced code on each line, at most 512 octets a line
  // (RFC 5321 4.5.3.1.5); text that is longer is cut into further lines.
  void append_to(std::string& out) const;
  // "550 5.1.1 text", first line only, for logs
  [[nodiscard]] std::string line() const;
  // The same of all lines, with a blank between them. What matters may stand in the last one, such as the id that the
  // server gave the message, or in the middle.
  [[nodiscard]] std::string all_lines() const;
};

// The same without a Reply, for texts that are literals. `tag` stands behind the text as " [tag]" unless it is empty;
// it must be printable. `code` is 200 to 599; the enhanced class printed is always the code's own.
void append_reply(std::string& out, int code, EnhancedCode enhanced, std::string_view text, std::string_view tag = {});

inline constexpr std::size_t kReplyLineMax = 2048;  // what we accept; servers exceed RFC 5321's 512 in practice
inline constexpr std::size_t kReplyLinesMax = 128;
inline constexpr std::size_t kReplyMax = 16 * 1024;

// Sans-IO: feed octets, take one reply at a time. Rejects bare CR/LF, codes outside 200-599, lines whose codes differ,
// and anything over the limits; after an error it stays in error.
class ReplyReader {
 public:
  // Consumes up to the end of one reply; tells how many octets it took. Call again with the rest.
  [[nodiscard]] Result<std::size_t> feed(std::string_view input);
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] Reply take();  // after complete(); resets for the next reply
  [[nodiscard]] bool idle() const { return line_.empty() && lines_ == 0 && !cr_; }  // nothing of a reply seen yet

 private:
  [[nodiscard]] Result<void> end_of_line();
  std::string line_;
  Reply reply_;
  std::size_t lines_ = 0;
  std::size_t total_ = 0;
  bool cr_ = false;
  bool complete_ = false;
  bool failed_ = false;
};

}  // namespace postern::smtp
