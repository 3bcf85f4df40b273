// `postern sendmail`, also as `sendmail` by the program's name: takes a message of a program of this machine from
// standard input and leaves it in the pickup folder (inbound/pickup.h), whether the server runs or not. Exit codes are
// sysexits(3)'s.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::cli {

struct SendmailOptions {
  enum class Mode : std::uint8_t { deliver, smtp, list, nothing, unknown };
  Mode mode = Mode::deliver;
  bool from_header = false;  // -t
  bool dot_is_text = false;  // -i, -oi
  std::optional<std::string> sender;
  std::string full_name;
  std::string config;
  std::string envid, ret;
  std::uint8_t notify = 0;
  std::vector<std::string> recipients;
};
// `arguments` without the program's name. Errors tell which option.
[[nodiscard]] Result<SendmailOptions> parse_sendmail(const std::vector<std::string>& arguments);

// What a program wrote, as a message: CRLF line ends, and an empty line on top where there is no header. Ends at a line
// with a dot alone unless `dot_is_text`. ErrorKind::invalid: a carriage return or NUL that ends no line.
[[nodiscard]] Result<std::string> sendmail_message(std::string_view input, bool dot_is_text);
// The recipients that To, Cc and Bcc name.
[[nodiscard]] Result<std::vector<std::string>> header_recipients(std::string_view message);

[[nodiscard]] int run_sendmail(const std::vector<std::string>& arguments);

}  // namespace postern::cli
