// Signing of our own mail: the keys of our domains, and DKIM signatures (RFC 6376) made with them. All keys of a domain
// sign, so that an RSA and an Ed25519 key can stand side by side (RFC 8463 4) and keys can be changed without a gap.
//
// Not here: whose mail is signed (inbound/signing.h, delivery), key files (config), their making (`postern keygen`).
// Thread rule: SigningKeys is immutable once filled, shared by all threads; the rest are values.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dkim/sign.h"
#include "message/header_section.h"

namespace postern::mailauth {

struct KeyOptions {      // one [[dkim]]
  std::string domain;    // canonical
  std::string selector;  // without "._domainkey"
  std::string file;      // PEM, or base64 of an Ed25519 seed
  int line = 0;          // of the configuration, for errors
};

inline constexpr std::size_t kKeyFileMax = std::size_t{64} << 10;
inline constexpr std::size_t kKeysMax = 1000;

class SigningKeys {
 public:
  void add(dkim::SigningKey key);
  [[nodiscard]] bool empty() const { return keys_.empty(); }
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::vector<dkim::SigningKey> all() const;
  // Those of the domain, else of the nearest domain above it that has some: a signature of example.org is aligned with
  // an author in lists.example.org (RFC 9989 4.4.1, relaxed). Empty where there are none.
  [[nodiscard]] std::vector<dkim::SigningKey> of(std::string_view domain) const;
  // The one of them that seals (ARC): RSA where there is one, which all validators know.
  [[nodiscard]] std::optional<dkim::SigningKey> sealing(std::string_view domain) const;

 private:
  std::map<std::string, std::vector<dkim::SigningKey>, std::less<>> keys_;  // by domain
};

// Reads the file of a key and tries whether it can sign. Errors name the file and the remedy, never what is in it.
[[nodiscard]] Result<dkim::SigningKey> read_signing_key(const KeyOptions& options);

// The author's domain, where it is one (RFC 5322 3.6.2: several authors may have one domain); "" otherwise.
[[nodiscard]] std::string signing_domain(const message::HeaderSection& header);

// The DKIM-Signature fields of a whole message, with CRLF; "" where the author's domain has no keys.
[[nodiscard]] Result<std::string> sign_message(const SigningKeys& keys, std::string_view message, WallMs now);

}  // namespace postern::mailauth
