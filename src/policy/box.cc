#include "policy/box.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace postern::policy {

namespace {

using evidence::Evidence;
using evidence::Signal;
using evidence::Type;
using Kind = Comparison::Kind;

constexpr std::uint8_t kListUnknown = 1, kListClean = 2, kListListed = 4;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::vector<Interval> intersection(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  std::vector<Interval> out;
  for (const Interval& x : a) {
    for (const Interval& y : b) {
      const Interval both{std::max(x.first, y.first), std::min(x.last, y.last)};
      if (both.first <= both.last) out.push_back(both);
    }
  }
  std::ranges::sort(out, {}, &Interval::first);
  return out;
}

// Of all numbers, kUnknown among them.
std::vector<Interval> complement(const std::vector<Interval>& ascending) {
  std::vector<Interval> out;
  std::int64_t next = evidence::kUnknown;
  for (const Interval& interval : ascending) {
    if (interval.first > next) out.push_back({next, interval.first - 1});
    if (interval.last == kMax) return out;
    next = interval.last + 1;
  }
  out.push_back({next, kMax});
  return out;
}

constexpr Interval kUnknownNumber{evidence::kUnknown, evidence::kUnknown};

// Counts are not negative; sums of weights may be.
std::vector<Interval> all_numbers(Signal signal) {
  return {kUnknownNumber, {signal == Signal::list_score ? evidence::kUnknown + 1 : 0, kMax}};
}

// The numbers for which the comparison comes to yes.
std::vector<Interval> yes_numbers(const Comparison& comparison) {
  std::vector<Interval> yes;
  if (comparison.kind == Kind::known) {
    yes = {{evidence::kUnknown + 1, kMax}};
  } else {
    yes = comparison.numbers;
    if (comparison.with_unknown) yes.insert(yes.begin(), kUnknownNumber);
  }
  if (!comparison.negated) return yes;
  std::vector<Interval> no = complement(yes);
  const bool definite = comparison.kind == Kind::known || comparison.with_unknown;
  return definite ? no : intersection(no, {{evidence::kUnknown + 1, kMax}});
}

std::vector<Interval> demanded_numbers(const Comparison& comparison, Demand demand) {
  Comparison opposite = comparison;
  opposite.negated = !opposite.negated;
  switch (demand) {
    case Demand::yes:
      return yes_numbers(comparison);
    case Demand::no:
      return yes_numbers(opposite);
    case Demand::not_yes:
      return complement(yes_numbers(comparison));
    case Demand::not_no:
      break;
  }
  return complement(yes_numbers(opposite));
}

// But for `negated`.
bool same_question(const Comparison& a, const Comparison& b) {
  return a.kind == b.kind && a.with_unknown == b.with_unknown && a.test == b.test && a.texts == b.texts;
}

}  // namespace

Box::States& Box::states(Signal signal, const Setting& setting) {
  const auto found = states_.find(signal);
  if (found != states_.end()) return found->second;
  const evidence::SignalInfo& info = evidence::info(signal);
  switch (info.type) {
    case Type::category:
      return states_.emplace(signal, Words{(std::uint32_t{1} << info.values.size()) - 1}).first->second;
    case Type::country:
      return states_.emplace(signal, Countries{}).first->second;
    case Type::number:
      return states_.emplace(signal, Numbers{all_numbers(signal)}).first->second;
    case Type::names: {
      constexpr std::uint8_t kAny = kListUnknown | kListClean | kListListed;
      Lists lists{.possible = std::vector<std::uint8_t>(static_cast<std::size_t>(std::popcount(setting.lists)), kAny)};
      return states_.emplace(signal, std::move(lists)).first->second;
    }
    case Type::text:
      break;
  }
  return states_.emplace(signal, Texts{}).first->second;
}

bool Box::cut(const Comparison& comparison, Demand demand, const Setting& setting) {
  States& all = states(comparison.signal, setting);
  if (auto* const words = std::get_if<Words>(&all)) return cut_words(*words, comparison, demand, setting);
  if (auto* const countries = std::get_if<Countries>(&all))
    return cut_countries(*countries, comparison, demand, setting);
  if (auto* const numbers = std::get_if<Numbers>(&all)) return cut_numbers(*numbers, comparison, demand);
  if (auto* const texts = std::get_if<Texts>(&all)) return cut_texts(*texts, comparison, demand, setting);
  return cut_lists(std::get<Lists>(all), comparison, demand);
}

bool Box::cut_words(Words& words, const Comparison& comparison, Demand demand, const Setting& setting) {
  Evidence probe;
  for (std::uint32_t left = words.possible; left != 0; left &= left - 1) {
    const int value = std::countr_zero(left);
    probe.set_number(comparison.signal, value);
    if (!allows(demand, truth_of(comparison, probe, setting))) words.possible &= ~(std::uint32_t{1} << value);
  }
  return words.possible != 0;
}

bool Box::cut_countries(Countries& countries, const Comparison& comparison, Demand demand, const Setting& setting) {
  Evidence unknown;
  if (!allows(demand, truth_of(comparison, unknown, setting))) countries.unknown = false;
  const bool home = comparison.kind == Kind::home;
  if (home && setting.home.empty()) {  // unknown, whatever the country
    if (!allows(demand, Truth::unknown)) countries.possible = CountrySet();
  } else {
    CountrySet yes = CountrySet::all();
    if (comparison.kind != Kind::known) yes = home ? setting.home : comparison.countries;
    const Truth inside = comparison.negated ? Truth::no : Truth::yes;
    if (!allows(demand, inside)) countries.possible.remove(yes);
    if (!allows(demand, !inside)) countries.possible.keep(yes);
  }
  return countries.unknown || !countries.possible.empty();
}

bool Box::cut_numbers(Numbers& numbers, const Comparison& comparison, Demand demand) {
  numbers.possible = intersection(numbers.possible, demanded_numbers(comparison, demand));
  return !numbers.possible.empty();
}

bool Box::cut_texts(Texts& texts, const Comparison& comparison, Demand demand, const Setting& setting) {
  for (const auto& [other, others_demand] : texts.demands) {
    if (!same_question(*other, comparison)) continue;
    const Demand theirs = other->negated == comparison.negated ? others_demand : opposite(others_demand);
    if (demand == theirs) return true;
    constexpr std::array kTruths{Truth::no, Truth::yes, Truth::unknown};
    if (std::ranges::none_of(kTruths, [&](Truth truth) { return allows(demand, truth) && allows(theirs, truth); })) {
      return false;
    }
  }
  texts.demands.emplace_back(&comparison, demand);
  // Where one of the demands leaves a few texts only, one of them must meet all the others.
  const std::vector<std::string>* finite = nullptr;
  bool unknown_too = true;
  for (const auto& [other, others_demand] : texts.demands) {
    const bool yes = others_demand == Demand::yes || others_demand == Demand::not_no;
    const bool wanted = yes != other->negated;
    const bool takes_unknown = allows(others_demand, truth_of(*other, Evidence(), setting));
    if (!takes_unknown) unknown_too = false;
    static const std::vector<std::string> kNone;
    if (other->kind == Kind::texts && other->test == TextTest::equals && wanted) finite = &other->texts;
    if (other->kind == Kind::known && !wanted) finite = &kNone;
  }
  if (finite == nullptr || unknown_too) return true;
  return std::ranges::any_of(*finite, [&](const std::string& text) {
    Evidence probe;
    probe.set_text(comparison.signal, text);
    return std::ranges::all_of(
        texts.demands, [&](const auto& one) { return allows(one.second, truth_of(*one.first, probe, setting)); });
  });
}

bool Box::cut_lists(Lists& lists, const Comparison& comparison, Demand demand) {
  // The demand on what is asked, without `negated`.
  if (comparison.negated) demand = opposite(demand);
  const auto keep = [&lists](std::uint8_t bits) {
    for (std::uint8_t& one : lists.possible) one &= bits;
  };
  switch (comparison.kind) {
    case Kind::listed: {
      std::uint8_t& one = lists.possible.at(comparison.list);
      if (!allows(demand, Truth::yes)) one &= static_cast<std::uint8_t>(~kListListed);
      if (!allows(demand, Truth::no)) one &= static_cast<std::uint8_t>(~kListClean);
      if (!allows(demand, Truth::unknown)) one &= static_cast<std::uint8_t>(~kListUnknown);
      break;
    }
    case Kind::any_listed:
      switch (demand) {
        case Demand::yes:
          lists.one_listed = true;
          break;
        case Demand::no:
          if (lists.possible.empty()) return false;
          keep(kListClean);
          break;
        case Demand::not_yes:
          keep(kListUnknown | kListClean);
          break;
        case Demand::not_no:
          if (!lists.possible.empty()) lists.one_not_clean = true;
          break;
      }
      break;
    default:  // is known: one of them has answered
      if (demand == Demand::yes || demand == Demand::not_no)
        lists.one_answered = true;
      else
        keep(kListUnknown);
      break;
  }
  const auto some = [&lists](std::uint8_t bits) {
    return std::ranges::any_of(lists.possible, [bits](std::uint8_t one) { return (one & bits) != 0; });
  };
  if (lists.one_listed && !some(kListListed)) return false;
  if (lists.one_not_clean && !some(kListListed | kListUnknown)) return false;
  if (lists.one_answered && !some(kListListed | kListClean)) return false;
  return std::ranges::all_of(lists.possible, [](std::uint8_t one) { return one != 0; });
}

}  // namespace postern::policy
