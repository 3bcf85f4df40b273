// Progress of a long recovery of the spool: a bar on a terminal, a line of the log every two seconds elsewhere; nothing
// of a short one. Thread rule: one thread.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "cli/progress.h"

namespace postern::cli {

class RecoveryProgress {
 public:
  void show(std::uint64_t done, std::uint64_t total);

 private:
  ProgressBar bar_{"recovering the spool"};
  Clock::time_point next_ = Clock::now() + milliseconds(500);
};

}  // namespace postern::cli
