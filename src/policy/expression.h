// Expression: a condition of the policy language, parsed and typed. It is what the analysis (reach.h), the explanation
// (truth.h) and the program that judges (program.h) are made from. Thread rule: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.h"
#include "policy/country_set.h"

namespace postern::policy {

inline constexpr std::size_t kDepthMax = 32;         // levels of parentheses and `not`
inline constexpr std::size_t kComparisonsMax = 250;  // of one expression

struct Interval {  // closed
  std::int64_t first = 0, last = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

enum class TextTest : std::uint8_t { equals, starts_with, ends_with, within, contains };

struct Comparison {
  enum class Kind : std::uint8_t {
    known,       // is known; definite
    words,       // a category is among `words`
    countries,   // the country is among `countries`
    home,        // the country is one of the operator's own; unknown where none is configured
    numbers,     // the number is in `numbers`
    listed,      // list number `list` names the sender
    any_listed,  // one of the lists does
    texts,       // the text stands in the relation `test` to one of `texts`
  };
  Kind kind = Kind::known;
  evidence::Signal signal{};
  bool negated = false;       // "!=", "not in", "is unknown": true where the above is false
  bool with_unknown = false;  // unknown stands in the list: then the comparison is definite
  std::uint32_t words = 0;    // bits by number of the value, without unknown
  CountrySet countries;
  std::vector<Interval> numbers;  // ascending, apart
  std::uint8_t list = 0;
  TextTest test = TextTest::equals;
  std::vector<std::string> texts;      // lower case
  std::size_t offset = 0, length = 0;  // in the source
};

struct Node {
  enum class Kind : std::uint8_t { comparison, negation, conjunction, disjunction } kind = Kind::comparison;
  std::vector<std::uint16_t> parts;  // nodes; of a comparison its number
};

struct Expression {
  std::string source;
  std::vector<Comparison> comparisons;
  std::vector<Node> nodes;  // parts stand before the whole
  std::uint16_t root = 0;
  evidence::Stage stage = evidence::Stage::connect;  // the earliest at which all that is asked is known

  [[nodiscard]] std::string_view text(const Comparison& comparison) const {
    return std::string_view(source).substr(comparison.offset, comparison.length);
  }
};

}  // namespace postern::policy
