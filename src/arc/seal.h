// Sealing (RFC 8617 5.1): makes one ARC set for a message that we pass on. All other changes to the message, a
// DKIM-Signature of ours included, come before (5.1 step 1). Thread rule: a value of one thread; the key is shared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "arc/verify.h"
#include "authres/authres.h"
#include "base/result.h"
#include "dkim/sign.h"

namespace postern::arc {

struct SealOptions {
  std::int64_t time = 0;  // t=; 0: none
  // h= of the message signature, in this order. Empty: what dkim::names_to_sign() says, and the DKIM-Signature fields
  // (4.1.2). No field of ARC and no Authentication-Results may be among them, From must be.
  std::vector<std::string> names;
  dkim::Canon header_canon = dkim::Canon::relaxed, body_canon = dkim::Canon::relaxed;
  bool utf8 = false;  // the message is an internationalised one: results may be UTF-8 (4.1.4)
};

class Sealer {
 public:
  Sealer(const message::HeaderSection& header, dkim::SigningKey key, SealOptions options);
  void body(std::string_view bytes);
  // `chain`: what validation of the same message found; `results` go into the ARC-Authentication-Results. The instance
  // is one more than the highest in the header; a failed chain is sealed with cv=fail, over the new set alone (5.1.2).
  // Errors: the chain already has kInstancesMax sets, or ended with cv=fail (5.1 step 2: it is not extended); `chain`
  // is not of this header; a key too short, a domain or selector that is none, no From field, names that may not be
  // signed. The three fields, ARC-Seal on top, complete with CRLF, folded between tags only.
  [[nodiscard]] Result<std::vector<std::string>> finish(const Chain& chain, const authres::Results& results);
  // The same with the results as text, "authserv-id; results", comments and all, as authres::consolidated() gives them.
  [[nodiscard]] Result<std::vector<std::string>> finish(const Chain& chain, std::string_view payload);

 private:
  [[nodiscard]] Result<void> check(const Chain& chain, const Sets& sets) const;
  [[nodiscard]] Result<std::vector<std::string>> names_signed() const;
  const message::HeaderSection& header_;
  dkim::SigningKey key_;
  SealOptions options_;
  dkim::BodyHashes hashes_;
  std::size_t hash_ = 0;
};

}  // namespace postern::arc
