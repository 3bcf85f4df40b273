#include "insight/metrics.h"
#include "repository.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>

namespace postern::insight {
namespace {

TEST(MetricsText, EachTypeAsTheFormatWantsIt) {
  static constexpr auto kBounds = std::to_array<std::int64_t>({500, 1'000'000, 2'500'000, 60'000'000});
  const std::vector<MetricFamily> families{
      {.name = "postern_build_info", .series = {{.labels = "version=\"1\"", .value = 1}}},
      {.name = "postern_delivery_attempt_seconds",
       .kind = MetricFamily::Kind::histogram,
       .bounds = kBounds,
       .series = {{.labels = "transport=\"smtp\"", .value = 5, .counts = {0, 2, 3, 4}, .sum_us = 71'000'250}}},
      {.name = "postern_spool_commit_seconds",
       .kind = MetricFamily::Kind::histogram,
       .bounds = kBounds,
       .series = {{.labels = "", .value = 0, .counts = {0, 0, 0, 0}, .sum_us = 0}}},
      {.name = "postern_sessions_total", .series = {{.labels = "", .value = 7}}},
      {.name = "postern_smtp_sessions_total", .series = {}},
      {.name = "postern_unheard_of", .series = {{.labels = "", .value = -3}}},
  };
  EXPECT_EQ(prometheus_text(families),
            R"(# HELP postern_build_info 1; the version is in the label.
# TYPE postern_build_info gauge
postern_build_info{version="1"} 1
# HELP postern_delivery_attempt_seconds How long delivery attempts took.
# TYPE postern_delivery_attempt_seconds histogram
postern_delivery_attempt_seconds_bucket{transport="smtp",le="0.0005"} 0
postern_delivery_attempt_seconds_bucket{transport="smtp",le="1"} 2
postern_delivery_attempt_seconds_bucket{transport="smtp",le="2.5"} 3
postern_delivery_attempt_seconds_bucket{transport="smtp",le="60"} 4
postern_delivery_attempt_seconds_bucket{transport="smtp",le="+Inf"} 5
postern_delivery_attempt_seconds_sum{transport="smtp"} 71.00025
postern_delivery_attempt_seconds_count{transport="smtp"} 5
# HELP postern_spool_commit_seconds How long a group commit took: write and sync.
# TYPE postern_spool_commit_seconds histogram
postern_spool_commit_seconds_bucket{le="0.0005"} 0
postern_spool_commit_seconds_bucket{le="1"} 0
postern_spool_commit_seconds_bucket{le="2.5"} 0
postern_spool_commit_seconds_bucket{le="60"} 0
postern_spool_commit_seconds_bucket{le="+Inf"} 0
postern_spool_commit_seconds_sum 0
postern_spool_commit_seconds_count 0
# HELP postern_sessions_total Connections that became sessions, without those at sinkholes.
# TYPE postern_sessions_total counter
postern_sessions_total 7
# HELP postern_smtp_sessions_total Sessions that ended; verdict is the policy's strongest word that was enforced, none where nobody was judged.
# TYPE postern_smtp_sessions_total counter
# TYPE postern_unheard_of untyped
postern_unheard_of -3
)");
}

TEST(MetricsText, NamesAndHelpAreWhatTheFormatTakes) {
  for (const MetricInfo& info : metrics()) {
    EXPECT_EQ(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << info.name;
    EXPECT_EQ(info.help.find_first_of("\n\\|"), std::string_view::npos) << info.name;
    EXPECT_TRUE(info.help.ends_with('.')) << info.name;
    EXPECT_EQ(info.type == MetricType::counter, info.name.ends_with("_total")) << info.name;
    EXPECT_TRUE(info.type != MetricType::histogram || info.name.ends_with("_seconds")) << info.name;
  }
}

TEST(MetricsText, ThePageSaysWhatTheTableSays) {
  std::ifstream file(postern::test::source_dir() / "docs/metrics.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(page.find(metrics_table()), std::string::npos)
      << "docs/metrics.md: put in what `postern metrics --reference` prints";
}

}  // namespace
}  // namespace postern::insight
