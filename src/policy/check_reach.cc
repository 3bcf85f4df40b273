#include <algorithm>
#include <span>

#include "base/text.h"
#include "policy/check.h"
#include "policy/reach.h"

namespace postern::policy {

namespace {

using evidence::Action;
using evidence::Signal;
namespace value = evidence::value;

// "recipient == role", for what is settled before any rule.
Expression one_word(Signal signal, std::initializer_list<std::uint8_t> values) {
  Comparison comparison;
  comparison.kind = Comparison::Kind::words;
  comparison.signal = signal;
  for (const std::uint8_t each : values) comparison.words |= std::uint32_t{1} << each;
  Expression expression;
  expression.comparisons.push_back(std::move(comparison));
  expression.nodes.push_back({Node::Kind::comparison, {0}});
  return expression;
}

template <class Enum>
constexpr std::uint8_t number(Enum word) {
  return static_cast<std::uint8_t>(word);
}

// Whether all that `narrow` judges is judged by `wide` too.
bool covers(const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
  if (wide.empty()) return true;
  const auto has = [&wide](std::string_view name) {
    return std::ranges::any_of(wide, [name](const std::string& one) { return iequals(one, name); });
  };
  return !narrow.empty() && std::ranges::all_of(narrow, [&has](const std::string& one) {
    const std::size_t at = one.rfind('@');
    return has(one) || (at != std::string::npos && has(std::string_view(one).substr(at + 1)));
  });
}

bool decides(const Rule& rule) {
  return !rule.shadow &&
         (rule.action == Action::accept || rule.action == Action::reject || rule.action == Action::throttle);
}

Moment first_moment(const Rule& rule) {
  if (rule.judges_at(Moment::connect)) return Moment::connect;
  return rule.judges_at(Moment::data) ? Moment::data : Moment::rcpt;
}

std::string where(const RuleToReach& rule) {
  const int line = rule.options->place.line;
  return "\"" + rule.rule->name + "\"" + (line > 0 ? " (line " + std::to_string(line) + ")" : "");
}

// Under one setting; empty where the rule may fire.
std::string why_never(std::span<const RuleToReach> rules, std::size_t at, const Setting& setting, Reach& reach) {
  static const Expression role = one_word(Signal::recipient, {number(value::Recipient::role)});
  static const Expression allowed = one_word(Signal::verdict_of_operator, {number(value::Operator::allow)});
  static const Expression judged =
      one_word(Signal::verdict_of_operator, {number(value::Operator::allow), number(value::Operator::deny)});
  const Rule& rule = *rules[at].rule;
  const Moment moment = first_moment(rule);
  const auto impossible = [&reach](std::span<const Reach::Asked> asked) {
    return !reach.possible(asked).value_or(true);
  };
  std::vector<Reach::Asked> asked{{&rule.expression, Demand::yes}};
  asked.push_back({moment == Moment::connect ? &allowed : &judged, Demand::not_yes});
  if (moment != Moment::connect) asked.push_back({&role, Demand::not_yes});
  const std::size_t settled_before = asked.size();
  std::vector<const RuleToReach*> others;
  for (const RuleToReach& other : rules.first(at)) {
    if (!decides(*other.rule) || !other.rule->judges_at(moment)) continue;
    if (!covers(other.options->recipients, rules[at].options->recipients)) continue;
    others.push_back(&other);
    asked.push_back({&other.rule->expression, Demand::not_yes});
  }
  if (!impossible(asked)) return {};

  // It never fires. Why?
  const std::span<const Reach::Asked> all = asked;
  if (impossible(all.first(1))) {
    const auto culprit = reach.culprit();
    if (culprit == Signal::country && setting.home.empty() && rule.expression.source.contains("home"))
      return "can never be true while no home is configured; name your countries in [policy] home";
    if (culprit == Signal::lists && setting.lists == 0)
      return "can never be true while there is no [[policy.list]]; configure one";
    return "can never be true" +
           (culprit ? ": no value of " + std::string(evidence::info(*culprit).name) + " is all that it asks for"
                    : std::string(": it contradicts itself")) +
           "; take the contradiction out";
  }
  if (impossible(all.first(2))) return "never fires: postern allow and deny are obeyed before any rule; take it away";
  if (impossible(all.first(settled_before)))
    return "never fires: postmaster and abuse are accepted before any rule (RFC 5321 4.5.1); take it away";
  for (std::size_t i = 0; i < others.size(); ++i) {
    std::vector<Reach::Asked> one(asked.begin(), asked.begin() + static_cast<std::ptrdiff_t>(settled_before));
    one.push_back(asked[settled_before + i]);
    if (impossible(one))
      return "never decides: rule " + where(*others[i]) +
             " has always decided before; put it further up, or take it away";
  }
  return "never decides: the rules before it have always decided before; put it further up, or take it away";
}

}  // namespace

void check_reach(const std::vector<RuleToReach>& rules, const std::vector<Setting>& settings,
                 std::vector<Problem>& problems) {
  std::vector<Setting> different;
  for (const Setting& setting : settings) {
    if (std::ranges::none_of(different, [&](const Setting& one) { return one.home == setting.home; }))
      different.push_back(setting);
  }
  std::vector<Reach> reaches;
  reaches.reserve(different.size());
  for (const Setting& setting : different) reaches.emplace_back(setting);
  for (std::size_t at = 0; at < rules.size(); ++at) {
    std::string reason;
    for (std::size_t i = 0; i < different.size(); ++i) {
      reason = why_never(rules, at, different[i], reaches[i]);
      if (reason.empty()) break;
    }
    if (reason.empty()) continue;
    problems.push_back({rules[at].options->when_place, rules[at].rule->name, std::move(reason)});
  }
}

}  // namespace postern::policy
