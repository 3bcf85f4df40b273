// One address of a mail host: the polite connection, and the deeper tests. Thread rule: the loop's.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "check/report.h"
#include "check/run.h"
#include "check/target.h"

namespace postern::check {

// Connects once to every address of `target.hosts` whose kind is reachable (several addresses at once, one connection
// to each) and fills in `server`; where options.deep is set, the deeper tests follow on connections of their own.
[[nodiscard]] Task<void> probe_hosts(Target& target, const Options& options, Services services, Observer* observer);

// Judges what was found, without any IO: reachability, SMTP, TLS, DANE, certificates under MTA-STS, parity.
[[nodiscard]] std::vector<Finding> judge_servers(const Target& target, const Options& options);

}  // namespace postern::check
