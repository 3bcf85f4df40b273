// Addresses: what is parsed prints as a wire form that parses to the same value; errors are one printable line.
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/text.h"
#include "smtp/address.h"

using namespace postern::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool utf8 : {false, true}) {
    if (const auto mailbox = parse_mailbox(text, utf8)) {
      const std::string printed = mailbox->text();
      const auto again = parse_mailbox(printed, utf8);
      POSTERN_CHECK(again && *again == *mailbox && again->text() == printed);
      POSTERN_CHECK(printed.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
      POSTERN_CHECK(utf8 || postern::is_ascii(printed));
      POSTERN_CHECK(postern::is_ascii(mailbox->domain.text()));
    }
    for (const bool null_allowed : {false, true}) {
      const auto path = parse_path(text, null_allowed, utf8);
      if (!path) {
        for (const char c : path.error().what) POSTERN_CHECK(c >= ' ' && c <= '~');
        continue;
      }
      POSTERN_CHECK(path->consumed <= text.size() && path->consumed <= kPathMax);
      POSTERN_CHECK(text[path->consumed - 1] == '>');
      const std::string printed = "<" + path->path.text() + ">";
      if (printed.size() > kPathMax) continue;  // U-labels may grow when they become A-labels
      const auto again = parse_path(printed, null_allowed, utf8);
      POSTERN_CHECK(again && again->path == path->path && again->consumed == printed.size());
    }
  }
  return 0;
}
