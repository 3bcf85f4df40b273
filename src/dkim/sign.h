// Signing (RFC 6376 5): the DKIM-Signature fields of one message for several keys at once, the body hashed while it
// streams. The message is signed as it is: whoever wants it to survive makes it 7-bit before (5.3). Thread rule: a
// value of one thread; keys are shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/keys.h"
#include "dkim/body_hashes.h"
#include "dkim/field_writer.h"
#include "message/header_section.h"

namespace postern::dkim {

struct SigningKey {
  std::string domain, selector;  // U-labels become A-labels
  crypto::PrivateKey key;
};

struct SignOptions {
  Canon header_canon = Canon::relaxed, body_canon = Canon::relaxed;
  std::int64_t time = 0;               // t=; 0: none
  std::optional<std::int64_t> expiry;  // x=
  // Names to sign, as often as they occur, and once more when `oversign` (8.15), so that no field of that name can be
  // added. Empty: default_signed_names(), and of list_and_resent_names() those that are there, never over-signed,
  // because who forwards the message may add them. From is signed in any case, DKIM-Signature never over-signed.
  std::vector<std::string> names;
  bool oversign = true;
  std::string auid;  // i=, not encoded; empty: left out
};
[[nodiscard]] const std::vector<std::string>& default_signed_names();   // RFC 6376 5.4.1, and the MIME fields
[[nodiscard]] const std::vector<std::string>& list_and_resent_names();  // the rest of 5.4.1

// The names of h= for this header: what of SignOptions says so, lower case, in order. Shared with ARC.
[[nodiscard]] std::vector<std::string> names_to_sign(const message::HeaderSection& header,
                                                     const std::vector<std::string>& names, bool oversign);

class Signer {
 public:
  // `header` outlives it.
  Signer(const message::HeaderSection& header, std::vector<SigningKey> keys, SignOptions options);
  void body(std::string_view bytes);
  // Errors: a key too short to sign with (RFC 8301 3.2: 1024; 2048 is what keygen makes), a domain or selector that is
  // none, i= not within the domain, x= not later than t=, no From field, a name that is none. The fields, complete with
  // CRLF, folded, the one to stand on top first, in the order of the keys.
  [[nodiscard]] Result<std::vector<std::string>> finish();

 private:
  [[nodiscard]] Result<void> check() const;
  [[nodiscard]] Result<std::string> sign(const SigningKey& key, const std::vector<std::string>& names);
  const message::HeaderSection& header_;
  std::vector<SigningKey> keys_;
  SignOptions options_;
  BodyHashes hashes_;
  std::size_t hash_ = 0;
};

}  // namespace postern::dkim
