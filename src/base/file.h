// Whole files: reading one that the operator named, bounded; putting a new one in the place of an old one, durably; and
// the lock beside it, for who changes it. Not for what a stranger sends, nor on an event loop's thread: all of it
// blocks. Thread rule: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace postern {

// Errors name the file: not_found where there is none, storage where it cannot be read, limit over `max` octets.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max);

// A new file, fsync, rename, fsync of the folder; mode 0600. A reader finds the old text or the new one, never a part.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);
[[nodiscard]] Result<void> sync_folder_of(const std::string& path);

// An flock(2) on `path`, which is made where it is not there (0600), held until the descriptor is closed. Waits for who
// has it at most `timeout_ms`, then ErrorKind::timeout.
[[nodiscard]] Result<UniqueFd> lock_file(const std::string& path, std::int64_t timeout_ms);

}  // namespace postern
