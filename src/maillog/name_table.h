// NameTable: how often each name was seen, by address family, in memory that no log can fill. Open addressing, and
// Misra-Gries counters in the mergeable form (Agarwal et al. 2012: Mergeable Summaries): up to kNamesHeld names; when
// they are too many, as much is taken from each as the one in the middle has left, and who has nothing left goes to
// others(). So whoever is frequent is held however late he comes, and his count falls short by at most error(), in
// whatever order and by however many threads a log is read. Exact up to kNamesHeld names. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::maillog {

enum class Family : std::uint8_t { v4, v6, none };

struct Counts {
  std::uint64_t v4 = 0, v6 = 0, none = 0;
  void add(Family family, std::uint64_t n = 1) { (family == Family::v4 ? v4 : family == Family::v6 ? v6 : none) += n; }
  void add(const Counts& other) {
    v4 += other.v4;
    v6 += other.v6;
    none += other.none;
  }
  [[nodiscard]] std::uint64_t total() const { return v4 + v6 + none; }
};

class NameTable {
 public:
  static constexpr std::size_t kNameMax = 160;   // octets; names are cut there
  static constexpr std::size_t kNamesMax = 512;  // that are shown
  static constexpr std::size_t kNamesHeld = 4 * kNamesMax;

  struct Entry {
    std::string name;
    std::uint64_t hash = 0;
    Counts counts;
    std::uint64_t taken = 0;  // to make room
    [[nodiscard]] std::uint64_t left() const { return counts.total() - taken; }
  };
  struct Ranking {
    std::vector<Entry> names;  // the most frequent first, names of equal counts by their names; kNamesMax
    Counts others;             // all that are not among them
  };

  NameTable();
  void add(std::string_view name, Family family, std::uint64_t n = 1) { at(name).add(family, n); }
  void add(const NameTable& other);
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }  // that are held, in no order
  [[nodiscard]] const Counts& others() const { return others_; }                // that are not held
  [[nodiscard]] std::uint64_t error() const { return error_; }
  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] Counts of(std::string_view name) const;
  [[nodiscard]] Ranking ranked() const;

 private:
  [[nodiscard]] Counts& at(std::string_view name);
  // Where `name` is, or the free slot it would have.
  [[nodiscard]] std::size_t slot_of(std::string_view name, std::uint64_t hash) const;
  [[nodiscard]] Entry& entry_of(std::string_view name, std::uint64_t hash, std::size_t most);
  void place_all(std::size_t slots);
  void reduce();
  std::vector<std::uint16_t> slots_;  // place in entries_ and one; 0 empty. A power of two, never more than half full
  std::vector<Entry> entries_;
  Counts others_;
  std::uint64_t error_ = 0;
};

// Spreads up to kNameMax octets over 64 bits. No defence against who picks names to collide: a table is small enough
// that walking all of it costs little.
[[nodiscard]] std::uint64_t hash_octets(std::string_view octets);

}  // namespace postern::maillog
