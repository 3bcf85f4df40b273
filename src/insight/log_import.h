// Statistics of mail logs of others: files of Postfix or Exim in, one maillog::Tally out. Plain files are read in
// pieces by all threads at once, each with a tally of its own; what is packed, or comes through a pipe, is unpacked by
// one thread and counted by the others. Memory does not depend on the size of the log: a piece and a tally a thread.
//
// Plain files are read, not mapped, though mapping is the first thing to think of: a log that is cut while it is read
// (logrotate's copytruncate) would end the program with SIGBUS, and the copy out of the page cache costs what the page
// tables cost: 0.20 s of CPU a GB either way, newlines counted.
// Thread rule: call from one thread; blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "insight/sessions.h"
#include "maillog/tally.h"

namespace postern::insight {

struct LogImport {
  std::vector<std::string> files;  // "-": standard input
  maillog::TallyOptions options;
  unsigned threads = 0;  // 0: as many as there are processors, at most kThreadsMax
};

inline constexpr unsigned kThreadsMax = 8;

// Error: not_found or storage where a file cannot be read, invalid where it is damaged.
[[nodiscard]] Result<maillog::Tally> tally_logs(const LogImport& import, const Progress& progress = {});

// The lines themselves, in order, cut at maillog::kLineMax. `line` says whether it wants more.
[[nodiscard]] Result<void> walk_logs(const std::vector<std::string>& files,
                                     const std::function<bool(std::string_view line)>& line,
                                     const Progress& progress = {});

}  // namespace postern::insight
