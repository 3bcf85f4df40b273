// The identity of a sender, by which the greylist and the history know him again. An address is too narrow: large
// senders retry from another one, and in IPv6 everybody has 2^64. A fixed prefix is both too narrow and too wide for
// pools. So it is the first of these that holds:
//
//   spf:DOMAIN   SPF passes for the domain that was checked (MAIL FROM, or HELO of a null reverse-path), by a term that
//                says something: not "all", not "ptr", not an "exists" that does not look at the address, and nothing
//                broader than kIdentityBitsMinV4 or V6
//   rdns:DOMAIN  the client has a confirmed name as mail servers have: its organisational domain
//   name:NAME    the client has another confirmed name, which is not generic: that name, whole. Hosters give each
//                customer one (vmi1234567.hoster.example), and what one has earned is not the others'
//   net:PREFIX   the client's /64, or its /24
//
// It is no verdict: a spammer has an identity as well as anybody, and one that all his machines share.
// Unknown: SPF or reverse DNS that failed leaves the next one, so there is always an identity. Cost: none; no DNS.
// Thread rule: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ip/address.h"
#include "signals/reverse_dns.h"
#include "smtp/address.h"
#include "spf/evaluate.h"

namespace postern::signals {

inline constexpr std::uint8_t kIdentityBitsMinV4 = 8;
inline constexpr std::uint8_t kIdentityBitsMinV6 = 16;
inline constexpr int kIdentityPrefixV4 = 24;
inline constexpr int kIdentityPrefixV6 = 64;

enum class IdentityKind : std::uint8_t { spf, rdns, name, net };

struct Identity {
  IdentityKind kind = IdentityKind::net;
  std::string text;  // "spf:example.org", "rdns:example.net", "name:www.example.net", "net:2001:db8:1:2::/64"
};

// `spf` may be null: not asked for. `reverse` is that of `client`.
[[nodiscard]] Identity identity_of(const ip::Address& client, const spf::Evaluation* spf, const ReverseDns& reverse);
// The prefix alone, as where nothing else is known yet.
[[nodiscard]] Identity network_identity(const ip::Address& client);

// The reverse-path without what changes from one message of a sender to the next: "" for the null path; else the local
// part and the domain, lower case, where
//   prvs=TAG=user, msprvs1=TAG=user, btv1==TAG==user (BATV and its kin)   are user
//   SRS0=HASH=TIME=example.org=user, SRS1=HASH=forwarder==...             are user@example.org below the forwarder
//   +tag, and what follows a '=' (VERP)                                   is cut off
//   a run of digits                                                       is one '#'
//   a word of kTokenMin letters and digits with at least two digits       is one '#', too, and so is
//   a word of kHexTokenMin hexadecimal digits                             with at least one that is no letter
// What two senders of a domain have in common then costs nobody anything: keys have the recipient, too.
[[nodiscard]] std::string normalised_sender(const smtp::Path& reverse_path);
inline constexpr std::size_t kTokenMin = 8;
inline constexpr std::size_t kHexTokenMin = 4;

// An address as those who write to each other know it: lower case, without the tag of BATV, which stands in the
// reverse-path alone.
[[nodiscard]] std::string correspondent(std::string_view mailbox);

// What the greylist's keys are hashes of (the caller's, under a secret). Each part is preceded by its length, so that
// no part can pass for another. `recipient` is compared without regard to case.
//   strong: identity, sender, recipient; weak: sender and recipient, for pools whose identity changes with each machine
[[nodiscard]] std::string strong_key_text(const Identity& identity, const smtp::Path& reverse_path,
                                          std::string_view recipient);
[[nodiscard]] std::string weak_key_text(const smtp::Path& reverse_path, std::string_view recipient);

}  // namespace postern::signals
