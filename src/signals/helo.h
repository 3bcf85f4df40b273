// What the client says in HELO or EHLO: its form, and whether it agrees with what DNS says of the client.
//
// RFC 5321 4.1.4: a server MAY verify that the argument corresponds to the client's address, and MUST NOT refuse a
// message because it does not: "the information captured in the verification attempt is for logging and tracing". So
// helo_match never refuses; it is evidence. What may be refused for is in the form: our own name, which no stranger
// has.
//
// States of the form (evidence::value::Helo), no DNS:
//   name           a domain name of several labels
//   unqualified    one label
//   literal        the client's address, as RFC 5321 4.1.3 writes it: [192.0.2.1], [IPv6:2001:db8::1]
//   wrong_literal  brackets around anything else: another address, an IPv6 address without its tag
//   bare_address   an address without brackets
//   own            our name or address, from a client that is not ourselves
//   localhost      localhost and what is called so in hosts files
//   invalid        no domain name at all (RFC 5321 4.1.2; the underscore is let pass, which many hosts have)
//   unknown        nothing was said yet
// States of the agreement (evidence::value::HeloMatch), strongest first:
//   ptr            the name is one that the client's address points to, and it points back
//   organisation   it is of the same organisation as such a name
//   address        it has the client's address; or it is the client's address, written as a literal or bare
//   differs        none of them, and DNS said so; or what was said is no name that could be looked up
//   no_address     none of them, and the name has no address of either family, or does not exist
//   unknown        DNS did not say something that would have decided
// Cost: one look-up (A or AAAA of the name), which reverse DNS has often made already; a second one, of the other
// family, where the name exists and has no address of the client's. Deadline: the budget's.
// Thread rule: pure; match() is the resolver's.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/task.h"
#include "dns/public_suffix.h"
#include "dns/resolver.h"
#include "evidence/signals.h"
#include "ip/address.h"
#include "signals/reverse_dns.h"

namespace postern::signals {

// Ours: the names that we announce and receive mail for, and the addresses that we listen on. Views.
struct OwnHost {
  std::span<const dns::Name> names;
  std::span<const ip::Address> addresses;
};

struct HeloForm {
  evidence::value::Helo state = evidence::value::Helo::unknown;
  std::optional<dns::Name> name;       // of name, and of own where it is a name
  std::optional<ip::Address> address;  // of literal and bare_address; of wrong_literal and own where there is one
};

// `argument` as received; empty: unknown.
[[nodiscard]] HeloForm classify_helo(std::string_view argument, const ip::Address& client, const OwnHost& own);

// `reverse` is the client's. Both outlive the task.
[[nodiscard]] Task<evidence::value::HeloMatch> match_helo(const HeloForm& helo, ip::Address client,
                                                          const ReverseDns& reverse,
                                                          const dns::PublicSuffixList& suffixes,
                                                          dns::Resolver& resolver, dns::Budget& budget);

}  // namespace postern::signals
