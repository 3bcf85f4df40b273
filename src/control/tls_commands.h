// What is remembered of other servers' TLS, through the control socket:
//   tls_list {} -> {policies, verified, broken}     tls_forget {name} -> {forgotten}
// Without a server the same on its files (outbound/tls_files.h).
#pragma once

#include "control/control.h"
#include "outbound/published_tls.h"

namespace postern::control {

// `tls` outlives the server, and belongs to its loop. `forgotten` is called there after something was.
void add_tls_commands(Server& server, outbound::PublishedTls& tls, std::function<void()> forgotten);

}  // namespace postern::control
