// Aggregates: what a day of records says about signals and verdicts, in one line, kept for years when the records are
// long gone. data_dir/aggregates/YYYY-MM.jsonl, one line a UTC day, schema "postern.day/1" (docs/insight.md). No
// addresses, names or texts of anybody: counts alone.
//
// A day is written when it is over and its sessions have ended (kGraceMs), and once more kSettledDays later: what a
// sender was is often known only then. Doing it twice changes nothing. A month's file is replaced as a whole (written
// beside, synced, renamed); two processes that do it at once do the same.
// Thread rule: one thread a folder; blocks on files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "insight/statistics.h"
#include "insight/tally.h"

namespace postern::insight {

inline constexpr WallMs kGraceMs = 2 * 3600 * 1000;  // sessions that began before midnight have ended
inline constexpr std::int64_t kSettledDays = 7;

struct Day {
  std::int64_t number = 0;  // days since 1970
  bool settled = false;
  Statistics statistics;
  Tally tally;
};

// One line without its newline, at most record::kLineMax octets. `names`: of the lists in the tally.
[[nodiscard]] std::string day_line(const Day& day, const evidence::ListNames& names);
// Takes any octets; nothing where it is no such line. Signals and values of a later version are left out.
[[nodiscard]] std::optional<Day> parse_day(std::string_view line, evidence::ListNames& names);

// All days of a folder, by number; of a day that stands twice the last line. None where there is no folder.
[[nodiscard]] Result<std::map<std::int64_t, Day>> read_days(const std::string& folder, evidence::ListNames& names);

// Sorts the sessions of records into days. Twice over the same sessions: what became known, then the counts.
class DayBuilder {
 public:
  using Wanted = std::function<bool(std::int64_t day)>;
  // `outcomes` has seen all sessions.
  DayBuilder(const Outcomes& outcomes, evidence::ListNames names = {}, Wanted wanted = {})
      : outcomes_(outcomes), wanted_(std::move(wanted)), walk_(std::move(names)) {}
  // The evidence that counted, where this session is its sender's event of the day; null where it is not.
  const evidence::Evidence* add(const record::SessionView& session);
  [[nodiscard]] std::map<std::int64_t, Day>& days() { return days_; }
  [[nodiscard]] const evidence::ListNames& names() const { return walk_.names(); }
  // Of the session added last:
  [[nodiscard]] Signs own_signs() const { return own_signs_; }
  [[nodiscard]] std::uint64_t key() const { return key_; }

 private:
  const Outcomes& outcomes_;
  Wanted wanted_;
  EvidenceWalk walk_;
  SenderDays sender_days_;
  std::map<std::int64_t, Day> days_;
  Signs own_signs_ = 0;
  std::uint64_t key_ = 0;
};

struct AggregateCount {
  std::size_t written = 0;  // days, new or settled
};
// For the server's housekeeping once a day, and for `postern signals`: writes what is due. Reads no records where
// nothing is. `stop` as in Sources: nothing is written then.
[[nodiscard]] Result<AggregateCount> aggregate_days(const std::string& records, const std::string& folder,
                                                    const Marks& marks, WallMs now, const Progress& progress = {},
                                                    const std::atomic<bool>* stop = nullptr);

}  // namespace postern::insight
