// `postern stats --maillog`: statistics of the logs of Postfix and Exim (docs/statistics-of-logs.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace postern::cli {

struct MaillogOptions {
  std::vector<std::string> files;  // "-": standard input
  bool lines = false;              // one JSON object a line of the log, in place of statistics
  bool all = false;                // every table and row, not one screen
  bool unknown = false;            // show what was not understood
  unsigned threads = 0;            // 0: as many as there are processors
};

struct StatsOptions;
// `since`, `until`, `json` and the clock are those of all statistics.
[[nodiscard]] int run_stats_maillog(const StatsOptions& all);

}  // namespace postern::cli
