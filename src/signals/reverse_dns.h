// Reverse DNS of a client: the names that its address points to, and whether they point back (FCrDNS, RFC 8601 3,
// iprev).
//
// States (evidence::value::Rdns):
//   none         DNS says that there is no name
//   unconfirmed  there are names, and none of them has the client's address
//   generic      the best of them is a provider's name for the address (generic_name.h). It is generic also where it is
//                confirmed: a zone that synthesises names confirms every one of them
//   confirmed    a name of its own, which has the address
//   mail         such a name, and called as mail servers are
//   unknown      DNS did not say something that would have decided between the above: SERVFAIL, a timeout or a spent
//                budget, for PTR or for a name that could have been a confirmed one; or more than kNamesMax names of
//                which the first ones are not confirmed. It never counts against a sender
//
// Cost: one PTR look-up, and one for addresses a name: at most 1 + kNamesMax of the budget, the latter all at once.
// Deadline: the budget's; what has not come by then is unknown. An attacker has 2^80 addresses with names of his own in
// a /48: it is the caller that charges look-ups to budgets of prefixes, before he calls this.
// Thread rule: the resolver's.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "dns/public_suffix.h"
#include "dns/resolver.h"
#include "evidence/signals.h"
#include "ip/address.h"
#include "signals/generic_name.h"

namespace postern::signals {

inline constexpr std::size_t kNamesMax = 10;  // of one address; as RFC 7208 4.6.4 has it for ptr
inline constexpr std::uint32_t kReverseLookupsMax = 1 + kNamesMax;

struct ReverseDns {
  evidence::value::Rdns state = evidence::value::Rdns::unknown;
  // The best name: confirmed before unconfirmed, a host's before a generic one, a mail server's before any other
  // host's. The root where there is none. Whoever owns the address chose its octets: printable() it.
  dns::Name name;
  bool confirmed = false;                 // `name` has the client's address; also where it is generic
  std::optional<dns::Name> organisation;  // of a confirmed name: its registrable domain
  GenericName form;                       // of `name`
  std::vector<dns::Name> names;           // all that were looked at, at most kNamesMax, in the order of the answer
  // Of an unknown: "servfail", "refused", "timeout", "bogus", "unavailable", "limit", "cancelled" (dns::Status), or
  // "too_many".
  std::string_view problem;
};

[[nodiscard]] Task<ReverseDns> look_up(ip::Address client, const dns::PublicSuffixList& suffixes,
                                       dns::Resolver& resolver, dns::Budget& budget);

// RFC 1123 2.1 and, as it is common in reverse DNS, the underscore. What is none can point nowhere.
[[nodiscard]] bool is_host_name(const dns::Name& name);

// The stable word of a status, for records and log lines: "servfail", "timeout", ...
[[nodiscard]] std::string_view problem_word(dns::Status status);

}  // namespace postern::signals
