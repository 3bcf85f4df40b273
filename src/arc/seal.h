// Sealing (RFC 8617 5.1): adds one ARC set to a message that we pass on.
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
  std::int64_t time = 0;
  std::vector<std::string> names;  // h= of the message signature; empty: the default list. ARC-Seal is never among them
  dkim::Canon header_canon = dkim::Canon::relaxed, body_canon = dkim::Canon::relaxed;
};

class Sealer {
 public:
  Sealer(const message::HeaderSection& header, dkim::SigningKey key, SealOptions options);
  void body(std::string_view bytes);
  // `chain`: what validation of the same message found; `results` go into the ARC-Authentication-Results. Errors: the
  // chain already has kInstancesMax sets, or ended with cv=fail (5.1.2: it is not extended). The three fields, ARC-Seal
  // on top, complete with CRLF.
  [[nodiscard]] Result<std::vector<std::string>> finish(const Chain& chain, const authres::Results& results);

 private:
  const message::HeaderSection& header_;
  dkim::SigningKey key_;
  SealOptions options_;
  dkim::BodyHashes hashes_;
  std::size_t hash_ = 0;
};

}  // namespace postern::arc
