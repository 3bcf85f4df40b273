// A visitor's proof that a domain is his: a TXT record at _postern-check.DOMAIN with a text that only this server could
// have made, for this domain, until a time that stands in it. Nothing is remembered of it: the text is an HMAC-SHA-256
// of a secret of the server, and of a ticket: a random word in the address of the page that shows the record. The
// record is for all to read, so it opens that page alone: to who asked for it, and to whom he gives the address. With
// it the visitor may run the deeper tests (design invariant 3 is not touched: he asks for connections to his own
// hosts). Thread rule: pure, but verify_proof(), which is the resolver's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/task.h"
#include "base/time.h"
#include "dns/resolver.h"

namespace postern::check {

inline constexpr std::size_t kProofSecretMin = 32;  // octets of the server's secret
inline constexpr std::int64_t kProofLifetimeMs = std::int64_t{7} * 24 * 3600 * 1000;

struct ProofRecord {
  dns::Name name;    // _postern-check.DOMAIN
  std::string text;  // "postern-check=1795300000-0123456789abcdef..."
};
// A new ticket: 32 hexadecimal digits, which nobody guesses.
[[nodiscard]] std::string make_ticket();
[[nodiscard]] bool is_ticket(std::string_view text);

// What to publish; `expires` is cut to whole seconds. Errors: a domain whose name is too long for it.
[[nodiscard]] Result<ProofRecord> make_proof(std::string_view secret, const dns::Name& domain, std::string_view ticket,
                                             WallMs expires);

// Whether a text proves the domain now for that ticket: the right token, not yet expired, and not for longer than
// kProofLifetimeMs from now on (nobody gets such a one from us).
[[nodiscard]] bool is_proof(std::string_view text, std::string_view secret, const dns::Name& domain,
                            std::string_view ticket, WallMs now);

enum class Proof : std::uint8_t { proved, missing, unknown };
struct ProofAnswer {
  Proof state = Proof::unknown;
  std::string why;  // of the others: what DNS said, printable
};
[[nodiscard]] Task<ProofAnswer> verify_proof(std::string secret, dns::Name domain, std::string ticket, WallMs now,
                                             dns::Resolver& resolver, dns::Budget& budget);

}  // namespace postern::check
