// NameTable: how often each of few names was seen, by address family. Open addressing over a fixed number of slots; the
// names met after it is full are counted together (others()), so that no log can fill the memory. Thread rule: values.
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
  static constexpr std::size_t kNameMax = 160;  // octets; names are cut there
  static constexpr std::size_t kNamesMax = 512;

  struct Entry {
    std::string name;
    std::uint64_t hash = 0;
    Counts counts;
  };

  NameTable();
  void add(std::string_view name, Family family) { at(name).add(family); }
  void add(const NameTable& other);
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }  // in the order they were met
  [[nodiscard]] const Counts& others() const { return others_; }
  [[nodiscard]] std::uint64_t total() const;
  [[nodiscard]] Counts of(std::string_view name) const;
  // The most frequent first, names of equal counts by their names.
  [[nodiscard]] std::vector<Entry> ranked() const;

 private:
  [[nodiscard]] Counts& at(std::string_view name);
  std::vector<std::uint16_t> slots_;  // place in entries_ and one; 0 empty
  std::vector<Entry> entries_;
  Counts others_;
};

// Spreads up to kNameMax octets over 64 bits. No defence against who picks names to collide: a table is small enough
// that walking all of it costs little.
[[nodiscard]] std::uint64_t hash_octets(std::string_view octets);

}  // namespace postern::maillog
