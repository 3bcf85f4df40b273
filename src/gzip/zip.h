// The one file of a zip archive (PKWARE's APPNOTE 6.3), for reports: the large mailbox providers send them so. Whole
// texts in memory, the result bounded. Only what those archives need: one file, stored or deflated, on one disk; no
// encryption, no ZIP64. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postern::gzip {

[[nodiscard]] bool is_zip(std::string_view octets);
// Folders among the entries do not count. Errors: protocol where it is damaged, cut, or holds none or several files;
// limit where the file would be more than `max` octets, whatever the archive says of it; unsupported ways of packing
// are protocol as well, and named.
[[nodiscard]] Result<std::string> expand_zip(std::string_view octets, std::size_t max);

}  // namespace postern::gzip
