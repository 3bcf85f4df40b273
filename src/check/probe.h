// The mail hosts' addresses: the polite connection, the deeper tests, and the judgement over both.
// docs/check-servers.md says what a server's operator sees of it. Thread rule: the loop's.
//
// Polite: one connection to each address, and a second one where two hosts share it (another name in SNI); never two at
// a time to one address; EHLO, STARTTLS, EHLO, QUIT. Deep (options.deep): at most kDeepConnectionsMax more to each
// address, one after the other, which end at the first sign that the server has had enough.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/task.h"
#include "check/catalogue.h"
#include "check/report.h"
#include "check/run.h"
#include "check/target.h"

namespace postern::check {

inline constexpr std::size_t kAddressesMax = 60;           // of all hosts together; further ones are not connected to
inline constexpr std::size_t kAtOnce = 16;                 // addresses
inline constexpr std::uint32_t kDeepConnectionsMax = 240;  // to one address; most of them for ciphers, one each

// Connects once to every address of `target.hosts` whose kind is reachable and fills in `server`; where options.deep is
// set, the deeper tests follow on connections of their own. Takes at most options.deadline, counted from here. The
// observer hears progress() in addresses, of this part alone. `target`, `options` and `observer` outlive it.
[[nodiscard]] Task<void> probe_hosts(Target& target, const Options& options, Services services, Observer* observer);

// Where options.retry_after is set: waits that long, then asks those once more that put us off with 4xx. Takes at most
// options.deadline after the wait. The observer hears waits() and progress().
[[nodiscard]] Task<void> probe_again(Target& target, const Options& options, Services services, Observer* observer);

// This machine has an address of the family from which `to` could be reached.
[[nodiscard]] bool has_way_to(const ip::Address& to, bool allow_private);

// Judges what was found, without any IO: reachability, SMTP, TLS, DANE, certificates under MTA-STS, parity.
[[nodiscard]] std::vector<Finding> judge_servers(const Target& target, const Options& options);

// The visits themselves: politeness, and who puts strangers off. Without any IO.
[[nodiscard]] std::vector<Finding> judge_patience(const Target& target, const Options& options);

}  // namespace postern::check
