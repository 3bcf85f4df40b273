#include "insight/heavy_prefixes.h"

#include <algorithm>
#include <functional>

namespace postern::insight {

namespace {

constexpr std::size_t kSlots = 4 * kPrefixesKept;

// The first `length` bits of 64.
std::uint64_t mask_of(int length) {
  return length <= 0 ? 0 : length >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} << (64 - length);
}

std::uint64_t word_of(const std::array<std::uint8_t, 16>& octets, std::size_t from, std::size_t size) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < size; ++i) out |= std::uint64_t{octets.at(from + i)} << (56 - 8 * i);
  return out;
}

std::uint8_t octet_of(std::uint64_t word, std::size_t i) { return static_cast<std::uint8_t>(word >> (56 - 8 * i)); }

}  // namespace

HeavyPrefixes::Key HeavyPrefixes::key_of(const ip::Address& address, int length) {
  const auto& octets = address.octets();
  if (address.is_v4()) return {word_of(octets, 12, 4) & mask_of(length), 0};
  return {word_of(octets, 0, 8) & mask_of(length), length > 64 ? word_of(octets, 8, 8) & mask_of(length - 64) : 0};
}

ip::Prefix HeavyPrefixes::prefix_of(const Key& key, const PrefixLevel& level) {
  if (level.family == ip::Family::v4)
    return {
        ip::Address::v4({octet_of(key.high, 0), octet_of(key.high, 1), octet_of(key.high, 2), octet_of(key.high, 3)}),
        level.length};
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < 8; ++i) {
    octets.at(i) = octet_of(key.high, i);
    octets.at(8 + i) = octet_of(key.low, i);
  }
  return {ip::Address::v6(octets), level.length};
}

// Where a key is or would be. Addresses that somebody chose so that they fall together cost a walk over what the level
// holds, not more.
HeavyPrefixes::Entry& HeavyPrefixes::Level::place(const Key& key) {
  std::uint64_t mixed = key.high ^ (key.low * 0xC2B2AE3D27D4EB4FULL);
  mixed = (mixed ^ (mixed >> 32U)) * 0x9E3779B97F4A7C15ULL;
  mixed = (mixed ^ (mixed >> 29U)) * 0xBF58476D1CE4E5B9ULL;
  std::size_t at = static_cast<std::size_t>(mixed >> 40U) & (kSlots - 1);
  while (slots[at].weight != 0 && slots[at].key != key) at = (at + 1) & (kSlots - 1);
  return slots[at];
}

void HeavyPrefixes::Level::add(const Key& key, std::uint64_t weight, const Counts& counts) {
  if (slots.empty()) slots.resize(kSlots);
  Entry& entry = place(key);
  const bool fresh = entry.weight == 0;
  if (fresh) entry = {.key = key, .weight = 0, .counts = {}};
  entry.weight += weight;
  entry.counts.connections += counts.connections;
  entry.counts.accepted += counts.accepted;
  entry.counts.refused += counts.refused;
  if (fresh && ++held > 2 * kPrefixesKept) reduce();
}

void HeavyPrefixes::Level::reduce() {
  std::vector<Entry> all;
  all.reserve(held);
  for (const Entry& entry : slots)
    if (entry.weight != 0) all.push_back(entry);
  std::ranges::nth_element(all, all.begin() + kPrefixesKept, std::greater<>(), &Entry::weight);
  const std::uint64_t taken = all[kPrefixesKept].weight;
  error += taken;
  held = 0;
  slots.assign(kSlots, {});
  for (Entry& entry : all) {
    if (entry.weight <= taken) continue;
    entry.weight -= taken;
    place(entry.key) = entry;
    ++held;
  }
}

void HeavyPrefixes::add(const ip::Address& client, std::uint32_t accepted, bool refused) {
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (kPrefixLevels.at(i).family != client.family()) continue;
    levels_.at(i).add(key_of(client, kPrefixLevels.at(i).length), 1, {1, accepted, refused ? 1U : 0U});
  }
}

void HeavyPrefixes::merge(const HeavyPrefixes& other) {
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    for (const Entry& entry : other.levels_.at(i).slots)
      if (entry.weight != 0) levels_.at(i).add(entry.key, entry.weight, entry.counts);
    levels_.at(i).error += other.levels_.at(i).error;
  }
}

std::vector<HeavyPrefixes::Row> HeavyPrefixes::top(std::size_t level, std::size_t most) const {
  std::vector<Row> out;
  for (const Entry& entry : levels_.at(level).slots)
    if (entry.weight != 0 && entry.counts.connections > levels_.at(level).error)
      out.push_back({prefix_of(entry.key, kPrefixLevels.at(level)), entry.counts});
  std::ranges::sort(out, [](const Row& a, const Row& b) {
    return a.counts.connections != b.counts.connections ? a.counts.connections > b.counts.connections
                                                        : a.prefix < b.prefix;
  });
  if (out.size() > most) out.resize(most);
  return out;
}

}  // namespace postern::insight
