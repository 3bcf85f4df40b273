// DANE for SMTP (RFC 7672): from DNS answers to what a connection to one host must prove. Asks for TLSA records where
// the host's addresses are validated, chooses the TLSA base domain, and sorts out the records that can prove nothing.
// Not here: MX look-ups and their security (the caller asks only for hosts of validated ones), and certificates
// (io/tls.h). Thread rule: the resolver's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "dns/resolver.h"

namespace postern::dane {

enum class Need : std::uint8_t {
  nothing,  // no TLSA records, or none that are validated: DANE does not apply
  encrypt,  // validated records, none of them usable: TLS without proof, never in clear (RFC 7672 2.2)
  prove,    // usable records: one of them must match
  refuse,   // the look-up failed: this host must not be used now (RFC 7672 2.1.1, 2.2)
};
[[nodiscard]] std::string_view to_string(Need need);

struct Question {
  dns::Name host;  // as the MX record has it
  std::uint16_t port = 25;
  bool addresses_secure = false;  // its A and AAAA records were validated, all CNAMEs on the way too
};

struct Decision {
  Need need = Need::nothing;
  dns::Name base;                  // the TLSA base domain: SNI, and the first reference identifier
  std::vector<dns::Tlsa> records;  // the usable ones
  std::vector<dns::Tlsa> all;      // all that were published, for reports
  bool bogus = false;              // refuse: DNSSEC validation failed, and not merely the look-up
  std::string why;                 // refuse and encrypt: one printable line
};

// RFC 7672 3.1: usage DANE-TA(2) or DANE-EE(3), a known selector and matching type, a digest as long as it must be, and
// what claims to be a whole certificate or key is at least one DER sequence. Usages 0 and 1 are not for SMTP (3.1.3).
[[nodiscard]] bool usable(const dns::Tlsa& record);

// RFC 7672 2.2.2, 2.2.3: the fully expanded name first, where every step to it is validated, then the name as given.
[[nodiscard]] Task<Decision> discover(Question question, dns::Resolver& resolver, dns::Budget& budget);

// RFC 7672 3.2.2: what a certificate may be named beside the base domain: `next_hop` as it was looked up, and what it
// is an alias of. Neither where the MX records were not validated.
[[nodiscard]] std::vector<std::string> reference_names(const dns::Name& next_hop, const dns::Name& canonical,
                                                       const dns::Name& base);

// "3 1 1 0123..." as zone files and reports have it (RFC 6698 2.2).
[[nodiscard]] std::string presentation(const dns::Tlsa& record);

}  // namespace postern::dane
