#include "maillog/name_table.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace postern::maillog {

namespace {

constexpr std::size_t kSlotsAtFirst = 64;
constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;

// Up to eight octets from the start.
std::uint64_t load(std::string_view text) {
  std::uint64_t value = 0;
  std::memcpy(&value, text.data(), std::min(text.size(), sizeof(value)));
  return value;
}

}  // namespace

std::uint64_t hash_octets(std::string_view octets) {
  std::uint64_t hash = octets.size() * kOdd;
  while (octets.size() >= 8) {
    hash = (hash ^ load(octets)) * kOdd;
    hash ^= hash >> 29U;
    octets.remove_prefix(8);
  }
  hash = (hash ^ load(octets)) * kOdd;
  return hash ^ hash >> 32U;
}

NameTable::NameTable() : slots_(kSlotsAtFirst) { entries_.reserve(16); }

std::size_t NameTable::slot_of(std::string_view name, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot] != 0) {
    const Entry& entry = entries_[slots_[slot] - 1U];
    if (entry.hash == hash && entry.name == name) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

NameTable::Entry& NameTable::entry_of(std::string_view name, std::uint64_t hash, std::size_t most) {
  std::size_t slot = slot_of(name, hash);
  if (slots_[slot] != 0) return entries_[slots_[slot] - 1U];
  if (entries_.size() >= most) {
    reduce();
    slot = slot_of(name, hash);
  }
  entries_.push_back({.name = std::string(name), .hash = hash, .counts = {}});
  slots_[slot] = static_cast<std::uint16_t>(entries_.size());
  if (entries_.size() * 2 > slots_.size()) place_all(slots_.size() * 2);
  return entries_.back();
}

void NameTable::place_all(std::size_t slots) {
  slots_.assign(slots, 0);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    slots_[slot_of(entries_[i].name, entries_[i].hash)] = static_cast<std::uint16_t>(i + 1);
}

void NameTable::reduce() {
  std::vector<std::uint64_t> left;
  left.reserve(entries_.size());
  for (const Entry& entry : entries_) left.push_back(entry.left());
  const auto nth = left.begin() + kNamesHeld / 2;
  std::ranges::nth_element(left, nth, std::greater<>());
  const std::uint64_t taken = *nth;
  error_ += taken;
  for (const Entry& entry : entries_)
    if (entry.left() <= taken) others_.add(entry.counts);
  std::erase_if(entries_, [taken](const Entry& entry) { return entry.left() <= taken; });
  for (Entry& entry : entries_) entry.taken += taken;
  place_all(slots_.size());
}

Counts& NameTable::at(std::string_view name) {
  name = name.substr(0, kNameMax);
  return entry_of(name, hash_octets(name), kNamesHeld).counts;
}

void NameTable::add(const NameTable& other) {
  for (const Entry& entry : other.entries_) {
    Entry& mine = entry_of(entry.name, entry.hash, 2 * kNamesHeld);
    mine.counts.add(entry.counts);
    mine.taken += entry.taken;
  }
  others_.add(other.others_);
  error_ += other.error_;
  if (entries_.size() > kNamesHeld) reduce();
}

std::uint64_t NameTable::total() const {
  std::uint64_t sum = others_.total();
  for (const Entry& entry : entries_) sum += entry.counts.total();
  return sum;
}

Counts NameTable::of(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name == name) return entry.counts;
  return {};
}

NameTable::Ranking NameTable::ranked() const {
  Ranking out{.names = entries_, .others = others_};
  std::ranges::sort(out.names, [](const Entry& a, const Entry& b) {
    const std::uint64_t more = a.counts.total();
    const std::uint64_t less = b.counts.total();
    return more != less ? more > less : a.name < b.name;
  });
  for (std::size_t i = kNamesMax; i < out.names.size(); ++i) out.others.add(out.names[i].counts);
  if (out.names.size() > kNamesMax) out.names.erase(out.names.begin() + kNamesMax, out.names.end());
  return out;
}

}  // namespace postern::maillog
