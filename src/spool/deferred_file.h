// The file of a message that waits longer than a minute: its octets exactly as they were received, so that an operator
// can read them with any tool, then a trailer: a CRC-32C for each 64 KiB block, the id, the size, and a CRC of it all.
#pragma once

#include <memory>
#include <string>

#include "base/id.h"
#include "base/result.h"
#include "spool/disk.h"
#include "spool/store.h"

namespace postern::spool {

inline constexpr std::size_t kDeferredBlock = 64 * 1024;

// "xx/ID", where xx are the last two characters of the id: the random end spreads the files evenly.
[[nodiscard]] std::string deferred_name(const Id& id);

// Writes and syncs the file (not its folder). A file that is there already is a left-over of a move that did not end.
[[nodiscard]] Result<void> write_deferred(Disk& disk, const std::string& path, const Id& id, Body& body);
[[nodiscard]] Result<std::unique_ptr<Body>> open_deferred(Disk& disk, const std::string& path, const Id& id);

}  // namespace postern::spool
