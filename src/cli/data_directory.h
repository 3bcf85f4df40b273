// The folder that Postern writes to: made by whichever command needs it first.
#pragma once

#include <string>

#include "base/result.h"

namespace postern::cli {

// Makes the data directory where it is not there, for the user we are about to become.
[[nodiscard]] Result<void> make_data_directory(const std::string& path, const std::string& user);

}  // namespace postern::cli
