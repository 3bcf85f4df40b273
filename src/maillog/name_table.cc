#include "maillog/name_table.h"

#include <algorithm>
#include <cstring>

namespace postern::maillog {

namespace {

constexpr std::size_t kSlots = NameTable::kNamesMax * 4;
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

NameTable::NameTable() : slots_(kSlots) { entries_.reserve(16); }

Counts& NameTable::at(std::string_view name) {
  name = name.substr(0, kNameMax);
  const std::uint64_t hash = hash_octets(name);
  for (std::size_t slot = hash % kSlots;; slot = (slot + 1) % kSlots) {
    if (slots_[slot] == 0) {
      if (entries_.size() == kNamesMax) return others_;
      entries_.push_back({std::string(name), hash, {}});
      slots_[slot] = static_cast<std::uint16_t>(entries_.size());
      return entries_.back().counts;
    }
    Entry& entry = entries_[slots_[slot] - 1U];
    if (entry.hash == hash && entry.name == name) return entry.counts;
  }
}

void NameTable::add(const NameTable& other) {
  for (const Entry& entry : other.entries_) at(entry.name).add(entry.counts);
  others_.add(other.others_);
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

std::vector<NameTable::Entry> NameTable::ranked() const {
  std::vector<Entry> out = entries_;
  std::ranges::sort(out, [](const Entry& a, const Entry& b) {
    const std::uint64_t more = a.counts.total();
    const std::uint64_t less = b.counts.total();
    return more != less ? more > less : a.name < b.name;
  });
  return out;
}

}  // namespace postern::maillog
