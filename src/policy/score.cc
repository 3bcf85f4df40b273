#include "policy/score.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "policy/priors.h"

namespace postern::policy {

namespace {

using evidence::Evidence;
using evidence::Signal;
using evidence::Stage;

constexpr std::array kJoint{Signal::os, Signal::rdns, Signal::country, Signal::known};
constexpr std::size_t kCountryAxis = 2, kKnownAxis = 3;
constexpr std::size_t kHome = 1, kAbroad = 2;
constexpr std::array<std::string_view, 3> kCountryWords{"unknown", "home", "abroad"};

constexpr std::array kScored{
    Signal::family,   Signal::address,    Signal::early_talk, Signal::helo,      Signal::helo_match,
    Signal::protocol, Signal::pipelining, Signal::tls,        Signal::tls_retry, Signal::sender,
    Signal::hang_up,  Signal::spf,        Signal::dkim,       Signal::dmarc,     Signal::arc,
};

std::optional<std::size_t> axis_of(Signal signal) {
  const auto* const found = std::ranges::find(kJoint, signal);
  if (found == kJoint.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kJoint.begin());
}

std::string_view word_of(std::size_t axis, std::size_t value) {
  return axis == kCountryAxis ? kCountryWords.at(value) : evidence::info(kJoint.at(axis)).values[value];
}

// The number of a value as it is named in counts and priors; of countries 1 is home and 2 abroad.
std::optional<std::size_t> value_of(Signal signal, std::string_view word, const CountrySet& home) {
  if (signal != Signal::country) return evidence::find_value(signal, word);
  const auto* const found = std::ranges::find(kCountryWords, word);
  if (found != kCountryWords.end()) return static_cast<std::size_t>(found - kCountryWords.begin());
  const evidence::CountryCode code = evidence::parse_country(word);
  if (code == 0) return std::nullopt;
  return home.empty() ? 0 : home.contains(code) ? kHome : kAbroad;
}

// A look-up that failed says nothing of the sender (design invariant 6), however often it was counted.
bool is_failure(Signal signal, std::size_t value) {
  const auto words = evidence::info(signal).values;
  return value < words.size() && words[value] == "temperror";
}

Weight capped(Signal signal, const Weight& weight) {
  const Weight half = weight.capped(kCap).times(kWeightOfOthers);
  return signal == Signal::spf ? half.capped(kSpfCap) : half;
}

// The bound lies between zero and the mean: what the counts alone say must not go further than all that is held true.
double bound(double mean, double low) {
  if (mean * low <= 0) return 0;
  return std::abs(low) < std::abs(mean) ? low : mean;
}

void add_events(std::span<Seen> seen, double spam, double ham) {
  for (Seen& one : seen) {
    one.spam_events += spam;
    one.ham_events += ham;
  }
}

}  // namespace

bool is_scored(Signal signal) { return std::ranges::find(kScored, signal) != kScored.end(); }

std::string cell_name(const Evidence& evidence, const CountrySet& home) {
  std::string name;
  for (std::size_t axis = 0; axis < kJoint.size(); ++axis) {
    const std::int64_t number = evidence.number(kJoint.at(axis));
    auto value = static_cast<std::size_t>(number);
    if (axis == kCountryAxis && number != 0)
      value = home.empty() ? 0 : home.contains(static_cast<evidence::CountryCode>(number)) ? kHome : kAbroad;
    name += (axis == 0 ? "" : " ") + std::string(evidence::info(kJoint.at(axis)).name) + "=" +
            std::string(word_of(axis, value));
  }
  return name;
}

Score::Score(const Counts& counts, const std::vector<PinOptions>& pins, const CountrySet& home) {
  fill_tables(counts, home);
  fill_cells(counts);
  for (const PinOptions& one : pins) pin(one);
}

void Score::fill_tables(const Counts& counts, const CountrySet& home) {
  const auto fill = [&](Table& with_priors, Table& measured) {
    const Signal signal = with_priors.signal;
    double unknown_spam = 0;
    double unknown_ham = 0;
    const auto add = [&](Table& table, std::string_view word, double spam, double ham) {
      const auto value = value_of(signal, word, home);
      if (!value) return;
      table.seen.at(*value).spam += spam;
      table.seen.at(*value).ham += ham;
    };
    for (const Count& row : counts.rows) {
      if (row.signal != evidence::info(signal).name) continue;
      add(measured, row.value, row.spam, row.ham);
    }
    unknown_spam = measured.seen[0].spam;
    unknown_ham = measured.seen[0].ham;
    measured.seen[0] = {};
    add_events(measured.seen, std::max(0.0, counts.spam - unknown_spam), std::max(0.0, counts.ham - unknown_ham));
    with_priors.seen = measured.seen;
    for (const Prior& prior : priors()) {
      if (prior.signal == signal) add(with_priors, prior.value, prior.spam, prior.ham);
    }
    add_events(with_priors.seen, kPriorEvents, kPriorEvents);
  };
  for (std::size_t axis = 0; axis < kJoint.size(); ++axis) {
    marginals_.at(axis).signal = measured_.at(axis).signal = kJoint.at(axis);
    fill(marginals_.at(axis), measured_.at(axis));
  }
  for (const Signal signal : kScored) {
    Table table{.signal = signal};
    Table measured{.signal = signal};
    fill(table, measured);
    for (std::size_t value = 1; value < kValues; ++value) {
      if (is_failure(signal, value)) continue;
      const double mean = capped(signal, weight_of(table.seen.at(value))).nats;
      const double low = capped(signal, weight_of(measured.seen.at(value))).nearest_zero();
      table.entries.at(value) = {static_cast<float>(mean), static_cast<float>(bound(mean, low))};
    }
    (evidence::info(signal).stage == Stage::data ? at_data_ : at_rcpt_).push_back(table);
  }
}

std::size_t Score::place(const Coordinates& at) {
  std::size_t place = 0;
  for (std::size_t axis = 0; axis < at.size(); ++axis) place = place * kJointValues.at(axis) + at.at(axis);
  return place;
}

std::optional<Score::Coordinates> Score::parse_cell(std::string_view name) {
  Coordinates at{};
  const auto parts = split(name, ' ');
  if (parts.size() != at.size()) return std::nullopt;
  for (std::size_t axis = 0; axis < at.size(); ++axis) {
    const std::string_view signal = evidence::info(kJoint.at(axis)).name;
    std::string_view part = parts.at(axis);
    if (!part.starts_with(signal) || part.size() <= signal.size() || part[signal.size()] != '=') return std::nullopt;
    part.remove_prefix(signal.size() + 1);
    std::size_t value = 0;
    while (value < kJointValues.at(axis) && word_of(axis, value) != part) ++value;
    if (value == kJointValues.at(axis)) return std::nullopt;
    at.at(axis) = value;
  }
  return at;
}

void Score::fill_cells(const Counts& counts) {
  constexpr std::size_t kMasks = std::size_t{1} << kJointValues.size();  // which coordinates are known
  std::array<Seen, kMasks> events{};
  cell_seen_.assign(kCells, {});
  cells_.assign(kCells, {});
  const auto masked = [](Coordinates at, std::size_t mask) {
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      if ((mask >> axis & 1U) == 0) at.at(axis) = 0;
    return at;
  };
  const auto mask_of = [](const Coordinates& at) {
    std::size_t mask = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis)
      if (at.at(axis) != 0) mask |= std::size_t{1} << axis;
    return mask;
  };
  // A cell with an unknown coordinate holds all events that agree on the others: that something is unknown must not
  // speak for itself.
  for (const Count& row : counts.cells) {
    const auto at = parse_cell(row.value);
    if (!at) continue;
    const std::size_t known = mask_of(*at);
    for (std::size_t mask = 1; mask < kMasks; ++mask) {
      if ((mask & known) != mask) continue;
      events.at(mask).spam_events += row.spam;
      events.at(mask).ham_events += row.ham;
      Seen& seen = cell_seen_.at(place(masked(*at, mask)));
      seen.spam += row.spam;
      seen.ham += row.ham;
    }
  }
  for (Coordinates at{}; at[0] < kJointValues[0]; ++at[0]) {
    for (at[1] = 0; at[1] < kJointValues[1]; ++at[1]) {
      for (at[2] = 0; at[2] < kJointValues[2]; ++at[2]) {
        for (at[3] = 0; at[3] < kJointValues[3]; ++at[3]) {
          const std::size_t mask = mask_of(at);
          if (mask == 0) continue;
          Seen& seen = cell_seen_.at(place(at));
          seen.spam_events = events.at(mask).spam_events;
          seen.ham_events = events.at(mask).ham_events;
          Product product;
          Product measured;
          std::size_t others = 0;  // beside `known`
          for (std::size_t axis = 0; axis < at.size(); ++axis) {
            if (at.at(axis) == 0) continue;
            product.multiply(marginals_.at(axis).seen.at(at.at(axis)));
            measured.multiply(measured_.at(axis).seen.at(at.at(axis)));
            if (axis != kKnownAxis) ++others;
          }
          const double cap = others >= 2 ? kJointCap : kCap;
          const double mean = weight_of_cell(seen, product).capped(cap).nats;
          // Without counts of cells nothing says how the signals hang together, and the product says too much.
          const bool counted = seen.spam_events > 0 && seen.ham_events > 0;
          const double low = counted ? weight_of_cell(seen, measured).capped(cap).nearest_zero() : 0;
          cells_.at(place(at)) = {static_cast<float>(mean), static_cast<float>(bound(mean, low))};
        }
      }
    }
  }
}

void Score::pin(const PinOptions& pin) {
  const auto signal = evidence::find_signal(pin.signal);
  if (!signal) return;
  const auto nats = static_cast<float>(pin.nats);
  if (*signal == Signal::country) {
    const evidence::CountryCode code = evidence::parse_country(pin.value);
    if (code != 0) {
      pinned_countries_.push_back({code, nats});
      return;
    }
  }
  const auto value = value_of(*signal, pin.value, {});
  if (!value) return;
  Table* table = nullptr;
  if (const auto axis = axis_of(*signal)) {
    table = &marginals_.at(*axis);
  } else {
    auto& tables = evidence::info(*signal).stage == Stage::data ? at_data_ : at_rcpt_;
    const auto found = std::ranges::find(tables, *signal, &Table::signal);
    table = found != tables.end() ? &*found : &tables.emplace_back(Table{.signal = *signal});
  }
  table->entries.at(*value) = {nats, nats};
  table->pinned |= std::uint32_t{1} << *value;
}

Score::Coordinates Score::coordinates(const Evidence& evidence, const Setting& setting) {
  const auto country = static_cast<evidence::CountryCode>(evidence.number(Signal::country));
  const bool tells = country != 0 && !setting.home.empty();
  const auto known = static_cast<std::size_t>(evidence.number(Signal::known));
  return {static_cast<std::size_t>(evidence.number(Signal::os)),
          static_cast<std::size_t>(evidence.number(Signal::rdns)),
          !tells                           ? 0
          : setting.home.contains(country) ? kHome
                                           : kAbroad,
          known < kJointValues[kKnownAxis] ? known : 0};  // undecided is unknown here
}

float Score::country_pin(evidence::CountryCode code, bool& found) const {
  const auto pinned = std::ranges::find(pinned_countries_, code, &PinnedCountry::code);
  found = code != 0 && pinned != pinned_countries_.end();
  return found ? pinned->nats : 0;
}

// Calls visit_term(table or null, value, mean, low) for each term: null is the joint table, whose value is the place of
// the cell, and for a country pinned by its code or the lists their signal's table stands in for them.
template <class Visit>
void Score::visit(Moment moment, const Evidence& evidence, const Setting& setting, const Visit& visit_term) const {
  Coordinates at = coordinates(evidence, setting);
  bool country_pinned = false;
  if (!pinned_countries_.empty()) {
    const auto code = static_cast<evidence::CountryCode>(evidence.number(Signal::country));
    const float nats = country_pin(code, country_pinned);
    if (country_pinned) {
      at[kCountryAxis] = 0;
      visit_term(Signal::country, nullptr, code, Entry{nats, nats});
    }
  }
  for (std::size_t axis = 0; axis < at.size(); ++axis) {
    const Table& table = marginals_[axis];
    if ((table.pinned >> at[axis] & 1U) == 0) continue;
    visit_term(table.signal, &table, at[axis], table.entries[at[axis]]);
    at[axis] = 0;
  }
  const std::size_t cell = place(at);
  visit_term(Signal::os, nullptr, cell, cells_[cell]);
  if (const std::int64_t points = evidence.number(Signal::list_score); points != evidence::kUnknown) {
    const auto nats = static_cast<float>(std::clamp(static_cast<double>(points), -kCap, kCap));
    visit_term(Signal::list_score, nullptr, 0, Entry{nats, nats});
  }
  const auto all = [&](const std::vector<Table>& tables) {
    for (const Table& table : tables) {
      const auto value = static_cast<std::size_t>(evidence.number(table.signal));
      visit_term(table.signal, &table, value, table.entries[value]);
    }
  };
  all(at_rcpt_);
  if (moment == Moment::data) all(at_data_);
}

Sum Score::at(Moment moment, const Evidence& evidence, const Setting& setting) const {
  Sum sum;
  visit(moment, evidence, setting,
        [&sum](Signal /*signal*/, const Table* /*table*/, std::size_t /*value*/, Entry entry) {
          sum.mean += static_cast<double>(entry.mean);
          sum.low += static_cast<double>(entry.low);
        });
  return sum;
}

std::vector<Term> Score::terms(Moment moment, const Evidence& evidence, const Setting& setting) const {
  std::vector<Term> terms;
  visit(moment, evidence, setting, [&](Signal signal, const Table* table, std::size_t value, Entry entry) {
    if (entry.mean == 0 && entry.low == 0) return;
    Term term{.what = std::string(evidence::info(signal).name) + "=",
              .nats = static_cast<double>(entry.mean),
              .low = static_cast<double>(entry.low)};
    if (table != nullptr) {
      const auto axis = axis_of(signal);
      term.what += axis ? word_of(*axis, value) : evidence::info(signal).values[value];
      term.spam = table->seen.at(value).spam;
      term.ham = table->seen.at(value).ham;
      term.pinned = (table->pinned >> value & 1U) != 0;
    } else if (signal == Signal::list_score) {
      term.what += std::to_string(evidence.number(signal));
    } else if (signal == Signal::country) {
      term.what += evidence::country_text(static_cast<evidence::CountryCode>(value));
      term.pinned = true;
    } else {
      term.what.clear();
      Product product;
      std::size_t rest = value;
      for (std::size_t axis = kJoint.size(); axis-- > 0; rest /= kJointValues.at(axis)) {
        const std::size_t coordinate = rest % kJointValues.at(axis);
        if (coordinate == 0) continue;
        product.multiply(marginals_.at(axis).seen.at(coordinate));
        term.what = std::string(evidence::info(kJoint.at(axis)).name) + "=" + std::string(word_of(axis, coordinate)) +
                    (term.what.empty() ? "" : " ") + term.what;
      }
      const Seen& seen = cell_seen_.at(value);
      term.spam = seen.spam + std::max(kBackOff * product.spam, kBackOffMin);
      term.ham = seen.ham + std::max(kBackOff * product.ham, kBackOffMin);
    }
    terms.push_back(std::move(term));
  });
  std::ranges::sort(terms, [](const Term& a, const Term& b) {
    return std::abs(a.nats) != std::abs(b.nats) ? std::abs(a.nats) > std::abs(b.nats) : a.what < b.what;
  });
  return terms;
}

bool Score::uses(Signal signal) const {
  if (axis_of(signal) || signal == Signal::list_score) return true;
  const auto speaks = [signal](const std::vector<Table>& tables) {
    const auto found = std::ranges::find(tables, signal, &Table::signal);
    return found != tables.end() &&
           std::ranges::any_of(found->entries, [](Entry entry) { return entry.mean != 0 || entry.low != 0; });
  };
  return speaks(at_rcpt_) || speaks(at_data_);
}

}  // namespace postern::policy
