// Asking the mail server through its control socket, on a loop: one connection a request, a deadline on each. The
// blocking client for command line tools is control/control.h's. Thread rule: the loop's.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "io/loop.h"

namespace postern::web {

// The answer where it is ok, else the server's error; not_found with its errno where no server listens, as
// control::nobody_serves() reads it.
[[nodiscard]] Task<Result<json::Value>> ask_server(io::Loop& loop, std::string socket_path, json::Value request,
                                                   milliseconds deadline = milliseconds(10'000));
// {"command": NAME}
[[nodiscard]] json::Value command(std::string name);

}  // namespace postern::web
