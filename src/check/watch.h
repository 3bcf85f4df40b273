// Two runs beside each other: what became worse, better, or is another record now (checks.md 106). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check/report.h"

namespace postern::check {

struct Change {
  enum class Kind : std::uint8_t {
    worse,    // also: a new finding that warns or fails
    better,   // also: a finding that warned or failed and is gone
    changed,  // the same outcome, another key, policy, record or set of hosts
  } kind = Kind::changed;
  std::string_view id;
  std::string subject;
  Outcome before = Outcome::not_tested, after = Outcome::not_tested;  // not_tested where there is none
  std::string evidence_before, evidence_after;
};
[[nodiscard]] std::string_view to_string(Change::Kind kind);

// What was not tested in one of the runs is no change. Reports of two domains have nothing to compare.
[[nodiscard]] std::vector<Change> compare(const Report& before, const Report& after);

// Puts what was tested in `before` in the place of what was not tested in `after`: what is kept for the next
// comparison, so that an outage between two runs hides no change. Of subjects that are gone nothing is kept.
void keep_tested(const Report& before, Report& after);

// The ages of DKIM keys, dkim.age; `after` keeps on from what `before` knew of them.
void judge_key_ages(const Report& before, Report& after);

// What only two runs tell: puts mta_sts.id, a policy that changed under an id that did not, and dkim.age into `after`.
void judge_history(const Report& before, Report& after);

}  // namespace postern::check
