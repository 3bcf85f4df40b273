#include <cstdio>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/server_process.h"

namespace postern::cli {

int run_serve(const ServeOptions& options) {
  const config::Loaded loaded = config::load(options.config);
  if (!loaded.config) {
    for (const config::Problem& problem : loaded.problems)
      std::fprintf(stderr, "postern: %s\n", problem.text().c_str());
    return kNegative;
  }
  for (const config::Problem& warning : loaded.warnings) log::warning("config", {{"warning", warning.text()}});
  ServerProcess process(loaded.config);
  if (const auto opened = process.open(); !opened) {
    log::error("start_failed", {{"why", opened.error().what}});
    return kNegative;
  }
  process.run();
  return kOk;
}

}  // namespace postern::cli
