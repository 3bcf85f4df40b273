// Prefixes: which networks connect most, by IPv4 /24 and IPv6 /48, in a table whose size never changes (Metwally,
// Agrawal, El Abbadi 2005: Space-Saving, in sets of eight). What is frequent stays; what is rare gives way, and whoever
// takes its place takes over its count as the error that his own may have. Exact as long as nothing gave way.
// Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::maillog {

class Prefixes {
 public:
  static constexpr std::size_t kSets = 1024, kWays = 8;  // 128 KiB: it stays in a cache

  struct Row {
    std::string prefix;       // "192.0.2.0/24"
    std::uint64_t count = 0;  // at most
    std::uint64_t error = 0;  // how much less it may be
  };

  Prefixes();
  void add(std::string_view address, std::uint64_t n = 1);  // as text; what is none is passed over
  void add(const Prefixes& other);
  // Those with the highest counts that are certain, in the order of the counts that are told.
  [[nodiscard]] std::vector<Row> top(std::size_t n) const;
  [[nodiscard]] bool exact() const { return !evicted_; }

 private:
  struct Cell {
    std::uint64_t key = 0;  // family above, network below; 0 empty
    std::uint32_t count = 0, error = 0;
  };
  void add(std::uint64_t key, std::uint32_t count, std::uint32_t error);
  std::vector<Cell> cells_;
  bool evicted_ = false;
};

}  // namespace postern::maillog
