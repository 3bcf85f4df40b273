// What the tools of insight begin with: which records are meant, which policy judges, which marks there are. Every
// problem is told on standard error, as one line with its remedy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/insight_tools.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "evidence/evidence.h"
#include "insight/marks.h"
#include "insight/sessions.h"
#include "policy/options.h"
#include "policy/policy.h"

namespace postern::cli {

// "7d", "36h": so long ago; "2026-11-21", "2026-11-21T06:43:08Z". Nothing where it is neither.
[[nodiscard]] std::optional<WallMs> parse_since(std::string_view text, WallMs now);

struct RecordSource {
  insight::Sources sources;
  std::string data_folder;  // of the first: where marks and aggregates are
  [[nodiscard]] std::string marks_file() const { return data_folder + "/marks.jsonl"; }
  [[nodiscard]] std::string aggregate_folder() const { return data_folder + "/aggregates"; }
};
// The exit code where it cannot be done.
struct SourceOrCode {
  std::optional<RecordSource> source;
  int code = 0;
};
[[nodiscard]] SourceOrCode find_records(const RecordOptions& options, WallMs now);
// Those of the data_dir; none and a word of complaint where they cannot be read.
[[nodiscard]] std::optional<insight::Marks> read_marks(const RecordSource& source);

// The policy that judges, with what goes with it.
struct JudgingPolicy {
  std::shared_ptr<const policy::Policy> judge;
  evidence::ListNames lists;
  std::vector<evidence::CountryCode> home;
  std::string from;  // "/etc/postern/postern.toml", "the preset organisation"
};
// Of a configuration or of a file with its [policy] alone; null with complaints where it does not compile.
[[nodiscard]] std::optional<JudgingPolicy> policy_of_file(const std::string& file);
// Of the configuration where it was named or can be read; else the default preset.
[[nodiscard]] std::optional<JudgingPolicy> policy_of(const RecordOptions& options);

}  // namespace postern::cli
