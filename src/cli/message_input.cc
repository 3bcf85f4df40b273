#include "cli/message_input.h"

#include <utility>

namespace postern::cli {

namespace {

bool has_bare_lf(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return true;
  }
  return false;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  std::size_t from = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', from)) {
    out.append(text.substr(from, at - from));
    out.append(at > 0 && text[at - 1] == '\r' ? "\n" : "\r\n");
    from = at + 1;
  }
  out.append(text.substr(from));
  return out;
}

}  // namespace

MessageInput message_input(std::string octets) {
  MessageInput message;
  if (octets.starts_with("From ")) {
    const std::size_t end = octets.find('\n');
    octets.erase(0, end == std::string::npos ? octets.size() : end + 1);
  }
  message.bare_lf = has_bare_lf(octets);
  message.text = message.bare_lf ? with_crlf(octets) : std::move(octets);
  if (message.text.starts_with("\r\n")) {
    message.body_at = 2;
    return message;
  }
  const std::size_t gap = message.text.find("\r\n\r\n");
  message.header_size = gap == std::string::npos ? message.text.size() : gap + 2;
  message.body_at = gap == std::string::npos ? message.text.size() : gap + 4;
  return message;
}

}  // namespace postern::cli
