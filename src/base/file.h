// Reading a file that the operator named: whole, and bounded. Not for what a stranger sends, nor on an event loop's
// thread: it blocks. Thread rule: any thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace postern {

// Errors name the file: not_found where there is none, storage where it cannot be read, limit over `max` octets.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max);

}  // namespace postern
