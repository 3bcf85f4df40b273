// Compiling [policy], and telling what is wrong with it where it stands in the file.
#include <algorithm>

#include "base/text.h"
#include "config/keys.h"
#include "policy/counts_file.h"

namespace postern::config {

namespace {

// The policy counts lines and octets of the condition itself, which may be written with escapes or over several lines.
// It is compiled with places that say of which rule and line they are; those of the file are worked out of them.
constexpr int kLineOfRules = 1 << 28;  // beyond any line of a file: kFileMax
constexpr int kLinesOfRule = 1 << 13;  // more than a condition can have: policy::kExpressionMax

policy::Options with_coded_places(policy::Options options) {
  for (std::size_t i = 0; i < options.rules.size(); ++i) {
    options.rules[i].when_place = {.line = kLineOfRules + static_cast<int>(i) * kLinesOfRule, .column = 1};
  }
  return options;
}

// The octet of a condition that the coded place is of.
std::size_t offset_in(std::string_view when, int line, int column) {
  std::size_t at = 0;
  for (; line > 0; --line) {
    const std::size_t end = when.find('\n', at);
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return at + static_cast<std::size_t>(std::max(column, 1)) - 1;
}

struct Told {
  std::string key;
  Place place;
};

// Of what has no place: the key that it begins with, or the one that decides most.
Told told_of_choices(const Reader& reader, std::string_view what) {
  const std::string first = "policy." + std::string(what.substr(0, what.find_first_of(" :")));
  for (const std::string& key : {first, std::string("policy.preset")}) {
    if (const auto place = reader.places.find(key); place != reader.places.end()) return {key, place->second};
  }
  for (const auto& [key, place] : reader.places) {
    if (key.starts_with("policy.")) return {"policy", place};
  }
  return {"policy", {1, 1}};
}

Told told_of(Reader& reader, const policy::Problem& problem) {
  const policy::Options& options = reader.config.policy;
  const Place place{problem.place.line, problem.place.column};
  if (place.line >= kLineOfRules) {
    const int coded = place.line - kLineOfRules;
    const auto rule = static_cast<std::size_t>(coded / kLinesOfRule);
    const std::size_t offset = offset_in(options.rules.at(rule).when, coded % kLinesOfRule, place.column);
    return {"policy.rule.when", reader.within(reader.when_strings.at(rule), offset)};
  }
  const auto here = [&](const auto& one) {
    return one.place.line == problem.place.line && one.place.column == problem.place.column;
  };
  if (place.line == 0) return told_of_choices(reader, problem.what);
  if (std::ranges::any_of(options.overrides, here)) return {"policy.for", place};
  if (std::ranges::any_of(options.pins, here)) return {"policy.pin", place};
  return {"policy.rule", place};
}

}  // namespace

std::shared_ptr<const policy::Policy> compile_policy(Reader& reader, bool counts) {
  const bool broken = std::ranges::any_of(
      reader.problems, [](const Problem& one) { return one.key == "policy" || one.key.starts_with("policy."); });
  if (broken) return nullptr;
  policy::Options& options = reader.config.policy;
  if (counts && !reader.config.evidence_file.empty()) {
    auto measured = policy::read_counts(reader.config.evidence_file);
    if (!measured) {
      reader.problem_at("policy.evidence", reader.places["policy.evidence"], measured.error().what);
      return nullptr;
    }
    options.counts = std::move(*measured);
  }
  std::vector<policy::Problem> problems;
  auto compiled = policy::Policy::compile(with_coded_places(options), problems);
  for (const policy::Problem& problem : problems) {
    const Told told = told_of(reader, problem);
    const std::string rule = problem.rule.empty() ? "" : "rule " + quoted(problem.rule) + ": ";
    reader.problem_at(told.key, told.place, rule + problem.what);
  }
  if (compiled == nullptr) return compiled;
  for (const policy::Problem& warning : compiled->warnings()) {
    if (warning.rule.empty()) continue;  // of choices: their keys tell
    const Told told = told_of(reader, warning);
    reader.key = told.key;
    reader.warning(told.place, "rule " + quoted(warning.rule) + ": " + warning.what);
  }
  return compiled;
}

}  // namespace postern::config
