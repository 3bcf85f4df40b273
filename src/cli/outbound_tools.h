// `postern tls` and `postern reports`: their options (cli/app.cc) and what carries them out.
#pragma once

#include <string>
#include <vector>

namespace postern::cli {

struct TlsToolOptions {
  std::string config;
  std::string verb;                // list, forget, records
  std::vector<std::string> names;  // forget: hosts and domains; records: one domain
  std::vector<std::string> mx;     // records: MX hosts in place of our host name
  std::string mode = "testing";    // records: of the MTA-STS policy
  std::string max_age = "7d";
  std::string rua;  // records: where TLS reports go; empty: postmaster of the domain
  bool json = false;
};
[[nodiscard]] int run_tls(const TlsToolOptions& options);

struct ReportsToolOptions {
  std::vector<std::string> files;  // files, folders, "-"
  bool json = false;
};
[[nodiscard]] int run_reports(const ReportsToolOptions& options);

}  // namespace postern::cli
