// Ranges of addresses with a country, as files have them, and what becomes of them: a function of the address that
// changes at certain steps. Internal to geo. Thread rule: values.
//
// Where ranges overlap, the narrower one holds, as a registration within another one does; of two equal ones the later.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ip/address.h"

namespace postern::geo {

// A IPv6 address as a number.
struct Wide {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Wide&, const Wide&) = default;
};
[[nodiscard]] Wide wide(const ip::Address& address);
[[nodiscard]] std::uint32_t narrow(const ip::Address& address);  // of an IPv4 address

template <class Key>
struct Range {
  Key first{};
  Key last{};
  std::uint8_t country = 0;  // CountryNumbers
};

// From `start` up to the next step.
template <class Key>
struct Step {
  Key start{};
  std::uint8_t country = 0;
  friend bool operator==(const Step&, const Step&) = default;
};

// The first step starts at 0; neighbours differ.
[[nodiscard]] std::vector<Step<std::uint32_t>> flatten(std::vector<Range<std::uint32_t>> ranges);
[[nodiscard]] std::vector<Step<Wide>> flatten(std::vector<Range<Wide>> ranges);

// Collects what the parsers of all files find.
struct Ranges {
  // A country file has a few hundred thousand ranges of each family, a city file a few millions.
  static constexpr std::size_t kMax = 16'000'000;

  std::vector<Range<std::uint32_t>> v4;
  std::vector<Range<Wide>> v6;

  // Errors: the last address is before the first, or there are too many.
  [[nodiscard]] Result<void> add(std::uint32_t first, std::uint32_t last, std::uint8_t country);
  [[nodiscard]] Result<void> add(Wide first, Wide last, std::uint8_t country);
};

}  // namespace postern::geo
