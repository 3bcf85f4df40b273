// `postern web` as somebody starts it by hand: binds the addresses of [web], reads the certificates, gives up root, and
// keeps the pages' own process as `postern serve` does (web_process.h). SIGHUP starts that anew: it lives in a sandbox
// whose rules are about the files that were there when it entered, so that it never sees what rename(2) put in their
// places. Thread rule: the caller's thread; blocks until SIGTERM.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"

namespace postern::cli {

// The configuration without the files that it names: the pages have no keys and no passwords of others. Null, with what
// is wrong told on standard error, where it cannot be read.
[[nodiscard]] std::shared_ptr<const config::Config> read_web_config(const std::string& file);

// The exit code.
[[nodiscard]] int run_web_by_hand(std::shared_ptr<const config::Config> config);

// What is wrong with a policy, in a line; "" where it can be judged by.
[[nodiscard]] std::string problem_of(const config::LoadedPolicy& policy);

}  // namespace postern::cli
