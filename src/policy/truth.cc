#include "policy/truth.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace postern::policy {

namespace {

using evidence::Evidence;

bool equals(std::string_view text, std::string_view operand) {
  return std::ranges::equal(text, operand, {}, ascii_lower);
}

bool contains(std::string_view text, std::string_view operand) {
  return !std::ranges::search(text, operand, {}, ascii_lower).empty();
}

// Listed where one of `asked` lists the sender, clean where all of them have answered.
Truth listed(std::uint32_t asked, const Evidence& evidence) {
  if ((evidence.lists_listed() & asked) != 0) return Truth::yes;
  return asked != 0 && (evidence.lists_answered() & asked) == asked ? Truth::no : Truth::unknown;
}

// Of a signal that is known, without `negated`.
bool holds(const Comparison& comparison, const Evidence& evidence) {
  const std::int64_t number = evidence.number(comparison.signal);
  switch (comparison.kind) {
    case Comparison::Kind::words:
      return (comparison.words >> static_cast<unsigned>(number) & 1U) != 0;
    case Comparison::Kind::countries:
      return comparison.countries.contains(static_cast<evidence::CountryCode>(number));
    case Comparison::Kind::numbers:
      return std::ranges::any_of(comparison.numbers, [number](const Interval& interval) {
        return interval.first <= number && number <= interval.last;
      });
    case Comparison::Kind::texts:
      return std::ranges::any_of(comparison.texts, [&](std::string_view operand) {
        return text_matches(comparison.test, evidence.text(comparison.signal), operand);
      });
    default:
      return false;
  }
}

Truth plain_truth(const Comparison& comparison, const Evidence& evidence, const Setting& setting) {
  const auto truth = [](bool yes) { return yes ? Truth::yes : Truth::no; };
  const bool unknown = evidence.is_unknown(comparison.signal);
  switch (comparison.kind) {
    case Comparison::Kind::known:
      return truth(!unknown);
    case Comparison::Kind::home:
      if (unknown || setting.home.empty()) return Truth::unknown;
      return truth(setting.home.contains(static_cast<evidence::CountryCode>(evidence.number(comparison.signal))));
    case Comparison::Kind::listed:
      return listed(std::uint32_t{1} << comparison.list, evidence);
    case Comparison::Kind::any_listed:
      return listed(setting.lists, evidence);
    default:
      if (unknown) return comparison.with_unknown ? Truth::yes : Truth::unknown;
      return truth(holds(comparison, evidence));
  }
}

class Walk {
 public:
  Walk(const Expression& expression, const Evidence& evidence, const Setting& setting)
      : expression_(expression), evidence_(evidence), setting_(setting) {}

  [[nodiscard]] Truth truth(std::uint16_t node_number) const {
    const Node& node = expression_.nodes[node_number];
    switch (node.kind) {
      case Node::Kind::comparison:
        return truth_of(expression_.comparisons[node.parts.front()], evidence_, setting_);
      case Node::Kind::negation:
        return !truth(node.parts.front());
      default:
        break;
    }
    const Truth deciding = node.kind == Node::Kind::conjunction ? Truth::no : Truth::yes;
    Truth result = !deciding;
    for (const std::uint16_t part : node.parts) {
      const Truth next = truth(part);
      if (next == deciding) return deciding;
      if (next == Truth::unknown) result = Truth::unknown;
    }
    return result;
  }

  using Changes = std::vector<std::pair<const Comparison*, bool>>;  // and whether it must be false

  // The fewest comparisons that must change for the node to be true, or false where `wanted` is no.
  [[nodiscard]] Changes changes(std::uint16_t node_number, Truth wanted) const {
    const Node& node = expression_.nodes[node_number];
    if (node.kind == Node::Kind::negation) return changes(node.parts.front(), !wanted);
    if (node.kind == Node::Kind::comparison) {
      const Comparison& comparison = expression_.comparisons[node.parts.front()];
      if (truth_of(comparison, evidence_, setting_) == wanted) return {};
      return {{&comparison, wanted == Truth::no}};
    }
    const bool all = (node.kind == Node::Kind::conjunction) == (wanted == Truth::yes);
    Changes result;
    bool first = true;
    for (const std::uint16_t part : node.parts) {
      Changes next = changes(part, wanted);
      if (all)
        result.insert(result.end(), next.begin(), next.end());
      else if (first || next.size() < result.size())
        result = std::move(next);
      first = false;
    }
    return result;
  }

 private:
  const Expression& expression_;
  const Evidence& evidence_;
  const Setting& setting_;
};

}  // namespace

bool text_matches(TextTest test, std::string_view text, std::string_view operand) {
  if (text.size() < operand.size()) return false;
  const std::size_t before = text.size() - operand.size();
  switch (test) {
    case TextTest::equals:
      return before == 0 && equals(text, operand);
    case TextTest::starts_with:
      return equals(text.substr(0, operand.size()), operand);
    case TextTest::ends_with:
      return equals(text.substr(before), operand);
    case TextTest::within:
      return equals(text.substr(before), operand) && (before == 0 || text[before - 1] == '.');
    case TextTest::contains:
      break;
  }
  return contains(text, operand);
}

Truth truth_of(const Comparison& comparison, const Evidence& evidence, const Setting& setting) {
  const Truth plain = plain_truth(comparison, evidence, setting);
  return comparison.negated ? !plain : plain;
}

Truth truth_of(const Expression& expression, const Evidence& evidence, const Setting& setting) {
  return Walk(expression, evidence, setting).truth(expression.root);
}

std::vector<std::string> against(const Expression& expression, const Evidence& evidence, const Setting& setting) {
  std::vector<std::string> texts;
  for (const auto& [comparison, must_be_false] :
       Walk(expression, evidence, setting).changes(expression.root, Truth::yes)) {
    texts.push_back((must_be_false ? "not " : "") + std::string(expression.text(*comparison)));
  }
  return texts;
}

}  // namespace postern::policy
