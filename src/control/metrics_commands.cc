#include "control/metrics_commands.h"

#include "base/counters.h"
#include "insight/metrics.h"

namespace postern::control {

namespace {

// The lambda that calls it is no coroutine.
Task<Result<json::Value>> answer() {
  co_return json::Value(json::Value::Object{{"text", json::Value(insight::prometheus_text(metric_families()))}});
}

}  // namespace

void add_metrics_command(Server& server) {
  server.handle("metrics", [](const json::Value& /*request*/) { return answer(); });
}

}  // namespace postern::control
