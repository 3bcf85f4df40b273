// How long a DKIM key has been in use, as far as the reports that were kept can tell (checks.md 6.10-88).
#include <algorithm>

#include "base/text.h"
#include "check/context.h"
#include "check/watch.h"

namespace postern::check {

namespace {

constexpr std::int64_t kDayMs = 86'400'000, kYearMs = 365 * kDayMs;

std::string day(WallMs time) { return iso8601(time).substr(0, 10); }

}  // namespace

void judge_key_ages(const Report& before, Report& after) {
  after.keys_since = before.keys_since;
  // A key that was not asked for this time keeps its age for the next
  for (const KeySeen& old : before.keys) {
    const auto now = std::ranges::find_if(
        after.keys, [&](const KeySeen& one) { return one.name == old.name && one.digest == old.digest; });
    if (now != after.keys.end()) {
      now->since = std::min(now->since, old.since);
    } else if (std::ranges::find(after.keys, old.name, &KeySeen::name) == after.keys.end() &&
               after.keys.size() < kKeysMax) {
      after.keys.push_back(old);
      after.keys.back().gone = true;
    }
  }
  const auto place = std::ranges::find(after.findings, "dkim.age", &Finding::id);
  std::vector<Finding> findings;
  for (const KeySeen& key : after.keys) {
    if (key.gone) continue;
    const std::int64_t age = after.judged - key.since;
    Finding finding{"dkim.age", Outcome::pass, key.name, "this key has been seen since " + day(key.since), "", ""};
    if (age > kYearMs) {
      finding.outcome = Outcome::info;
      finding.fix = "change keys once a year: publish the next one under another selector, then sign with it";
    } else if (key.since <= after.keys_since) {
      finding.outcome = Outcome::not_tested;
      finding.evidence += ", which is when this file begins: how old it was then is not known";
    }
    findings.push_back(std::move(finding));
  }
  if (findings.empty()) return;
  const auto at = place == after.findings.end() ? after.findings.end() : after.findings.erase(place);
  after.findings.insert(at, std::make_move_iterator(findings.begin()), std::make_move_iterator(findings.end()));
  sort_by_catalogue(after);
}

}  // namespace postern::check
