// Metrics through the control socket:
//   metrics {} -> {text}: all metrics in Prometheus' exposition format 0.0.4, for `postern metrics` and the web
//   process.
#pragma once

#include "control/control.h"

namespace postern::control {

void add_metrics_command(Server& server);

}  // namespace postern::control
