// What is being checked, as far as it is known: the shared facts of a run. DNS checks fill in hosts and addresses; the
// SMTP checks add one ServerFacts for each address; what is judged over all of them (parity, DANE, MTA-STS) reads both.
// Thread rule: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "check/server_facts.h"
#include "dns/answer.h"
#include "ip/address.h"
#include "mtasts/mtasts.h"

namespace postern::check {

struct Address {
  ip::Address address;
  bool reachable_kind = true;         // false: private, documentation, mapped, ...: judged from DNS, never connected to
  std::string why_not;                // of that
  std::optional<ServerFacts> server;  // nothing where no connection was made (why: ServerFacts says, or `why_not`)
};

struct MailHost {
  dns::Name name;
  std::uint16_t preference = 0;
  bool is_alias = false;
  bool secure = false;                      // its addresses were validated, all CNAMEs on the way too
  bool unknown6 = false, unknown4 = false;  // DNS did not say whether it has addresses of the family
  std::vector<Address> addresses;
  // TLSA at _25._tcp.NAME (dane::discover): records, whether validated, and the status of the look-up
  dns::Name tlsa_base;  // the host's name or what it is an alias of: where `tlsa` was found; the root: the host's name
  dns::AnswerPtr tlsa;  // never null once filled in
};

// A target of _submissions._tcp or _submission._tcp (check/submission.h).
struct SubmissionHost {
  dns::Name name;
  std::uint16_t port = 0;
  bool tls_first = false;  // _submissions: TLS from the first octet
  std::string why_not;     // it is not visited
  std::string unknown;     // DNS did not say all of its addresses
  std::vector<Address> addresses;
};

struct Target {
  dns::Name domain;
  dns::Name canonical;  // what `domain` is an alias of, by its MX look-up
  bool mx_secure = false;
  bool implicit_mx = false, null_mx = false;
  std::vector<MailHost> hosts;                              // by preference
  std::size_t hosts_left_out = 0;                           // past the most that are looked at; of low preference
  std::vector<SubmissionHost> submission;                   // by service, as DNS has them
  std::optional<mtasts::Policy> sts;                        // as it was fetched now
  std::vector<std::string> spf_senders_v4, spf_senders_v6;  // prefixes that SPF authorises
};

}  // namespace postern::check
