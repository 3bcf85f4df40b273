// The checker: everything that can be said about a domain's mail set-up from here, through the same code that receives
// and sends mail. Polite: one connection to each address (a second one where two hosts share it), within what
// etiquette.h allows, a real QUIT, and nothing but HELO and STARTTLS on it. RCPT probes, enumeration of versions and
// ciphers and further connections are made only where `deep` is set, which is the caller's decision: the operator's, or
// a visitor's who proved control with the TXT record of proof.h.
//
// What could not be found out is `not_tested` with the reason, never a failure. Bounded in look-ups, connections, time.
// Thread rule: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "check/report.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "ip/address.h"

namespace postern::signals {
class Lists;
}

namespace postern::check {

class Etiquette;

struct Options {
  bool deep = false;
  bool lookalikes = false;  // names that look like the domain are asked for
  // Deep runs of visitors: who proved control of the domain did not of hosts elsewhere. The deeper tests are made only
  // to hosts whose name is the domain or below it.
  bool only_own_hosts = false;
  std::string helo;                    // our name; its PTR and page say who is asking
  std::vector<std::string> selectors;  // of DKIM, beside the common ones
  std::uint16_t smtp_port = 25, https_port = 443, dns_port = 53;
  // Laboratories: addresses of loopback, private nets and documentation are connected to as any other.
  bool allow_private = false;
  // Where the domain's own name servers are asked directly; false: only the resolver is asked.
  bool ask_name_servers = true;
  // The resolver validates. Where it does not, "insecure" says nothing of a zone.
  bool validates = true;
  std::string ca_file;  // of PKIX; empty: the system's
  // DNS lists that the operator uses, and that answer him; null: none are asked.
  std::shared_ptr<const signals::Lists> lists;
  WallMs now = 0;
  Clock::duration deadline = std::chrono::seconds(120);
  // Addresses that put us off with 4xx are visited once more, that long after; zero: they are not. It comes on top of
  // the deadline.
  Clock::duration retry_after = Clock::duration::zero();
};

// Look-ups of one run. What is still to be asked when they are spent is not tested, and the run is not complete.
inline constexpr std::uint32_t kLookupsMax = 500, kLookupsDeepMax = 3000;
[[nodiscard]] inline std::uint32_t lookups_max(const Options& options) {
  return options.deep ? kLookupsDeepMax : kLookupsMax;
}

class Observer {
 public:
  virtual ~Observer() = default;
  // `done` of `total` steps; the total may grow while hosts become known.
  virtual void progress(std::size_t done, std::size_t total, std::string_view what) = 0;
  virtual void found(const Finding& finding) = 0;
  // A run does nothing but wait until it may ask again (true), and goes on (false).
  virtual void waits(bool) {}
};

struct Services {
  io::Loop& loop;
  io::BlockingPool& pool;
  dns::Resolver& resolver;
  Etiquette* etiquette = nullptr;  // what runs of this process share; null: a run has its own
};

// What a mail domain can be (RFC 5321 4.1.2, RFC 1123 2.1; underscores are let through): a name in ASCII or Unicode, no
// address. Error: `invalid`, with what to write.
[[nodiscard]] Result<dns::Name> mail_domain(std::string_view text);

// Errors: that of mail_domain; `network` where the resolver validates and is given no signatures at all, so that each
// name looks bogus and none is. The observer may be null.
[[nodiscard]] Task<Result<Report>> run(std::string domain, Options options, Services services, Observer* observer);

}  // namespace postern::check
