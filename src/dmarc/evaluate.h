// DMARC evaluation (RFC 9989): author domain, policy discovery by tree walk, alignment, result, and who may get
// reports. Which action follows is the defence's decision, not ours: here is the result and the policy that applied.
//
// Results (RFC 9989 9.2): pass and fail need a usable record for the author domain. none: there is no such record, or
// no author domain. temperror: DNS did not say something that the result hangs on, or an identifier that would align is
// itself a temperror. permerror: the author domain is no domain name. Thread rule: the resolver's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "dmarc/record.h"
#include "dns/resolver.h"
#include "message/header_section.h"

namespace postern::dmarc {

enum class Outcome : std::uint8_t { none, pass, fail, temperror, permerror };
[[nodiscard]] std::string_view to_string(Outcome outcome);

inline constexpr std::uint32_t kWalkMax = 8;  // 4.10: look-ups per walk
// Identifiers, after those equal to the author domain, whose organizational domain is looked up. A message with more of
// them that could align, and none that does, is a temperror: we do not know.
inline constexpr std::size_t kIdentifierWalksMax = 20;

struct Identifier {  // of a mechanism that passed, or whose answer is unknown
  std::string domain;
  bool pass = false;
  bool temporary = false;  // temperror: an aligned one makes a fail a temperror
};

struct Input {
  std::string author_domain;     // of the one From address
  Identifier spf;                // MAIL FROM's domain, HELO's for the null path (3.2.4); empty domain: none
  std::vector<Identifier> dkim;  // d= of each signature
};

struct Evaluation {
  Outcome outcome = Outcome::none;
  std::string author_domain;          // as A-labels, where it is a domain name
  std::string policy_domain;          // where the record that applies stands; empty: none found
  std::string organizational_domain;  // of the author domain; empty where it was not needed and so not looked for
  std::string record_text;            // also of a record that could not be used
  std::optional<Record> record;
  Policy policy = Policy::none;                    // p, sp or np, whichever applies (4.10.1), before t=
  std::string policy_tag;                          // "p", "sp", "np"; empty: no record
  bool testing = false;                            // t=y: the policy is to be applied one step milder
  bool spf_aligned = false, dkim_aligned = false;  // aligned and passed
  std::string dkim_domain;                         // the aligned one
  std::string problem;                             // why there is no plain answer; one printable line
  std::vector<std::string> walk;                   // names asked, in order
};

// Asks at most kWalkMax names for the policy, one for the author domain's existence (where np could apply), and at most
// kWalkMax for each identifier that could align in relaxed mode, no name twice. No walk is done for strict alignment,
// for an identifier equal to the author domain, for one outside of the author's organizational domain, or where nothing
// passed (4.10.2).
[[nodiscard]] Task<Evaluation> evaluate(Input input, dns::Resolver& resolver, dns::Budget& budget);

// The policy to apply after t=y (4.7): one step milder where the record is only tested.
[[nodiscard]] Policy effective_policy(const Evaluation& evaluation);

// The author domain of a header, as A-labels in lower case. RFC 9989 5.3.1: exactly one domain is extracted from From,
// else DMARC is not possible. So: exactly one From field, a valid address list (message/author.h says how strict), at
// least one address, and all addresses in one and the same domain, which is a domain name and no literal; several
// addresses of one domain have that author domain. 11.5: with several domains no one of them is chosen. A line that
// some reader could take for a second From ("F\0rom:", " From:") counts as one. Otherwise the error says the reason, in
// words (docs/mail-authentication.md says what happens to such mail).
// Could a lenient reader take the field for a From field?
[[nodiscard]] bool looks_like_from(const message::Field& field);
[[nodiscard]] Result<std::string> author_domain(const message::HeaderSection& header);

// The organizational domain by tree walk (4.10.2).
struct Organization {
  std::string domain;      // what was asked about where it is no domain name, or where DNS did not say
  bool temporary = false;  // DNS did not say
};
[[nodiscard]] Task<Organization> organizational_domain(std::string domain, dns::Resolver& resolver,
                                                       dns::Budget& budget);

// RFC 9990 4 (was RFC 7489 7.1): may reports about `policy_domain` (where the record stands) go to `uri`? Same
// organization, or the destination says so at policy_domain._report._dmarc.destination.
enum class Authorization : std::uint8_t { own, granted, denied, unknown };
[[nodiscard]] std::string_view to_string(Authorization authorization);

struct Destination {
  Authorization authorization = Authorization::denied;
  std::string host;               // of the URI
  std::string asked;              // the name that grants; empty where none was asked
  std::vector<std::string> uris;  // where to send instead (step 9); empty: to the URI itself
  std::string problem;            // for denied and unknown
};
[[nodiscard]] Task<Destination> report_destination(std::string policy_domain, std::string uri, dns::Resolver& resolver,
                                                   dns::Budget& budget);
[[nodiscard]] Task<Authorization> report_authorization(std::string policy_domain, std::string uri,
                                                       dns::Resolver& resolver, dns::Budget& budget);

}  // namespace postern::dmarc
