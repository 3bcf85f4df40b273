#include "dkim/quoted_printable.h"

#include "base/text.h"

namespace postern::dkim {

std::optional<std::string> decode_quoted_printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (c != '=') {
      out.push_back(c);
      continue;
    }
    const auto octet = from_hex(text.substr(at + 1, 2));
    if (!octet || octet->size() != 1) return std::nullopt;
    out += *octet;
    at += 2;
  }
  return out;
}

std::string encode_quoted_printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c < 0x7F && c != '=' && c != ';' && c != '|') {
      out.push_back(c);
    } else {
      out.push_back('=');
      out += upper(to_hex(std::string_view(&c, 1)));
    }
  }
  return out;
}

}  // namespace postern::dkim
