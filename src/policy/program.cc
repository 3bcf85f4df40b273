#include "policy/program.h"

#include <algorithm>
#include <ranges>

namespace postern::policy {

namespace {

// Which values of a category make the comparison come out as wanted.
std::uint32_t passing_words(const Comparison& comparison, bool wanted) {
  const auto values = evidence::info(comparison.signal).values.size();
  const std::uint32_t all = (std::uint32_t{1} << values) - 1;
  constexpr std::uint32_t kUnknownBit = 1;
  const bool yes = wanted != comparison.negated;
  if (comparison.kind == Comparison::Kind::known) return yes ? all & ~kUnknownBit : kUnknownBit;
  const std::uint32_t listed = comparison.words | (comparison.with_unknown ? kUnknownBit : 0);
  if (yes) return listed;
  return all & ~listed & (comparison.with_unknown ? all : ~kUnknownBit);
}

}  // namespace

Program::Program(const Expression& expression) { start_ = emit(expression, expression.root, true, kTrue, kFalse); }

std::uint16_t Program::emit(const Expression& expression, std::uint16_t node_number, bool wanted, std::uint16_t passed,
                            std::uint16_t failed) {
  const Node& node = expression.nodes[node_number];
  if (node.kind == Node::Kind::negation) return emit(expression, node.parts.front(), !wanted, passed, failed);
  if (node.kind == Node::Kind::comparison)
    return emit(expression.comparisons[node.parts.front()], wanted, passed, failed);
  const bool all = (node.kind == Node::Kind::conjunction) == wanted;
  std::uint16_t next = all ? passed : failed;
  for (const std::uint16_t part : std::views::reverse(node.parts)) {
    next = all ? emit(expression, part, wanted, next, failed) : emit(expression, part, wanted, passed, next);
  }
  return next;
}

std::uint16_t Program::emit(const Comparison& comparison, bool wanted, std::uint16_t passed, std::uint16_t failed) {
  Test test{.kind = comparison.kind,
            .signal = comparison.signal,
            .wanted = wanted != comparison.negated,
            .with_unknown = comparison.with_unknown,
            .passed = passed,
            .failed = failed,
            .words = 0};
  const bool category = evidence::info(comparison.signal).type == evidence::Type::category;
  switch (comparison.kind) {
    case Comparison::Kind::known:
    case Comparison::Kind::words:
      if (!category) break;
      test.kind = Comparison::Kind::words;
      test.words = passing_words(comparison, wanted);
      break;
    case Comparison::Kind::countries:
      test.words = static_cast<std::uint32_t>(countries_.size());
      countries_.push_back(comparison.countries);
      break;
    case Comparison::Kind::numbers:
      test.words = static_cast<std::uint32_t>(stretches_.size());
      stretches_.push_back(
          {static_cast<std::uint32_t>(intervals_.size()), static_cast<std::uint32_t>(comparison.numbers.size())});
      intervals_.insert(intervals_.end(), comparison.numbers.begin(), comparison.numbers.end());
      break;
    case Comparison::Kind::listed:
      test.words = std::uint32_t{1} << comparison.list;
      break;
    case Comparison::Kind::texts:
      test.words = static_cast<std::uint32_t>(stretches_.size());
      stretches_.push_back(
          {static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(comparison.texts.size())});
      for (const std::string& text : comparison.texts) texts_.push_back({comparison.test, text});
      break;
    case Comparison::Kind::home:
    case Comparison::Kind::any_listed:
      break;
  }
  tests_.push_back(test);
  return static_cast<std::uint16_t>(tests_.size() - 1);
}

bool Program::passes(const Test& test, const evidence::Evidence& evidence, const Setting& setting) const {
  using Kind = Comparison::Kind;
  bool is_known = true;
  bool yes = false;
  switch (test.kind) {
    case Kind::words:
      return (test.words >> static_cast<unsigned>(evidence.number(test.signal)) & 1U) != 0;
    case Kind::known:
      yes = !evidence.is_unknown(test.signal);
      break;
    case Kind::home:
    case Kind::countries: {
      const auto code = static_cast<evidence::CountryCode>(evidence.number(test.signal));
      const CountrySet& countries = test.kind == Kind::home ? setting.home : countries_[test.words];
      is_known = code != 0 && (test.kind == Kind::countries || !countries.empty());
      yes = countries.contains(code);
      break;
    }
    case Kind::numbers: {
      const std::int64_t number = evidence.number(test.signal);
      is_known = number != evidence::kUnknown;
      const Stretch& stretch = stretches_[test.words];
      for (std::uint32_t i = 0; i < stretch.count; ++i) {
        const Interval& interval = intervals_[stretch.first + i];
        yes = yes || (interval.first <= number && number <= interval.last);
      }
      break;
    }
    case Kind::listed:
    case Kind::any_listed: {
      const std::uint32_t asked = test.kind == Kind::listed ? test.words : setting.lists;
      yes = (evidence.lists_listed() & asked) != 0;
      is_known = yes || (asked != 0 && (evidence.lists_answered() & asked) == asked);
      break;
    }
    case Kind::texts: {
      const std::string_view text = evidence.text(test.signal);
      is_known = !text.empty();
      const Stretch& stretch = stretches_[test.words];
      for (std::uint32_t i = 0; i < stretch.count && !yes; ++i) {
        const Text& asked = texts_[stretch.first + i];
        yes = text_matches(asked.test, text, asked.operand);
      }
      break;
    }
  }
  if (!is_known) {
    if (!test.with_unknown) return false;
    yes = true;
  }
  return yes == test.wanted;
}

bool Program::holds(const evidence::Evidence& evidence, const Setting& setting) const {
  std::uint16_t at = start_;
  while (at < kFalse) {
    const Test& test = tests_[at];
    at = passes(test, evidence, setting) ? test.passed : test.failed;
  }
  return at == kTrue;
}

}  // namespace postern::policy
