#include "cli/record_source.h"

#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "config/config.h"
#include "policy/presets.h"

namespace postern::cli {

std::optional<WallMs> parse_since(std::string_view text, WallMs now) {
  if (const auto time = parse_iso8601(text)) return time;
  // A bare number is a duration elsewhere; here nobody could say which.
  if (text.empty() || !is_alpha(text.back())) return std::nullopt;
  const auto ago = parse_duration_ms(text);
  if (!ago) return std::nullopt;
  return now - *ago;
}

SourceOrCode find_records(const RecordOptions& options, WallMs now) {
  RecordSource source;
  source.sources.paths = options.records;
  if (!options.since.empty()) {
    source.sources.since = parse_since(options.since, now);
    if (!source.sources.since) {
      complain("--since: \"" + printable(options.since, 64) +
               "\" is no time; write \"7d\", \"2026-11-21\" or \"2026-11-21T06:43:08Z\"");
      return {.source = {}, .code = kUsage};
    }
  }
  if (source.sources.paths.empty()) {
    const config::Loaded loaded = config::load(options.config);
    if (loaded.data_dir.empty()) {
      for (const config::Problem& problem : loaded.problems) complain(problem.text());
      complain("name the records, or the configuration with --config");
      return {.source = {}, .code = kNegative};
    }
    source.sources.paths = {loaded.data_dir + "/records"};
  }
  for (const std::string& path : source.sources.paths) {
    if (::access(path.c_str(), F_OK) == 0) continue;
    complain("there are no records at " + path);
    return {.source = {}, .code = kNegative};
  }
  source.data_folder = insight::data_folder(source.sources.paths.front());
  return {.source = std::move(source), .code = kOk};
}

std::optional<insight::Marks> read_marks(const RecordSource& source) {
  auto marks = insight::Marks::read(source.marks_file());
  if (!marks) {
    complain(marks.error().what);
    return std::nullopt;
  }
  if (marks->skipped() > 0) {
    complain(source.marks_file() + ": " + std::to_string(marks->skipped()) +
             " lines are no marks, and were passed over");
  }
  return *std::move(marks);
}

std::optional<JudgingPolicy> policy_of_file(const std::string& file) {
  config::LoadedPolicy loaded = config::load_policy(file);
  for (const config::Problem& problem : loaded.problems) complain(problem.text());
  if (!loaded.policy || loaded.judge == nullptr) return std::nullopt;
  return JudgingPolicy{.judge = std::move(loaded.judge),
                       .lists = loaded.policy->lists,
                       .home = loaded.policy->choices.home.value_or(std::vector<evidence::CountryCode>{}),
                       .from = file};
}

std::optional<JudgingPolicy> policy_of(const RecordOptions& options) {
  if (options.config_given || ::access(options.config.c_str(), R_OK) == 0) return policy_of_file(options.config);
  std::vector<policy::Problem> problems;
  auto judge = policy::Policy::compile({}, problems);
  for (const policy::Problem& problem : problems) complain(problem.what);
  if (judge == nullptr) return std::nullopt;
  return JudgingPolicy{.judge = std::move(judge), .from = "the preset " + std::string(policy::kDefaultPreset)};
}

}  // namespace postern::cli
