#include "base/counters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

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

const MetricFamily* family(const std::vector<MetricFamily>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &MetricFamily::name);
  return found == all.end() ? nullptr : &*found;
}

TEST(Counters, ATableCountsEachCombinationAndShowsThoseThatWere) {
  static constexpr auto kColours = std::to_array<std::string_view>({"red", "blue"});
  static constexpr auto kSizes = std::to_array<std::string_view>({"small", "large", "other"});
  static CounterTable table("postern_test_table_total", {{"colour", kColours}, {"size", kSizes}});
  EXPECT_EQ(table.size(), 6U);
  EXPECT_TRUE(family(metric_families(), "postern_test_table_total")->series.empty());
  table.add(0, 1);
  table.add(1, 2);
  table.add(1, 99);  // beyond the last: the last
  EXPECT_EQ(table.value({1, 2}), 2);
  EXPECT_EQ(table.value({0, 0}), 0);
  const auto all = metric_families();
  const auto& series = family(all, "postern_test_table_total")->series;
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].labels, R"(colour="red",size="large")");
  EXPECT_EQ(series[0].value, 1);
  EXPECT_EQ(series[1].labels, R"(colour="blue",size="other")");
  EXPECT_EQ(series[1].value, 2);
}

TEST(Counters, AHistogramIsCumulative) {
  static constexpr auto kBounds = std::to_array<std::int64_t>({1000, 5000});
  static constexpr auto kKinds = std::to_array<std::string_view>({"a", "b"});
  static Histogram one("postern_test_seconds", kBounds, {"kind", kKinds});
  static Histogram bare("postern_test_bare_seconds", kBounds);
  one.add_us(1000);  // at a bound: within it
  one.add_us(1001);
  one.add_ms(6);
  one.add_ms(1, 1);
  one.add_ms(1, 7);  // beyond the last: the last
  bare.add_ms(2, 3);
  const auto all = metric_families();
  const MetricFamily& labelled = *family(all, "postern_test_seconds");
  EXPECT_EQ(labelled.kind, MetricFamily::Kind::histogram);
  ASSERT_EQ(labelled.series.size(), 2U);
  EXPECT_EQ(labelled.series[0].labels, R"(kind="a")");
  EXPECT_EQ(labelled.series[0].counts, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(labelled.series[0].value, 3);
  EXPECT_EQ(labelled.series[0].sum_us, 8001);
  EXPECT_EQ(labelled.series[1].value, 2);
  const MetricFamily& unlabelled = *family(all, "postern_test_bare_seconds");
  ASSERT_EQ(unlabelled.series.size(), 1U);
  EXPECT_EQ(unlabelled.series[0].labels, "");
  EXPECT_EQ(unlabelled.series[0].counts, (std::vector<std::int64_t>{0, 1}));
}

TEST(Counters, LabelsWithinANameAreLabels) {
  const LiveValue live("postern_test_info{version=\"1\"}", [] { return 1; });
  const auto all = metric_families();
  const MetricFamily* const found = family(all, "postern_test_info");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->series.at(0).labels, R"(version="1")");
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &MetricFamily::name));
}

}  // namespace
}  // namespace postern
