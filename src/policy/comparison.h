// The meaning of one comparison: which signal, whether the relation suits its type, whether the values are such that it
// can have. Thread rule: pure.
#pragma once

#include <optional>
#include <vector>

#include "policy/expression.h"
#include "policy/lexer.h"
#include "policy/parser.h"

namespace postern::policy {

enum class Relation : std::uint8_t {
  equal,
  less,
  at_most,
  greater,
  at_least,
  in,
  in_home,
  has,
  starts_with,
  ends_with,
  within,
  contains,
  is,
};

// As it was written.
struct WrittenComparison {
  Token signal;
  Relation relation = Relation::equal;
  Token sign;  // the first token of the relation
  bool negated = false;
  std::vector<Token> values;
};

// Nothing where faults were added.
[[nodiscard]] std::optional<Comparison> interpret(const WrittenComparison& written, const ParseOptions& options,
                                                  std::vector<Fault>& faults);

}  // namespace postern::policy
