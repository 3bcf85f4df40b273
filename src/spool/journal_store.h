// The journal: Store on disk, an append-only intake log with group commit (docs/spool.md has states and crash table).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "spool/store.h"

namespace postern::spool {

struct JournalOptions {
  std::string directory;                      // made (0700) when missing; locked while open
  std::uint64_t segment_bytes = 64ULL << 20;  // size of one log segment
  std::uint64_t max_bytes = 0;                // high-water mark on disk; 0: 90 % of the file system
  std::int64_t settle_after_ms = 60000;       // age at which a live message moves to a file of its own
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;  // during recovery, octets; may be empty
};

// Opens, recovers and starts the commit thread. Errors: the directory cannot be made, locked, read or written.
[[nodiscard]] Result<std::unique_ptr<Store>> open_journal(const JournalOptions& options);

}  // namespace postern::spool
