// Signing (RFC 6376 5): the DKIM-Signature fields of one message for several keys at once, the body hashed while it
// streams. Thread rule: a value of one thread; keys are shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"
#include "dkim/body_hashes.h"
#include "message/header_section.h"

namespace postern::dkim {

struct SigningKey {
  std::string domain, selector;
  crypto::PrivateKey key;
};

struct SignOptions {
  Canon header_canon = Canon::relaxed, body_canon = Canon::relaxed;
  std::int64_t time = 0;               // t=; 0: none
  std::optional<std::int64_t> expiry;  // x=
  // Names to sign where present; each is named once more than it occurs (over-signing, 8.15) when `oversign`.
  // Empty: default_signed_names().
  std::vector<std::string> names;
  bool oversign = true;
  std::string auid;  // i=; empty: left out
};
[[nodiscard]] const std::vector<std::string>& default_signed_names();

class Signer {
 public:
  // `header` outlives it.
  Signer(const message::HeaderSection& header, std::vector<SigningKey> keys, SignOptions options);
  void body(std::string_view bytes);
  // Errors: a key too short to sign with (RFC 8301 3.2: 1024; 2048 is what keygen makes), no From field. The fields,
  // complete with CRLF, folded, the one to stand on top first.
  [[nodiscard]] Result<std::vector<std::string>> finish();

 private:
  const message::HeaderSection& header_;
  std::vector<SigningKey> keys_;
  SignOptions options_;
  BodyHashes hashes_;
  std::size_t hash_ = 0;
};

}  // namespace postern::dkim
