// check_host() of RFC 7208: may this client send for this domain? Straight coroutine code over dns::Resolver, with the
// limits of 4.6.4 and the trace of how the result came about. Thread rule: the resolver's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "dns/resolver.h"
#include "ip/address.h"

namespace postern::spf {

enum class Outcome : std::uint8_t { none, neutral, pass, fail, softfail, temperror, permerror };
[[nodiscard]] std::string_view to_string(Outcome outcome);

enum class Identity : std::uint8_t { helo, mail_from };

struct Query {
  ip::Address client;
  Identity identity = Identity::mail_from;
  std::string
      mail_from;     // reverse-path, with or without <>; "" for the null path: postmaster@helo is checked then (2.4)
  std::string helo;  // as the client wrote it
  std::string receiver;  // our host name, for %{r}; "unknown" when empty
  WallMs now = 0;        // for %{t}
};

inline constexpr std::uint32_t kTermsMax = 10;  // 4.6.4: mechanisms and modifiers that ask DNS
inline constexpr std::uint32_t kVoidMax = 2;
inline constexpr std::uint32_t kMxMax = 10;           // 4.6.4: more is permerror
inline constexpr std::uint32_t kPtrMax = 10;          // 4.6.4: the rest is ignored
inline constexpr std::size_t kRecordMax = 16 * 1024;  // octets of one record; longer ones are permerror

inline constexpr std::size_t kExplanationMax = 1000;  // octets (6.2); what goes beyond is cut
inline constexpr std::size_t kTermShownMax = 256;     // octets of a term in the trace, in `mechanism` and `problem`

// What one check may ask: the record; ten terms, each an mx with its hosts; the client's names for %{p}; the
// explanation.
inline constexpr std::uint32_t kLookupsMax = 1 + kTermsMax * (1 + kMxMax) + (1 + kPtrMax) + 1;

struct Step {                 // one term that was evaluated
  std::string domain;         // whose record
  std::string term;           // as published: "include:_spf.example.org"
  std::string result;         // "match", "no match", "temperror", "permerror"; "followed" for a redirect
  std::uint32_t lookups = 0;  // terms counted up to and with this one
  std::uint32_t depth = 0;
};

// What the client matched in the term that decided, followed into includes: how much a pass says. A pass by "all" or by
// half of the Internet is one for everybody.
enum class MatchedBy : std::uint8_t {
  nothing,  // no term matched: the default, an error, or none
  all,
  network,  // ip4, ip6
  host,     // a, mx
  exists,
  ptr,
};

struct Evaluation {
  Outcome outcome = Outcome::none;
  std::string domain;  // that was checked (A-labels)
  std::string record;  // that was found there; printable
  // The term that decided, or that was in error: "ip4:192.0.2.0/24", "-all", "default" (4.7); of the record in
  // `mechanism_domain`, which is `domain` or where its redirects led. What an include found inside is in the trace.
  std::string mechanism;
  std::string mechanism_domain;
  MatchedBy matched_by = MatchedBy::nothing;
  // Leading bits of the client's address that the match hung on: the prefix length of a network or host, all of them
  // for ptr and for an exists whose name holds the address (%{i}), else 0.
  std::uint8_t matched_bits = 0;
  std::string explanation;                      // exp= expanded, printable US-ASCII; only with fail (6.2)
  std::string problem;                          // for temperror and permerror: what and where, in words
  std::uint32_t lookups = 0, void_lookups = 0;  // terms that asked DNS, and those of them that found nothing (4.6.4)
  // In the order of evaluation, an include before the terms inside it. At most kTraceMax: the first ones and the last.
  std::vector<Step> trace;
  static constexpr std::size_t kTraceMax = 100;
};

[[nodiscard]] Task<Evaluation> check(Query query, dns::Resolver& resolver, dns::Budget& budget);

// What check() will ask first; for prefetching.
[[nodiscard]] std::string domain_of(const Query& query);

// RFC 7208 9.1: the body of a Received-SPF field, folded, safe whatever the strangers wrote.
[[nodiscard]] std::string received_spf(const Query& query, const Evaluation& evaluation, std::string_view receiver);

}  // namespace postern::spf
