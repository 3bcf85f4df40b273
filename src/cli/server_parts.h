// What the server is made of that one reading of the configuration decides, and a reload makes anew. Pure but for
// make_tls, which reads keys. Thread rule: the main thread's.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/config.h"
#include "inbound/sinkhole.h"
#include "io/tls.h"
#include "policy/policy.h"
#include "signals/lists.h"

namespace postern::cli {

// Of the certificates that are configured, or of a self-signed one below data_dir, which is made where there is none.
[[nodiscard]] Result<std::shared_ptr<io::TlsServerContext>> make_tls(const config::Config& config);
// The bodies of all sinkholes lie in one folder and have the bounds of the first that keeps them.
[[nodiscard]] inbound::SinkholeBounds sinkhole_bounds(const config::Config& config);
// Null where there is neither a preset nor a rule: nobody is judged, so that there are no look-ups and no budgets.
[[nodiscard]] std::shared_ptr<const policy::Policy> make_policy(const config::Config& config);
// Null, and an error in the log, where they cannot be used.
[[nodiscard]] std::shared_ptr<const signals::Lists> make_lists(const config::Config& config);

}  // namespace postern::cli
