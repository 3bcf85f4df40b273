// The tools that ask records: why, mark, stats, signals, replay. Option structs that app.cc fills, and the function
// that carries each out. Exit codes: 0 done, 1 not found or a failure, 2 bad usage (docs/insight.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/stats_maillog.h"

namespace postern::cli {

// Which records, and whose.
struct RecordOptions {
  std::string config;                // for data_dir, where no records are named, and for the policy
  bool config_given = false;         // on the command line: then it must be readable
  std::vector<std::string> records;  // files, folders, data_dirs; none: those of the configuration
  std::string since;                 // "7d", "2026-11-21", "2026-11-21T06:43:08Z"; "" all
  std::optional<std::int64_t> now;   // the time to reckon with, in seconds since 1970
  bool json = false;

  [[nodiscard]] WallMs clock() const { return now ? *now * 1000 : wall_now(); }
};

struct WhyOptions {
  RecordOptions common;
  std::string id;
};
[[nodiscard]] int run_why(const WhyOptions& options);

struct MarkOptions {
  std::string config;
  std::string data_dir;  // in place of the configuration's
  std::string id, word, note;
};
[[nodiscard]] int run_mark(const MarkOptions& options);

struct StatsOptions {
  RecordOptions common;
  std::string until;     // as RecordOptions::since; "" now
  bool compare = false;  // with the period of the same length before
  bool countries = false;
  MaillogOptions maillog;  // with files: theirs are counted, not records
};
[[nodiscard]] int run_stats(const StatsOptions& options);

struct MetricsOptions {
  std::string config;
  bool reference = false;  // the table of all metrics, as Markdown, for docs/metrics.md
};
[[nodiscard]] int run_metrics(const MetricsOptions& options);

struct SignalsOptions {
  RecordOptions common;
  std::string write;  // file of counts; "" none
};
[[nodiscard]] int run_signals(const SignalsOptions& options);

struct ReplayOptions {
  RecordOptions common;
  std::string policy;
  bool resimulate = false;
};
[[nodiscard]] int run_replay(const ReplayOptions& options);

}  // namespace postern::cli
