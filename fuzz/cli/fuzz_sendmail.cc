// Any octets as what a program writes to sendmail: a message has CRLF line ends alone, and its recipients no line ends.
// The first line is the arguments, cut at spaces.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/sendmail.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::vector<std::string> arguments;
  for (const std::string_view word : split(text.substr(0, end), ' ')) arguments.emplace_back(word);
  const auto options = cli::parse_sendmail(arguments);
  if (options) POSTERN_CHECK(options->recipients.size() <= arguments.size() && options->notify < 16);
  const auto message = cli::sendmail_message(text.substr(end), (size & 1U) != 0);
  if (!message) return 0;
  for (std::size_t i = 0; i < message->size(); ++i) {
    if ((*message)[i] == '\n') POSTERN_CHECK(i > 0 && (*message)[i - 1] == '\r');
    if ((*message)[i] == '\r') POSTERN_CHECK(i + 1 < message->size() && (*message)[i + 1] == '\n');
  }
  POSTERN_CHECK(message->empty() || message->ends_with("\r\n"));
  // What was read once is read the same again
  const auto again = cli::sendmail_message(*message, true);
  POSTERN_CHECK(again.has_value());
  if (const auto recipients = cli::header_recipients(*message)) {
    for (const std::string& one : *recipients) POSTERN_CHECK(one.find_first_of("\r\n") == std::string::npos);
  }
  return 0;
}
