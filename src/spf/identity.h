// Who is checked: <sender> and <domain> of RFC 7208 4.1, from what the client said. Addresses as SMTP has them and as
// people type them at a tool: with a source route, without a domain, with U-labels, or no address at all. Thread rule:
// values.
#pragma once

#include <optional>
#include <string>

#include "dns/name.h"
#include "spf/evaluate.h"

namespace postern::spf {

struct Sender {
  std::string address;            // local part, "@", domain
  std::string local_part;         // "postmaster" where there is none (4.3)
  std::string domain;             // as written, without a final dot; A-labels where it had U-labels (RFC 8616 4)
  std::optional<dns::Name> name;  // nullopt: malformed, or not of several labels: the result is "none" (4.3)
  std::string helo;               // as written; A-labels where it had U-labels
  bool local_part_ascii = true;   // RFC 8616 4: terms with %{s} or %{l} match nothing where it is not
  bool helo_ascii = true;         // the same for a HELO that is no name in any spelling
};

[[nodiscard]] Sender sender_of(const Query& query);

}  // namespace postern::spf
