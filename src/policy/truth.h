// The meaning of a condition, in Kleene's three values: a comparison with an unknown signal is unknown; `and` is no
// where one side is no, `or` is yes where one side is yes, and unknown otherwise. Straight along the tree and slow: for
// explanations. What judges is program.h, which says the same (tests/unit/policy/program_test.cc).
// Thread rule: pure.
#pragma once

#include <string>
#include <vector>

#include "policy/expression.h"
#include "policy/policy.h"

namespace postern::policy {

using Truth = Answer::Truth;

[[nodiscard]] constexpr Truth operator!(Truth truth) {
  return truth == Truth::unknown ? truth : truth == Truth::yes ? Truth::no : Truth::yes;
}

// What a condition means depends on, beside the evidence.
struct Setting {
  CountrySet home;          // empty: "in home" is unknown
  std::uint32_t lists = 0;  // bits of those configured
};

[[nodiscard]] Truth truth_of(const Comparison& comparison, const evidence::Evidence& evidence, const Setting& setting);
[[nodiscard]] Truth truth_of(const Expression& expression, const evidence::Evidence& evidence, const Setting& setting);

// Where the condition is not true: the fewest comparisons that would have to change, as they are written, with "not "
// before those that would have to be false. Empty where it is true.
[[nodiscard]] std::vector<std::string> against(const Expression& expression, const evidence::Evidence& evidence,
                                               const Setting& setting);

// Whether `text` stands in that relation to `operand`, which is in lower case.
[[nodiscard]] bool text_matches(TextTest test, std::string_view text, std::string_view operand);

}  // namespace postern::policy
