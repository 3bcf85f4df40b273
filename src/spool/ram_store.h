// The RAM twin of the journal: same behaviour, no disk, nothing survives. For tests of sessions and of the queue.
#pragma once

#include <memory>

#include "spool/store.h"

namespace postern::spool {

struct RamStoreFaults {  // what a test makes go wrong; read at each call
  bool commit_fails = false;
  bool begin_full = false;  // high-water mark reached
  bool begin_sick = false;
};

[[nodiscard]] std::unique_ptr<Store> make_ram_store(RamStoreFaults* faults = nullptr);

}  // namespace postern::spool
