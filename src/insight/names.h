// Names with a count for each address family, bounded: kNamesMax of each kind are told, further ones are "other". Held
// are kNamesHeld, as Misra-Gries counters (Agarwal et al. 2012: Mergeable Summaries): when they are too many, as much
// is taken from each as the one in the middle has left, and who has nothing left goes. So who is frequent is told
// however late he comes, and in whatever order parts are merged. Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace postern::insight {

inline constexpr std::size_t kNamesMax = 26 * 26;  // all country codes
inline constexpr std::size_t kNamesHeld = 4 * kNamesMax;

using PerFamily = std::array<std::uint64_t, 2>;  // IPv4, IPv6

inline void add(PerFamily& to, const PerFamily& from) {
  to[0] += from[0];
  to[1] += from[1];
}
[[nodiscard]] inline std::uint64_t sum(const PerFamily& both) { return both[0] + both[1]; }

class Names {
 public:
  void add(std::string_view name, bool ipv6, std::uint64_t count = 1);
  void merge(const Names& other);
  using Told = std::map<std::string, PerFamily, std::less<>>;
  // The most frequent, of equal ones those whose names are first; and "other".
  [[nodiscard]] Told all() const;
  [[nodiscard]] bool empty() const { return names_.empty() && sum(others_) == 0; }

 private:
  struct Held {
    PerFamily counts{};
    std::uint64_t taken = 0;  // to make room
    [[nodiscard]] std::uint64_t left() const { return sum(counts) - taken; }
  };
  void reduce();
  std::map<std::string, Held, std::less<>> names_;
  PerFamily others_{};
};

// "key":{"NAME":n}: both families together
void write_names(std::string_view key, const Names& names, json::Writer& out);
// "key":{"ipv4":{"NAME":n},"ipv6":{...}}
void write_by_family(std::string_view key, const Names& names, json::Writer& out);

}  // namespace postern::insight
