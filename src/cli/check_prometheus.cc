// Reports as metrics, for node_exporter's textfile collector (docs/check.md): gauges alone, whose labels are domains
// that the operator named, ids of the catalogue, and words of fixed lists.
#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "check/catalogue.h"
#include "cli/check_tool.h"

namespace postern::cli {

namespace {

using check::Outcome;
using check::Report;

// As Nagios counts, and -1 for what is not known.
int value_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
    case Outcome::info:
      return 0;
    case Outcome::warn:
      return 1;
    case Outcome::fail:
      return 2;
    case Outcome::not_tested:
      break;
  }
  return -1;
}

std::string seconds_of(std::int64_t ms) {
  const std::string rest = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - rest.size(), '0') + rest;
}

class Family {
 public:
  Family(std::string name, const std::string& help) : name_(std::move(name)) {
    text_ = "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " gauge\n";
  }
  // Domains are letters, digits, dots, hyphens and low lines, and the other values are ours: nothing needs escaping.
  void add(const std::string& domain, const std::string& labels, const std::string& value) {
    text_ += name_ + "{domain=\"" + domain + "\"" + labels + "} " + value + "\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string name_, text_;
};

// The worst of each check, where the tested outweighs what was not.
std::map<std::string_view, int> by_check(const Report& report) {
  std::map<std::string_view, int> out;
  for (const check::Finding& finding : report.findings) {
    const int value = value_of(finding.outcome);
    const auto [at, fresh] = out.try_emplace(finding.id, value);
    if (!fresh) at->second = std::max(at->second, value);
  }
  return out;
}

}  // namespace

std::string prometheus_text(const std::vector<Report>& reports) {
  Family result("postern_check_result",
                "Worst outcome of a check: 0 passes (or information), 1 warns, 2 fails, -1 was not tested.");
  Family worst("postern_check_worst", "Worst outcome of all checks of the domain, as postern_check_result has them.");
  Family findings("postern_check_findings", "Findings by outcome.");
  Family complete("postern_check_complete",
                  "1 where the run came to its end and DNS worked; else its results say less.");
  Family duration("postern_check_duration_seconds", "How long the run took.");
  Family ended("postern_check_last_run_timestamp_seconds", "When the run ended.");
  Family ends("postern_check_ends_timestamp_seconds", "When the next thing of that kind ends.");
  constexpr std::array<Outcome, 5> kAll{Outcome::pass, Outcome::info, Outcome::not_tested, Outcome::warn,
                                        Outcome::fail};
  for (const Report& report : reports) {
    const std::string& domain = report.domain;
    for (const auto& [id, value] : by_check(report))
      result.add(domain, ",check=\"" + std::string(id) + "\"", std::to_string(value));
    worst.add(domain, "", std::to_string(value_of(check::worst(report))));
    for (const Outcome outcome : kAll) {
      const auto count = std::ranges::count(report.findings, outcome, &check::Finding::outcome);
      findings.add(domain, ",outcome=\"" + std::string(to_string(outcome)) + "\"", std::to_string(count));
    }
    complete.add(domain, "", report.complete ? "1" : "0");
    duration.add(domain, "", seconds_of(std::max<std::int64_t>(report.ended - report.started, 0)));
    ended.add(domain, "", seconds_of(report.ended));
    std::map<std::string_view, WallMs> next;
    for (const check::Ending& one : report.calendar) {
      const auto [at, fresh] = next.try_emplace(to_string(one.what), one.when);
      if (!fresh) at->second = std::min(at->second, one.when);
    }
    for (const auto& [what, when] : next)
      ends.add(domain, ",what=\"" + std::string(what) + "\"", std::to_string(when / 1000));
  }
  return result.text() + worst.text() + findings.text() + complete.text() + duration.text() + ended.text() +
         ends.text();
}

}  // namespace postern::cli
