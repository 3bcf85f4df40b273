// `postern check`: its options (cli/app.cc), what carries it out, and how a report looks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "check/report.h"
#include "check/watch.h"

namespace postern::cli {

struct CheckToolOptions {
  std::vector<std::string> domains;  // one; with --self none or more
  bool deep = false, json = false, nagios = false, prometheus = false, lookalikes = false, self = false,
       verbose = false, list = false;
  std::vector<std::string> selectors;
  std::string watch;   // a file
  std::string config;  // empty: none is read, but the default one with --self
  std::string dns;     // HOST:PORT of a resolver
  std::string helo, ca_file;
  std::uint16_t port = 25, https_port = 443, dns_port = 53;
  bool allow_private = false, no_name_servers = false;
  bool retry_greylisted = false;
  std::string retry_after = "6m";
  std::string timeout = "2m";
  std::optional<std::int64_t> now;
};
[[nodiscard]] int run_check(const CheckToolOptions& options);

// Pure:
[[nodiscard]] std::string report_text(const check::Report& report, bool verbose, bool colour, std::size_t width = 0);
[[nodiscard]] std::string changes_text(const std::vector<check::Change>& changes, bool colour);
// "CHECK WARNING - example.org: ... | fail=0 ..." (the plug-in guidelines of Nagios), and its exit code.
[[nodiscard]] std::string nagios_line(const check::Report& report);
[[nodiscard]] std::string nagios_unknown(std::string_view why);  // nothing was checked
// Gauges in Prometheus' text format (check_prometheus.cc).
[[nodiscard]] std::string prometheus_text(const std::vector<check::Report>& reports);
[[nodiscard]] int nagios_code(const check::Report& report);

}  // namespace postern::cli
