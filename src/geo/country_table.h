// CountryTable: address to country, immutable once loaded. Made of the files that Debian's tor-geoipdb installs, or of
// RIR statistics files (delegated, delegated-extended), or of any MaxMind DB with countries (.mmdb); what a file is,
// its content says. Whatever is not in the files is unknown, and so is everything where there are none: that is a
// value, and nobody's fault (design invariant 6).
//
// What it is not: a location. A range is where its holder is registered (RIR files) or believed to be used (the
// others), the data is as old as describe() says, and a tunnel ends elsewhere. Addresses of transition mechanisms
// (6to4, Teredo) are looked up as what they are and not as the IPv4 address within.
//
// Memory: IPv4 five octets a range, IPv6 nine, and seventeen more for each range finer than a /64, besides two indices
// of 256 KiB: six MiB for tor-geoipdb. Look-up: an index by the first 16 bits, then a binary search; no allocation.
// Files are read whole, on the caller's thread, and are not needed afterwards. Thread rule: immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "geo/country.h"
#include "geo/ranges.h"
#include "ip/address.h"

namespace postern::geo {

// A file that a table was made of.
struct Source {
  std::string path;
  std::string_view format;     // "tor-geoipdb", "RIR statistics", "MaxMind DB"
  WallMs made = 0;             // when the data was made: as the file says, or when the file was last modified
  bool made_by_mtime = false;  // the latter
  std::size_t ranges = 0;      // with a country
  std::size_t unplaced = 0;    // ranges without one: reserved, unallocated, or no code that is assigned
};

class CountryTable {
 public:
  static constexpr std::size_t kFilesMax = 16;
  static constexpr std::size_t kFileMax = std::size_t{512} << 20;  // octets; a city database has less than 150 MiB

  CountryTable();  // every look-up is unknown
  // Without paths those of default_paths() that are there; with none of them the empty table. Of given paths each must
  // be there. Errors name the file, and the line where there is one; nothing is loaded then, and the caller keeps the
  // table it has.
  [[nodiscard]] static Result<CountryTable> load(std::span<const std::string> paths = {});
  // Where tor-geoipdb installs its two files.
  [[nodiscard]] static std::vector<std::string> default_paths();

  [[nodiscard]] Country country(const ip::Address& address) const;

  [[nodiscard]] bool empty() const { return sources_.empty(); }
  [[nodiscard]] std::span<const Source> sources() const { return sources_; }
  // Of the oldest source; nothing where there is none. Not less than 0.
  [[nodiscard]] std::optional<std::int64_t> age_days(WallMs now) const;
  // One line: sources, age, ranges, memory; where there is no data, what to do about it.
  [[nodiscard]] std::string describe(WallMs now) const;
  [[nodiscard]] std::size_t ranges(ip::Family family) const;  // with and without a country
  [[nodiscard]] std::size_t memory() const;                   // octets

 private:
  // A step function over numbers: starts_[i] up to starts_[i + 1] has values_[i]. starts_[0] is 0.
  template <class Start>
  class Steps {
   public:
    void append(Start start, std::uint8_t value);
    void finish();  // builds the index
    [[nodiscard]] std::uint8_t at(Start number) const;
    [[nodiscard]] std::size_t size() const { return starts_.size(); }
    [[nodiscard]] std::size_t memory() const;

   private:
    std::vector<Start> starts_;
    std::vector<std::uint8_t> values_;
    std::vector<std::uint32_t> first_;  // by the first 16 bits of a number: the step that the least such number is in
  };
  void build_v6(const std::vector<Step<Wide>>& steps);

  Steps<std::uint32_t> v4_;
  Steps<std::uint64_t> v6_;  // by the first 64 bits; kMixed where fine_ has to be asked
  std::vector<Wide> fine_starts_;
  std::vector<std::uint8_t> fine_values_;
  std::size_t v6_ranges_ = 0;
  std::vector<Source> sources_;
};

}  // namespace postern::geo
