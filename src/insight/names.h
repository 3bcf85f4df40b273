// Names with a count for each address family, bounded: kNamesMax of each kind, further ones are counted as "other".
// Thread rule: values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace postern::insight {

inline constexpr std::size_t kNamesMax = 200;

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
  [[nodiscard]] const std::map<std::string, PerFamily, std::less<>>& all() const { return names_; }

 private:
  std::map<std::string, PerFamily, std::less<>> names_;
};

// "key":{"NAME":n}: both families together
void write_names(std::string_view key, const Names& names, json::Writer& out);
// "key":{"ipv4":{"NAME":n},"ipv6":{...}}
void write_by_family(std::string_view key, const Names& names, json::Writer& out);

}  // namespace postern::insight
