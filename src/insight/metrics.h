// Metrics: what each metric of the server is, and the text in which Prometheus reads them (exposition format 0.0.4).
// docs/metrics.md is written from the table here, and tests compare it with what a server shows. Pure.
// Thread rule: constants and values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/counters.h"

namespace postern::insight {

enum class MetricType : std::uint8_t { counter, gauge, histogram };
[[nodiscard]] std::string_view to_string(MetricType type);

struct MetricInfo {
  std::string_view name;
  MetricType type;
  std::string_view labels;  // "family, tls"; "" none
  std::string_view help;    // one sentence without a line end
};
// Sorted by name.
[[nodiscard]] std::span<const MetricInfo> metrics();

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
// What has no row in the table is shown as untyped, without help.
[[nodiscard]] std::string prometheus_text(std::span<const MetricFamily> families);
// The table of docs/metrics.md.
[[nodiscard]] std::string metrics_table();

}  // namespace postern::insight
