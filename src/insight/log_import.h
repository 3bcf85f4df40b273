// Statistics of mail logs of others: files of Postfix or Exim in, one maillog::Tally out. Plain files are read in
// pieces by all threads at once, each with a tally of its own; what is packed, or comes through a pipe, is unpacked by
// one thread at a time, each in its turn, while the others count. Memory does not depend on the size of the log: a
// piece and a tally a thread.
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

// A file that was not read, or not to its end.
struct UnreadLog {
  std::string file;
  Error error;           // not_found, storage; invalid where it is damaged or no log
  bool counted = false;  // what stands before the damage
};
// Those that cannot be opened or are no logs, without reading them: to be told before the others are counted.
[[nodiscard]] std::vector<UnreadLog> unreadable_logs(const std::vector<std::string>& files);

struct LogTally {
  maillog::Tally tally;
  std::vector<UnreadLog> unread;
};
// One file that cannot be read does not keep the others from being counted.
[[nodiscard]] LogTally tally_logs(const LogImport& import, const Progress& progress = {});

// The lines of a file themselves, cut at maillog::kLineMax, each turned into a text (which may be empty): `line`
// appends it, is called on several threads at once, and told which one (below kThreadsMax). `write` gets the texts in
// the order of the lines, many at once, on one thread after the other, and says whether it wants more. `threads` as in
// LogImport.
using LogConverter = std::function<void(unsigned walker, std::string_view line, std::string& out)>;
[[nodiscard]] Result<void> convert_log(const std::string& file, unsigned threads, const LogConverter& line,
                                       const std::function<bool(std::string_view text)>& write);

}  // namespace postern::insight
