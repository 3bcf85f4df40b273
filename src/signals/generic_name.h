// Is a host name one that a provider gave to an address, or one that somebody gave to a host? Computed, not listed: a
// name that spells its own address (spelled_address.h) is generic; so is one with a word that providers use for pools
// of customers ("dynamic", "dsl"), where it stands between label boundaries, so that generaldynamics.com is no pool.
// The organisation's own domain is taken off first: providers may be called cable.example.
//
// A name of mail servers ("mx", "out", or below a domain that is called after mail) is no pool for a word in it, nor
// for two octets of the address: large senders number their hosts by them (a8-44.smtp-out...). With three octets or
// more in it, it is generic all the same.
//
// States: generic with a reason, or not. Cost: no DNS, one to three microseconds. Unknown: never, a name is enough.
// It is evidence and nothing more: real mail comes from hosts with such names, so it is no ground to refuse by itself.
// Thread rule: pure.
#pragma once

#include <string_view>

#include "dns/name.h"
#include "dns/public_suffix.h"
#include "ip/address.h"

namespace postern::signals {

struct GenericName {
  bool generic = false;
  // Stable words: "encodes_ipv4", "encodes_ipv6", "encodes_mac", "word_dynamic", "word_dhcp", "word_pool", "word_ppp",
  // "word_dial", "word_dsl", "word_cable", "word_customer", "word_broadband", "word_fibre", "word_wireless",
  // "word_residential", "word_nat", "word_tunnel", "word_unassigned". Empty: not generic.
  std::string_view why;
  bool mail_like = false;  // a label such as mail servers have: mx, mail, smtp, out, relay, mta, ...
  bool static_word =
      false;  // "static" and its like: weaker than generic, since hosts with such names often are servers
};

[[nodiscard]] GenericName judge_name(const dns::Name& name, const ip::Address& address,
                                     const dns::PublicSuffixList& suffixes);

}  // namespace postern::signals
