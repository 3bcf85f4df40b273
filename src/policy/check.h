// What can be wrong with the policy's part of a configuration, piece by piece; compile.cc puts the pieces together.
// Each adds to `problems` what it finds. Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/compiled.h"
#include "policy/lexer.h"
#include "policy/options.h"

namespace postern::policy {

// The place in the file of an octet of a condition. Without a known place the column is that within the condition.
[[nodiscard]] Place place_within(Place first_octet, std::string_view source, std::size_t offset);

void check_choices(const Options& options, std::vector<Problem>& problems);
void check_pins(const std::vector<PinOptions>& pins, std::vector<Problem>& problems);
void check_counts(const Counts& counts, std::vector<Problem>& problems);
// Everything but the condition.
void check_rule(const RuleOptions& rule, std::vector<Problem>& problems);
// A budget ends by itself: nobody is refused for good by one (design invariant 4).
void check_budget(const RuleOptions& rule, const Expression& expression, std::vector<Problem>& problems);
void check_names(const std::vector<RuleOptions>& rules, std::vector<Problem>& problems);

// Rules that can never be true, or that others always decide before, whatever the profile.
struct RuleToReach {
  const RuleOptions* options = nullptr;
  const Rule* rule = nullptr;
};
void check_reach(const std::vector<RuleToReach>& rules, const std::vector<Setting>& settings,
                 std::vector<Problem>& problems);

}  // namespace postern::policy
