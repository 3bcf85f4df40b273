// Records through the control socket:
//   records.flush {} -> {}: answers when every session that has ended is in the file, for `postern why`.
#pragma once

#include <functional>

#include "control/control.h"
#include "io/loop.h"

namespace postern::control {

// `flush` blocks and is called on the pool; what it uses and `pool` outlive the server.
void add_record_commands(Server& server, io::BlockingPool& pool, std::function<void()> flush);

}  // namespace postern::control
