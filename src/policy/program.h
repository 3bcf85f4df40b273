// Program: a condition as a chain of tests with forward jumps, for judging. `not` is pushed down to the comparisons
// (de Morgan's laws hold in Kleene's logic), and in what is left a condition is true exactly where the two-valued
// reading of "this comparison is true" is: so one bit a comparison is enough, and unknown costs nothing.
// Thread rule: immutable once made. Evaluation does not allocate; each test is passed at most once.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/expression.h"
#include "policy/truth.h"

namespace postern::policy {

class Program {
 public:
  explicit Program(const Expression& expression);

  // Whether the condition is true: not where it is false, nor where it is unknown.
  [[nodiscard]] bool holds(const evidence::Evidence& evidence, const Setting& setting) const;

  [[nodiscard]] std::size_t tests() const { return tests_.size(); }

 private:
  struct Test {
    Comparison::Kind kind;
    evidence::Signal signal;
    bool wanted;  // which of yes and no passes
    bool with_unknown;
    std::uint16_t passed, failed;  // where to go on
    std::uint32_t words;           // words: those that pass, unknown among them; else a number in what is below
  };
  static constexpr std::uint16_t kTrue = 0xFFFF, kFalse = 0xFFFE;

  [[nodiscard]] bool passes(const Test& test, const evidence::Evidence& evidence, const Setting& setting) const;
  std::uint16_t emit(const Expression& expression, std::uint16_t node, bool wanted, std::uint16_t passed,
                     std::uint16_t failed);
  std::uint16_t emit(const Comparison& comparison, bool wanted, std::uint16_t passed, std::uint16_t failed);

  std::vector<Test> tests_;  // the last one made is the first one passed: jumps go down
  std::uint16_t start_ = kTrue;
  std::vector<CountrySet> countries_;
  std::vector<Interval> intervals_;
  struct Stretch {
    std::uint32_t first, count;
  };
  std::vector<Stretch> stretches_;  // of intervals_ or texts_
  struct Text {
    TextTest test;
    std::string operand;
  };
  std::vector<Text> texts_;
};

}  // namespace postern::policy
