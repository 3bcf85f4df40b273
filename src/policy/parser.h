// From the text of a condition to an Expression (docs/policy.md: language). Grammar:
//
//   condition   = conjunction *("or" conjunction)
//   conjunction = factor *("and" factor)
//   factor      = "not" factor / "(" condition ")" / comparison
//   comparison  = signal ("==" / "!=") value
//               / signal ("<" / "<=" / ">" / ">=") number
//               / signal ["not"] "in" "[" value *("," value) "]"
//               / "country" ["not"] "in" "home"
//               / "lists" ["not"] "has" (name / "any")
//               / signal ["not"] ("starts" "with" / "ends" "with" / "within" / "contains") text
//               / signal "is" ["not"] ("known" / "unknown")
//
// Limits: kExpressionMax octets, kDepthMax levels, kComparisonsMax comparisons. Thread rule: pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "policy/expression.h"
#include "policy/lexer.h"

namespace postern::policy {

struct ParseOptions {
  const evidence::ListNames* lists = nullptr;  // that "lists has" may name
  std::optional<evidence::Stage> stage;        // signals of later stages are faults
};

// Nothing where there are faults: the first one of the grammar, or all of meaning.
[[nodiscard]] std::optional<Expression> parse(std::string_view source, const ParseOptions& options,
                                              std::vector<Fault>& faults);

}  // namespace postern::policy
