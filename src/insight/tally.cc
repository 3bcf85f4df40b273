#include "insight/tally.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace postern::insight {

namespace {

using evidence::Evidence;
using evidence::ListNames;
using evidence::Signal;
using evidence::Type;

// Upper ends of the ranges of a number; what is above the last is one more.
std::span<const std::int64_t> bounds_of(Signal signal) {
  static constexpr std::array<std::int64_t, 3> kFew{0, 2, 9};
  static constexpr std::array<std::int64_t, 3> kRecipients{1, 5, 20};
  static constexpr std::array<std::int64_t, 3> kScore{-1, 0, 4};
  static constexpr std::array<std::int64_t, 4> kSize{9'999, 99'999, 999'999, 9'999'999};
  switch (signal) {
    case Signal::size:
      return kSize;
    case Signal::recipients:
      return kRecipients;
    case Signal::list_score:
      return kScore;
    default:
      return kFew;
  }
}

std::string range_name(std::span<const std::int64_t> bounds, std::size_t at) {
  if (at == bounds.size()) return std::to_string(bounds.back() + 1) + "+";
  if (at == 0) return bounds[0] <= 1 && bounds[0] >= 0 ? std::to_string(bounds[0]) : "..." + std::to_string(bounds[0]);
  const std::int64_t low = bounds[at - 1] + 1;
  return low == bounds[at] ? std::to_string(low) : std::to_string(low) + "-" + std::to_string(bounds[at]);
}

bool countable(std::string_view text) {
  return !text.empty() && text.size() <= evidence::kTextMax &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

void Row::add(const Row& other, double weight) {
  for (std::size_t truth = 0; truth < counts.size(); ++truth)
    for (std::size_t family = 0; family < 2; ++family) counts[truth][family] += weight * other.counts[truth][family];
}

double Row::total() const { return of(Truth::unknown) + of(Truth::spam) + of(Truth::ham); }

bool Row::empty() const {
  return std::ranges::all_of(counts, [](const auto& both) { return both[0] == 0 && both[1] == 0; });
}

void slots_of(const Evidence& evidence, Signal signal, std::vector<Slot>& out) {
  out.clear();
  const Type type = evidence::info(signal).type;
  if (type == Type::text) return;
  if (type == Type::names) {
    for (Slot i = 0; i < kNotListed; ++i) {
      if ((evidence.lists_answered() >> i & 1U) == 0) continue;
      out.push_back((evidence.lists_listed() >> i & 1U) != 0 ? i : static_cast<Slot>(kNotListed + i));
    }
    return;
  }
  if (evidence.is_unknown(signal)) return;
  const std::int64_t number = evidence.number(signal);
  if (type != Type::number) {
    out.push_back(static_cast<Slot>(number));
    return;
  }
  const auto bounds = bounds_of(signal);
  const auto found = std::ranges::find_if(bounds, [number](std::int64_t bound) { return number <= bound; });
  out.push_back(static_cast<Slot>(found - bounds.begin()));
}

std::string slot_name(Signal signal, Slot slot, const ListNames& names) {
  const evidence::SignalInfo& info = evidence::info(signal);
  switch (info.type) {
    case Type::category:
      return slot < info.values.size() ? std::string(info.values[slot]) : "?";
    case Type::country:
      return evidence::country_text(slot);
    case Type::number:
      return range_name(bounds_of(signal), std::min<std::size_t>(slot, bounds_of(signal).size()));
    case Type::names: {
      const std::size_t list = slot % kNotListed;
      const std::string name = list < names.size() ? names[list] : "?";
      return slot < kNotListed ? name : "not " + name;
    }
    case Type::text:
      break;
  }
  return "?";
}

std::optional<Slot> find_slot(Signal signal, std::string_view name, ListNames& names) {
  switch (evidence::info(signal).type) {
    case Type::category: {
      const auto found = evidence::find_value(signal, name);
      if (!found || *found == 0) return std::nullopt;
      return Slot{*found};
    }
    case Type::country: {
      const evidence::CountryCode code = evidence::parse_country(name);
      if (code == 0) return std::nullopt;
      return code;
    }
    case Type::number: {
      const auto bounds = bounds_of(signal);
      for (std::size_t i = 0; i <= bounds.size(); ++i)
        if (range_name(bounds, i) == name) return static_cast<Slot>(i);
      return std::nullopt;
    }
    case Type::names: {
      const bool clean = name.starts_with("not ");
      const std::string_view list = clean ? name.substr(4) : name;
      auto found = std::ranges::find(names, list);
      if (found == names.end()) {
        if (list.empty() || names.size() >= evidence::kListsMax) return std::nullopt;
        found = names.emplace(names.end(), list);
      }
      return static_cast<Slot>((found - names.begin()) + (clean ? kNotListed : 0));
    }
    case Type::text:
      break;
  }
  return std::nullopt;
}

void TextRows::add(std::string_view text, const Row& row, double weight) {
  if (text == kOthers || !countable(text)) {
    others_.add(row, weight);
    return;
  }
  auto found = held_.find(text);
  if (found == held_.end()) {
    Held held;
    if (held_.size() >= kTextsHeld) {
      const auto least =
          std::ranges::min_element(held_, {}, [](const auto& entry) -> double { return entry.second.rank; });
      others_.add(least->second.row, 1);
      held.rank = least->second.rank;
      held_.erase(least);
    }
    found = held_.emplace(text, held).first;
  }
  found->second.row.add(row, weight);
  found->second.rank += weight * row.total();
}

void TextRows::add(const TextRows& other, double weight) {
  for (const auto& [text, held] : other.held_) add(text, held.row, weight);
  others_.add(other.others_, weight);
}

TextRows::Rows TextRows::kept() const {
  struct Entry {
    double total;
    const std::string* text;
    const Row* row;
  };
  std::vector<Entry> order;
  for (const auto& [text, held] : held_) order.push_back({held.row.total(), &text, &held.row});
  std::ranges::sort(
      order, [](const Entry& a, const Entry& b) { return std::tie(b.total, *a.text) < std::tie(a.total, *b.text); });
  Rows out;
  Row others = others_;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i < kTextsKept)
      out.emplace(*order[i].text, *order[i].row);
    else
      others.add(*order[i].row, 1);
  }
  if (!others.empty()) out.emplace(kOthers, others);
  return out;
}

void Tally::add(const Evidence& evidence, bool ipv6, Signs own, Signs of_sender) {
  events.add(Outcomes::truth(own, of_sender), ipv6);
  std::vector<Slot> slots;
  for (const evidence::SignalInfo& info : evidence::signals()) {
    slots_of(evidence, info.signal, slots);
    if (slots.empty()) continue;
    const Truth truth = Outcomes::truth(own, of_sender, rests_on(info.signal));
    for (const Slot slot : slots) signals.at(static_cast<std::size_t>(info.signal))[slot].add(truth, ipv6);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = evidence.text(kCountedTexts.at(i));
    if (text.empty()) continue;
    Row one;
    one.add(Outcomes::truth(own, of_sender, rests_on(kCountedTexts.at(i))), ipv6);
    texts.at(i).add(text, one);
  }
  const Cell cell{.os = static_cast<std::uint8_t>(evidence.number(Signal::os)),
                  .rdns = static_cast<std::uint8_t>(evidence.number(Signal::rdns)),
                  .known = static_cast<std::uint8_t>(evidence.number(Signal::known)),
                  .country = static_cast<evidence::CountryCode>(evidence.number(Signal::country))};
  if (cell == Cell{}) return;
  if (cells.size() >= kCellsMax && !cells.contains(cell)) return;
  // `known` is among them.
  cells[cell].add(Outcomes::truth(own, of_sender, rests_on(Signal::known)), ipv6);
}

void Tally::add(const Tally& other, double weight) {
  events.add(other.events, weight);
  for (std::size_t i = 0; i < signals.size(); ++i)
    for (const auto& [slot, row] : other.signals.at(i)) signals.at(i)[slot].add(row, weight);
  for (std::size_t i = 0; i < texts.size(); ++i) texts.at(i).add(other.texts.at(i), weight);
  for (const auto& [cell, row] : other.cells) {
    if (cells.size() >= kCellsMax && !cells.contains(cell)) continue;
    cells[cell].add(row, weight);
  }
}

}  // namespace postern::insight
