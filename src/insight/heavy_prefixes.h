// HeavyPrefixes: which networks connect most, at each level that the budgets know, down to the single address, in
// memory that does not grow with their number: Misra-Gries counters in the mergeable form (Agarwal et al. 2012:
// Mergeable Summaries). At each level up to 2 * kPrefixesKept prefixes are held; when they are too many, as much is
// taken from each as the (kPrefixesKept+1)st has, and who has nothing left goes. So a prefix with more than
// 1/kPrefixesKept of the connections is always held, and what is told of it falls short by at most error(). Whoever
// changes his address with each connection pushes out nobody who is frequent. Thread rule: a value.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ip/address.h"

namespace postern::insight {

inline constexpr std::size_t kPrefixesKept = 512;

struct PrefixLevel {
  ip::Family family;
  int length;
};
inline constexpr std::array<PrefixLevel, 8> kPrefixLevels{{{ip::Family::v6, 32},
                                                           {ip::Family::v6, 48},
                                                           {ip::Family::v6, 56},
                                                           {ip::Family::v6, 64},
                                                           {ip::Family::v6, 128},
                                                           {ip::Family::v4, 16},
                                                           {ip::Family::v4, 24},
                                                           {ip::Family::v4, 32}}};

class HeavyPrefixes {
 public:
  struct Counts {
    std::uint64_t connections = 0;
    std::uint64_t accepted = 0;  // messages
    std::uint64_t refused = 0;   // connections in which something was refused or put off
  };
  struct Row {
    ip::Prefix prefix;
    Counts counts;
  };
  void add(const ip::Address& client, std::uint32_t accepted, bool refused);
  void merge(const HeavyPrefixes& other);
  // Of the level `kPrefixLevels[level]`: most connections first, then in the order of addresses. Without those of whom
  // no more is told than error(), who are held by chance: whoever has more than 2/kPrefixesKept is always there.
  [[nodiscard]] std::vector<Row> top(std::size_t level, std::size_t most) const;
  // By how many connections a row may fall short.
  [[nodiscard]] std::uint64_t error(std::size_t level) const { return levels_.at(level).error; }

 private:
  struct Key {  // the bits of the prefix, at the top; of IPv4 in `high`
    std::uint64_t high = 0, low = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key;
    std::uint64_t weight = 0;  // 0: free. What is left of its connections.
    Counts counts;
  };
  struct Level {
    std::vector<Entry> slots;  // open addressing; a power of two, never more than half full
    std::size_t held = 0;
    std::uint64_t error = 0;
    void add(const Key& key, std::uint64_t weight, const Counts& counts);
    void reduce();
    [[nodiscard]] Entry& place(const Key& key);
  };
  [[nodiscard]] static Key key_of(const ip::Address& address, int length);
  [[nodiscard]] static ip::Prefix prefix_of(const Key& key, const PrefixLevel& level);
  std::array<Level, kPrefixLevels.size()> levels_;
};

}  // namespace postern::insight
