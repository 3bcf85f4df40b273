// Random evidence, and random conditions with a meaning of their own: a tree that is printed in the policy language and
// judged from what Evidence::show() prints, without anything of src/policy.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"
#include "evidence/evidence.h"

namespace postern::policy::test {

using evidence::Evidence;
using evidence::Signal;
using evidence::SignalInfo;
using evidence::Type;

inline const evidence::ListNames kLists{"zen", "dwl", "spam-eating.monkey"};
inline const std::vector<std::string> kHome{"US", "CA", "MX"};
inline const std::vector<std::string> kCountries{"US", "CA", "MX", "DE", "CN", "BR"};
inline const std::vector<std::string> kTexts{"mail.example.org", "example.org", "MX1.Example.ORG",
                                             "10-0-0-1.pool.example", "badexample.org"};
inline const std::vector<std::string> kOperands{"example.org", "mail.example.org", "mx", "pool", ".org", "10-0"};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

// Numbers are small, so that comparisons with small numbers come out both ways.
inline std::int64_t random_number(Random& random, Signal signal) {
  const auto number = static_cast<std::int64_t>(random.below(7));
  return signal == Signal::list_score ? number - 3 : number;
}

inline Evidence random_evidence(Random& random) {
  Evidence evidence;
  for (const SignalInfo& info : evidence::signals()) {
    if (random.chance(25)) continue;  // unknown
    switch (info.type) {
      case Type::category:
        evidence.set_number(info.signal, static_cast<std::int64_t>(random.below(info.values.size())));
        break;
      case Type::country:
        evidence.set_country(evidence::parse_country(random.one_of(kCountries)));
        break;
      case Type::number:
        evidence.set_number(info.signal, random_number(random, info.signal));
        break;
      case Type::names: {
        const auto answered = static_cast<std::uint32_t>(random.below(8));
        evidence.set_lists(answered, answered & static_cast<std::uint32_t>(random.below(8)));
        break;
      }
      case Type::text:
        evidence.set_text(info.signal, random.one_of(kTexts));
        break;
    }
  }
  return evidence;
}

// Kleene's values in the order no < unknown < yes: `and` is the least, `or` the largest.
enum class Kleene { no, unknown, yes };
inline Kleene operator!(Kleene a) { return a == Kleene::yes ? Kleene::no : a == Kleene::no ? Kleene::yes : a; }

struct Tree {
  std::string join;  // "and", "or", "not"; empty: a comparison
  std::vector<Tree> parts;
  Signal signal{};
  std::string relation;  // as it is written
  std::vector<std::string> values;

  [[nodiscard]] std::string text() const {
    if (join == "not") return "not (" + parts.front().text() + ")";
    std::string out;
    if (!join.empty()) {
      for (const Tree& part : parts) {
        const bool binds_less = part.join == "or" && join == "and";
        out += (out.empty() ? "" : " " + join + " ") + (binds_less ? "(" + part.text() + ")" : part.text());
      }
      return out;
    }
    out = std::string(evidence::info(signal).name) + " " + relation;
    if (relation.ends_with(" in")) {
      out += " [";
      for (const std::string& value : values) out += (out.back() == '[' ? "" : ", ") + value;
      return out + "]";
    }
    return values.empty() ? out : out + " " + values.front();
  }

  [[nodiscard]] Kleene meaning(const Evidence& evidence) const {
    if (join.empty()) return comparison(evidence);
    if (join == "not") return !parts.front().meaning(evidence);
    Kleene result = join == "and" ? Kleene::yes : Kleene::no;
    for (const Tree& part : parts) {
      const Kleene next = part.meaning(evidence);
      result = join == "and" ? std::min(result, next) : std::max(result, next);
    }
    return result;
  }

 private:
  [[nodiscard]] Kleene comparison(const Evidence& evidence) const {
    const std::string shown = lower(evidence.show(signal, kLists));
    const bool unknown = shown == "unknown";
    const auto truth = [](bool yes) { return yes ? Kleene::yes : Kleene::no; };
    if (relation == "is known" || relation == "== unknown") return truth(unknown == (relation == "== unknown"));
    const bool negated = relation == "!=" || relation.starts_with("not ");
    Kleene plain = Kleene::unknown;
    if (signal == Signal::lists) {
      plain = lists(evidence);
    } else if (unknown) {
      plain = std::ranges::find(values, "unknown") != values.end() ? Kleene::yes : Kleene::unknown;
    } else if (relation.ends_with("home")) {
      plain = truth(std::ranges::any_of(kHome, [&](const std::string& one) { return lower(one) == shown; }));
    } else {
      plain =
          truth(std::ranges::any_of(values, [&](const std::string& value) { return matches(shown, lower(value)); }));
    }
    return negated ? !plain : plain;
  }

  [[nodiscard]] Kleene lists(const Evidence& evidence) const {
    bool all_answered = true;
    for (std::size_t i = 0; i < kLists.size(); ++i) {
      if (values.front() != "any" && values.front() != kLists[i]) continue;
      if ((evidence.lists_listed() >> i & 1U) != 0) return Kleene::yes;
      if ((evidence.lists_answered() >> i & 1U) == 0) all_answered = false;
    }
    return all_answered ? Kleene::no : Kleene::unknown;
  }

  [[nodiscard]] bool matches(const std::string& shown, const std::string& value) const {
    const std::string last = relation.substr(relation.rfind(' ') + 1);
    if (evidence::info(signal).type == Type::number && value != "unknown") {
      const long long a = std::stoll(shown);
      const long long b = std::stoll(value);
      if (relation == "<") return a < b;
      if (relation == "<=") return a <= b;
      if (relation == ">") return a > b;
      if (relation == ">=") return a >= b;
      return a == b;
    }
    if (last == "contains") return shown.find(value) != std::string::npos;
    if (last == "within") return shown == value || shown.ends_with("." + value);
    if (relation.ends_with("starts with")) return shown.starts_with(value);
    if (relation.ends_with("ends with")) return shown.ends_with(value);
    return shown == value;
  }
};

inline Tree random_comparison(Random& random, evidence::Stage latest) {
  Tree tree;
  do {
    tree.signal = evidence::signals()[random.below(evidence::kSignals)].signal;
  } while (evidence::info(tree.signal).stage > latest);
  const SignalInfo& info = evidence::info(tree.signal);
  if (random.chance(10)) {
    tree.relation = random.chance(50) ? "is known" : info.type == Type::names ? "is known" : "== unknown";
    return tree;
  }
  const std::string maybe_not = random.chance(30) ? "not " : "";
  const auto value = [&]() -> std::string {
    switch (info.type) {
      case Type::category:
        return std::string(info.values[1 + random.below(info.values.size() - 1)]);
      case Type::country:
        return random.one_of(kCountries);
      case Type::number:
        return std::to_string(random_number(random, tree.signal));
      default:
        return random.one_of(kOperands);
    }
  };
  if (info.type == Type::names) {
    tree.relation = maybe_not + "has";
    tree.values = {random.chance(30) ? "any" : random.one_of(kLists)};
    return tree;
  }
  if (info.type == Type::country && random.chance(40)) {
    tree.relation = maybe_not + "in home";
    return tree;
  }
  if (random.chance(50)) {
    tree.relation = maybe_not + "in";
    if (maybe_not.empty()) tree.relation = " in";
    const std::size_t count = 1 + random.below(3);
    for (std::size_t i = 0; i < count; ++i) {
      std::string next = random.chance(10) ? "unknown" : value();
      if (std::ranges::find(tree.values, next) == tree.values.end()) tree.values.push_back(std::move(next));
    }
    if (tree.values == std::vector<std::string>{"unknown"}) tree.values.push_back(value());
    return tree;
  }
  if (info.type == Type::number) {
    constexpr std::array<const char*, 6> kRelations{"==", "!=", "<", "<=", ">", ">="};
    tree.relation = random.one_of(kRelations);
  } else if (info.type == Type::text && random.chance(70)) {
    constexpr std::array<const char*, 4> kRelations{"starts with", "ends with", "within", "contains"};
    tree.relation = maybe_not + random.one_of(kRelations);
    tree.values = {value()};
    if (tree.relation.ends_with("within") && tree.values.front().starts_with('.')) tree.values = {"example.org"};
    return tree;
  } else {
    tree.relation = random.chance(30) ? "!=" : "==";
  }
  tree.values = {value()};
  return tree;
}

inline Tree random_tree(Random& random, std::size_t depth, evidence::Stage latest = evidence::Stage::data) {
  if (depth == 0 || random.chance(20)) return random_comparison(random, latest);
  Tree tree;
  if (random.chance(20)) {
    tree.join = "not";
    tree.parts.push_back(random_tree(random, depth - 1, latest));
    return tree;
  }
  tree.join = random.chance(50) ? "and" : "or";
  const std::size_t count = 2 + random.below(2);
  for (std::size_t i = 0; i < count; ++i) {
    Tree part = random_tree(random, depth - 1, latest);
    if (part.join == tree.join)
      std::ranges::move(part.parts, std::back_inserter(tree.parts));
    else
      tree.parts.push_back(std::move(part));
  }
  return tree;
}

}  // namespace postern::policy::test
