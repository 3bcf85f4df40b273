#include "geo/ranges.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "support.h"

namespace postern::geo {
namespace {

template <class Key>
std::uint8_t value_at(const std::vector<Step<Key>>& steps, Key key) {
  std::uint8_t value = 0;
  for (const auto& step : steps) {
    if (step.start <= key) value = step.country;
  }
  return value;
}

// The rule in the words of ranges.h, one address at a time.
std::uint8_t naive(const std::vector<Range<std::uint32_t>>& ranges, std::uint32_t address) {
  std::optional<Range<std::uint32_t>> best;
  for (const auto& range : ranges) {
    if (address < range.first || address > range.last) continue;
    if (!best || range.last - range.first <= best->last - best->first) best = range;
  }
  return best ? best->country : std::uint8_t{0};
}

TEST(Ranges, OverlapsAreResolvedAsTheNaiveTableSays) {
  std::mt19937 random(20261121);  // NOLINT(*-msc51-cpp): the same cases every time
  for (int round = 0; round < 400; ++round) {
    std::vector<Range<std::uint32_t>> ranges;
    // At the bottom or at the top of the space, where starts and ends can overflow
    const std::uint32_t base = (round & 1) != 0 ? 0 : UINT32_MAX - 255;
    for (std::size_t n = random() % 12; n > 0; --n) {
      std::uint32_t first = random() % 256;
      std::uint32_t last = random() % 256;
      if (last < first) std::swap(first, last);
      ranges.push_back({base + first, base + last, static_cast<std::uint8_t>(random() % 4)});
    }
    const auto steps = flatten(ranges);
    ASSERT_FALSE(steps.empty());
    EXPECT_EQ(steps.front().start, 0U);
    for (std::size_t i = 1; i < steps.size(); ++i) {
      EXPECT_LT(steps[i - 1].start, steps[i].start);
      EXPECT_NE(steps[i - 1].country, steps[i].country);
    }
    for (std::uint32_t i = 0; i < 256; ++i) {
      ASSERT_EQ(value_at(steps, base + i), naive(ranges, base + i)) << "round " << round << " address " << i;
    }
  }
}

TEST(Ranges, WideKeysCarryAcrossTheMiddleAndEndAtTheTop) {
  const Wide top{UINT64_MAX, UINT64_MAX};
  const auto steps = flatten(std::vector<Range<Wide>>{{{1, 5}, {1, UINT64_MAX}, 7}, {{UINT64_MAX, 0}, top, 9}});
  const std::vector<Step<Wide>> expected{{{0, 0}, 0}, {{1, 5}, 7}, {{2, 0}, 0}, {{UINT64_MAX, 0}, 9}};
  EXPECT_EQ(steps, expected);
  // A /64 within a /32 that comes later in the file
  const auto nested = flatten(std::vector<Range<Wide>>{{{8, 0}, {8, UINT64_MAX}, 1}, {{0, 0}, {0xFF, UINT64_MAX}, 2}});
  const std::vector<Step<Wide>> split{{{0, 0}, 2}, {{8, 0}, 1}, {{9, 0}, 2}, {{0x100, 0}, 0}};
  EXPECT_EQ(nested, split);
}

TEST(Ranges, ARangeThatEndsBeforeItBeginsIsAnError) {
  Ranges ranges;
  EXPECT_TRUE(ranges.add(5U, 5U, 1).has_value());
  EXPECT_FALSE(ranges.add(5U, 4U, 1).has_value());
  EXPECT_FALSE(ranges.add(Wide{1, 0}, Wide{0, UINT64_MAX}, 1).has_value());
  EXPECT_EQ(ranges.v4.size(), 1U);
}

TEST(Ranges, AddressesAreNumbers) {
  EXPECT_EQ(narrow(test::address("192.0.2.1")), 0xC0000201U);
  EXPECT_EQ(wide(test::address("2001:db8::1")), (Wide{0x20010db800000000U, 1}));
}

}  // namespace
}  // namespace postern::geo
