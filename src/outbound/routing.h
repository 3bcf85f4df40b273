// Routing: which hosts take the mail of a destination, in which order, at which addresses (RFC 5321 5.1, RFC 7505).
// Straight coroutine code over dns::Resolver; whether an answer was validated is carried along for the TLS policy
// (RFC 7672 2.2.1). What DNS says is a stranger's word, so that the number of hosts and addresses is bounded, and
// addresses where no mail server of others can be are dropped, each with its reason.
//
// Not here: connecting (race.h), what must be true of TLS (tls_policy.h). Thread rule: the resolver's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "dns/resolver.h"
#include "ip/address.h"
#include "outbound/options.h"
#include "smtp/reply.h"

namespace postern::outbound {

inline constexpr std::size_t kHostsMax = 10;            // of a destination; those of the best preference first
inline constexpr std::size_t kAddressesPerHostMax = 4;  // of one family
inline constexpr std::size_t kRoutingLookups = 64;

struct RoutingRules {
  std::uint16_t port = 25;
  bool allow_loopback = false;
  bool ipv4 = true, ipv6 = true;     // families that we can send over
  std::optional<ip::Prefix> nat64;   // where there is no IPv4: the way to it
  std::vector<dns::Name> own_names;  // in lower case
  std::vector<ip::Endpoint> own_endpoints;
};

struct MxHost {
  dns::Name name;  // the root for an address literal
  std::uint16_t preference = 0;
  bool addresses_secure = false;       // what came of A and AAAA was validated
  std::vector<ip::Address> addresses;  // usable ones
  // Where it was named by an address: what its certificate is to be for.
  std::optional<ip::Address> literal = {};
};

struct Routing {
  std::vector<MxHost> hosts;           // ascending preference, shuffled among equals; each has an address
  dns::Name canonical;                 // the owner of the MX records, where the domain is an alias
  bool mx_secure = false;              // the MX records, or that there are none, were validated
  bool only_other_family = false;      // no host has an address of a family that we can send over
  std::vector<std::string> dropped;    // what was left out and why, a line each
  std::optional<smtp::Reply> refusal;  // why there are no hosts
  std::uint16_t port = 25;
};

// For mail to a domain that is not ours, by its MX records, or to an address literal. `seed` shuffles.
[[nodiscard]] Task<Routing> route_by_mx(dns::Resolver& resolver, RoutingRules rules, smtp::Domain domain,
                                        std::uint32_t seed, dns::Budget& budget);
// To the addresses of a host that the operator named.
[[nodiscard]] Task<Routing> route_to(dns::Resolver& resolver, RoutingRules rules, NextHop hop, std::uint32_t seed,
                                     dns::Budget& budget);

// Why mail is not sent to this address; empty where it is. `by_operator`: loopback is his own affair then.
[[nodiscard]] std::string_view unusable(const ip::Address& address, const RoutingRules& rules, bool by_operator);

}  // namespace postern::outbound
