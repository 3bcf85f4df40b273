// gzip (RFC 1952), for reports: whole texts in memory, the result bounded. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postern::gzip {

[[nodiscard]] std::string compress(std::string_view text);
[[nodiscard]] bool is_gzip(std::string_view octets);
// All members of the file. Errors: protocol where it is damaged or cut, limit where it would be more than `max` octets.
[[nodiscard]] Result<std::string> expand(std::string_view octets, std::size_t max);

}  // namespace postern::gzip
