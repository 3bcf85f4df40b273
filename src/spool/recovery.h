// Recovery: from what the disk holds to the index. Segments are read in order, the intake log first, then the meta log
// (whose word on a message that moved counts more), then the folder of bodies is compared with both.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "spool/index.h"
#include "spool/journal_store.h"
#include "spool/segment_log.h"

namespace postern::spool {

struct Recovered {
  Index index;
  std::vector<Id> moved;     // must be marked so in the intake log (the crash came between the two logs)
  std::vector<Id> finished;  // ended in the meta log while the intake log still has them
  std::vector<Id> strays;    // bodies of no message
  std::map<std::uint32_t, std::uint64_t> meta_records;
  std::uint64_t damaged_octets = 0;
  std::uint64_t lost = 0;  // messages whose body is missing or damaged; they are held, and logged by id
};

// The folders exist. Adopts the segments into the logs.
[[nodiscard]] Result<void> recover(const JournalOptions& options, Disk& disk, SegmentLog& intake, SegmentLog& meta,
                                   const std::string& deferred, Recovered& out);

}  // namespace postern::spool
