#include "base/counters.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern {
namespace {

std::int64_t shown(std::string_view name) {
  const auto all = counter_values();
  const auto found = std::ranges::find(all, name, [](const auto& one) { return std::string_view(one.first); });
  return found == all.end() ? -1 : found->second;
}

TEST(Counters, TwoOfOneNameAreOneSeries) {
  static Counter one("postern_test_total");
  static Counter other("postern_test_total");
  one.add(2);
  other.add();
  EXPECT_EQ(shown("postern_test_total"), 3);
}

TEST(Counters, LiveValuesAreAskedWhileTheyLive) {
  std::int64_t level = 7;
  {
    const LiveValue live("postern_test_level", [&level] { return level; });
    EXPECT_EQ(shown("postern_test_level"), 7);
    level = 8;
    EXPECT_EQ(shown("postern_test_level"), 8);
  }
  EXPECT_EQ(shown("postern_test_level"), -1);
}

}  // namespace
}  // namespace postern
