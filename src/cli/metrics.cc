// `postern metrics`: what a running server counts, in Prometheus' exposition format.
#include "insight/metrics.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/insight_tools.h"
#include "cli/output.h"
#include "config/config.h"
#include "control/control.h"

namespace postern::cli {

int run_metrics(const MetricsOptions& options) {
  if (options.reference) {
    print(insight::metrics_table());
    return kOk;
  }
  const config::Loaded loaded = config::load(options.config);
  if (loaded.data_dir.empty()) {
    for (const config::Problem& problem : loaded.problems) complain(problem.text());
    return kNegative;
  }
  const std::string socket = loaded.data_dir + "/control.sock";
  const auto answer =
      control::request(socket, json::Value(json::Value::Object{{"command", json::Value(std::string("metrics"))}}));
  if (!answer) {
    complain(control::nobody_serves(answer.error())
                 ? "no server runs at " + socket +
                       ": metrics are those of a running server; start it with `postern serve`"
                 : answer.error().what);
    return kNegative;
  }
  print(std::string(answer->at("text").string()));
  return kOk;
}

}  // namespace postern::cli
