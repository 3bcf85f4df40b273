// DMARC evaluation (RFC 9989): policy discovery by tree walk, alignment, result. Which action follows is the defence's
// decision, not ours: here is the result and the policy that applied. Thread rule: the resolver's.
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

// RFC 9989 and RFC 8601: none = no policy found, or no one author domain.
enum class Outcome : std::uint8_t { none, pass, fail, temperror, permerror };
[[nodiscard]] std::string_view to_string(Outcome outcome);

inline constexpr std::uint32_t kWalkMax = 8;  // 4.10: look-ups per walk

struct Identifier {  // of a mechanism that passed, or whose answer is unknown
  std::string domain;
  bool pass = false;
  bool temporary = false;  // temperror: an aligned one makes a fail a temperror
};

struct Input {
  std::string author_domain;     // of the one From address
  Identifier spf;                // MAIL FROM's domain, HELO's for the null path; empty domain: none
  std::vector<Identifier> dkim;  // d= of each signature
};

struct Evaluation {
  Outcome outcome = Outcome::none;
  std::string author_domain;
  std::string policy_domain;          // where the record that applies stands; empty: none found
  std::string organizational_domain;  // of the author domain
  std::string record_text;
  std::optional<Record> record;
  Policy policy = Policy::none;                    // p, sp or np, whichever applies (4.10.1), before t=
  std::string policy_tag;                          // "p", "sp", "np"
  bool testing = false;                            // t=y: the policy is to be applied one step milder
  bool spf_aligned = false, dkim_aligned = false;  // aligned and passed
  std::string dkim_domain;                         // the aligned one
  std::string problem;
  std::vector<std::string> walk;  // names asked, in order
};

[[nodiscard]] Task<Evaluation> evaluate(Input input, dns::Resolver& resolver, dns::Budget& budget);

// The author domain of a header: exactly one From field with addresses of exactly one domain. Otherwise the reason, in
// words (docs/mail-authentication.md says what happens to such mail).
[[nodiscard]] Result<std::string> author_domain(const message::HeaderSection& header);

// The organizational domain by tree walk (4.10.2).
struct Organization {
  std::string domain;
  bool temporary = false;  // DNS did not say
};
[[nodiscard]] Task<Organization> organizational_domain(std::string domain, dns::Resolver& resolver,
                                                       dns::Budget& budget);

// RFC 9990 4 (was RFC 7489 7.1): may reports about `policy_domain` go to `uri`? Same organization, or the destination
// says so at policy_domain._report._dmarc.destination.
enum class Authorization : std::uint8_t { own, granted, denied, unknown };
[[nodiscard]] Task<Authorization> report_authorization(std::string policy_domain, std::string uri,
                                                       dns::Resolver& resolver, dns::Budget& budget);

}  // namespace postern::dmarc
