// Commands: what app.cc reads from the command line, as plain structs, and the function that carries each out. A
// function returns the exit code: 0 success, 1 a negative finding or a failure at run time, 2 bad usage
// (docs/man/postern.1).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace postern::cli {

inline constexpr int kOk = 0;
inline constexpr int kNegative = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNagiosUnknown = 3;  // of a plug-in of Nagios

struct ServeOptions {
  std::string config;
};
[[nodiscard]] int run_serve(const ServeOptions& options);

struct ConfigCheckOptions {
  std::string file;
  bool json = false;
};
[[nodiscard]] int run_config_check(const ConfigCheckOptions& options);
[[nodiscard]] int run_config_reference();

struct QueueOptions {
  std::string config;
  std::string verb;              // list, show, retry, hold, release, drop, status
  std::vector<std::string> ids;  // show, retry, hold, release, drop
  bool all = false;              // retry, hold, release, drop
  std::size_t max = 0;           // list: rows; 0 is all
  bool json = false;
};
[[nodiscard]] int run_queue(const QueueOptions& options);

// The whole program: parses arguments and runs the command (app.cc).
[[nodiscard]] int run(int argc, char** argv);

}  // namespace postern::cli
