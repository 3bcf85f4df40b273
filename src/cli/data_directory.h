// The folder that Postern writes to: made by whichever command needs it first.
#pragma once

#include <string>

#include "base/result.h"
#include "config/config.h"

namespace postern::cli {

// Makes the data directory where it is not there, for the user we are about to become.
[[nodiscard]] Result<void> make_data_directory(const std::string& path, const std::string& user);

// For tools that work on the files of a server that does not run: as root they become its user first, because what root
// wrote there the server could not read.
[[nodiscard]] Result<void> become_owner(const config::Loaded& loaded);

}  // namespace postern::cli
