// Any octets in any split: the reader agrees with itself whatever the split, and with a plain reference that looks at
// the whole header at once for what matters most: the number of Received fields (loop detection).
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "message/header_reader.h"

namespace {

using postern::message::HeaderReader;

// Lines are cut at CRLF; a field is NAME *WSP ":"; the section ends at the first empty line.
std::uint32_t received_by_reference(std::string_view text) {
  std::uint32_t count = 0;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (line.empty() && end != std::string_view::npos) break;
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && postern::iequals(postern::trim(line.substr(0, colon)), "received") &&
        line.front() != ' ' && line.front() != '\t') {
      ++count;
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 2);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t step = static_cast<unsigned char>(all[0]) % 17 + 1;
  const std::string_view text = all.substr(1);

  HeaderReader whole;
  whole.see(text);
  HeaderReader pieces;
  for (std::size_t at = 0; at < text.size(); at += step) pieces.see(text.substr(at, step));
  if (whole.fields() != pieces.fields() || whole.received() != pieces.received() ||
      whole.malformed() != pieces.malformed() || whole.in_header() != pieces.in_header() ||
      whole.header_octets() != pieces.header_octets() || whole.eight_bit() != pieces.eight_bit()) {
    std::abort();
  }
  if (whole.header_octets() > text.size()) std::abort();
  // A bare CR is not a line end to either, but the reference cannot see where a name would stop at it.
  bool bare_cr = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bare_cr = bare_cr || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n'));
  }
  if (!bare_cr && whole.received() != received_by_reference(text)) std::abort();
  return 0;
}
