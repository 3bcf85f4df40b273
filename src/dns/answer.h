// Answer: what DNS said to one question, with every way of saying nothing kept apart, because protocols treat each of
// them differently: NXDOMAIN, NODATA, SERVFAIL, REFUSED, a timeout and a failed DNSSEC validation are different values
// everywhere (design invariant 6: unknown is a value). Thread rule: immutable once made, shared by AnswerPtr.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "ip/address.h"

namespace postern::dns {

enum class Type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33,
  ds = 43,
  rrsig = 46,
  dnskey = 48,
  nsec3param = 51,
  tlsa = 52,
  caa = 257,
};
[[nodiscard]] std::string_view to_string(Type type);  // "AAAA"

enum class Status : std::uint8_t {
  ok,           // at least one record of the type asked for (after CNAMEs)
  nodata,       // the name exists, the type does not
  nxdomain,     // the name does not exist
  servfail,     // also: answers that cannot be parsed, CNAME loops
  refused,      // and every other rcode
  timeout,      // nothing came in time
  bogus,        // DNSSEC validation failed; `why` has the reason
  unavailable,  // no server has answered for a while: not asked (the dead-resolver rule)
  limit,        // the budget was spent: not asked
  cancelled,
};
[[nodiscard]] std::string_view to_string(Status status);  // "NXDOMAIN", "SERVFAIL", "timeout", ...
// An answer that tells nothing about the name: it may be different in a minute.
[[nodiscard]] constexpr bool is_temporary(Status status) { return status >= Status::servfail; }
// The name or the type is not there: a void lookup in the sense of RFC 7208 4.6.4.
[[nodiscard]] constexpr bool is_void(Status status) { return status == Status::nodata || status == Status::nxdomain; }

enum class Security : std::uint8_t { insecure, secure, bogus };

struct Mx {
  std::uint16_t preference = 0;
  Name host;  // the root: a null MX (RFC 7505)
  friend auto operator<=>(const Mx&, const Mx&) = default;
};

struct Tlsa {  // RFC 6698 2.1; a record shorter than 4 octets (no data) is dropped by the parser, and counted
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::string data;  // raw octets
  friend bool operator==(const Tlsa&, const Tlsa&) = default;
};

inline constexpr std::size_t kRecordsMax = 200;              // per answer; further ones are dropped
inline constexpr std::size_t kAnswerOctetsMax = 128 * 1024;  // of record data; 64 KiB of TXT fit

struct Answer {
  Status status = Status::nodata;
  Security security = Security::insecure;
  std::string why;        // for temporary ones: what happened, one printable line
  std::uint32_t ttl = 0;  // seconds; of negative answers too (RFC 2308)
  Name canonical;         // the owner of the records, after CNAMEs; the name asked for where there were none
  // By the type asked for; the others are empty.
  std::vector<ip::Address> addresses;  // A, AAAA
  std::vector<std::string> texts;      // TXT: the pieces of one record joined with nothing between
  std::vector<Mx> mx;                  // in the order of the answer
  std::vector<Name> names;             // PTR, CNAME, NS
  std::vector<Tlsa> tlsa;
  std::vector<std::string> rdata;  // SOA, SRV, DS, RRSIG, DNSKEY, NSEC3PARAM, CAA: octets that dns/records.h reads
  std::uint32_t dropped = 0;       // records of that type which were malformed or beyond the bounds
};
using AnswerPtr = std::shared_ptr<const Answer>;

// Bogus because not even the root's own key could be had: the servers hand over no signatures at all, and the reason is
// in no zone.
[[nodiscard]] bool are_signatures_stripped(const Answer& answer);

[[nodiscard]] AnswerPtr failed_answer(Status status, std::string why);

}  // namespace postern::dns
