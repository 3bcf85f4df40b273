// What this gateway's own records know of a domain's mail: how much of it came with a signature that is valid and of
// the domain (checks.md 6.10-87). Thread rule: read_live_mail() blocks, any thread; the rest is pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "check/run.h"

namespace postern::cli {

inline constexpr std::int64_t kLiveMs = std::int64_t{30} * 86'400'000;  // how far back is looked
inline constexpr milliseconds kLiveReading{10'000};                     // how long at the most
inline constexpr std::size_t kLiveSelectorsMax = 20;

struct LiveMail {
  std::uint64_t messages = 0;  // whose From names the domain, and which were authenticated
  std::uint64_t signed_by_it = 0;
  std::map<std::string, std::uint64_t, std::less<>> selectors;  // of those signatures
  std::uint64_t others = 0;                                     // of further selectors
  bool cut = false;  // there was no time for all records; the newest were read first
};

// One line of a record; lines of other schemas and of other domains count nothing. `domain` in lower case, as records
// have it.
void count_live_mail(std::string_view line, std::string_view domain, WallMs since, LiveMail& out);
// `records`: a folder of records, or a data_dir with one. What has not been read by the deadline is not counted.
[[nodiscard]] Result<LiveMail> read_live_mail(const std::string& records, const std::string& domain, WallMs now,
                                              Deadline deadline);

// check::run(), and dkim.live where the run is deep: the operator's, or of who proved that the domain is his. What mail
// a gateway gets is nobody else's business.
[[nodiscard]] Task<Result<check::Report>> run_with_records(std::string domain, check::Options options,
                                                           check::Services services, check::Observer* observer,
                                                           std::string records, std::string write_to);

// Puts dkim.live into the report, in the place of the finding that says it was not tested. `write_to`: where somebody
// may send a message so that there is one; may be empty.
void judge_live(check::Report& report, const Result<LiveMail>& mail, const std::string& write_to);

}  // namespace postern::cli
