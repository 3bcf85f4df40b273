#include "base/base64_lines.h"

#include <algorithm>

#include "base/text.h"

namespace postern {

void append_base64_lines(std::string& out, std::string_view bytes) {
  constexpr std::size_t kOctetsPerLine = 57;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kOctetsPerLine)))
    out += to_base64(bytes.substr(0, kOctetsPerLine)) + "\r\n";
}

}  // namespace postern
