// What both kinds of keys hold, and the ends of OpenSSL's values. Private to the module. Thread rule: immutable once
// made; OpenSSL counts references and locks the few things that it computes late.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "crypto/keys.h"

namespace postern::crypto {

struct FreePkey {
  void operator()(EVP_PKEY* pkey) const { EVP_PKEY_free(pkey); }
};
struct FreePkeyContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
struct FreeDigestContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, FreePkey>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, FreePkeyContext>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, FreeDigestContext>;
using BioPtr = std::unique_ptr<BIO, FreeBio>;

struct PublicKey::Impl {
  PkeyPtr pkey;
  // RSA: ready to verify (or, of a private key, to sign) a SHA-256 digest. Each use copies it, which is cheaper than
  // making one, and is why several threads can.
  PkeyContextPtr prepared;
};

enum class Use : std::uint8_t { verify, sign };

// Null where OpenSSL does not take the key. Its error queue is empty afterwards.
[[nodiscard]] std::shared_ptr<const PublicKey::Impl> prepare(PkeyPtr pkey, Algorithm algorithm, Use use);

// OpenSSL's queue of errors belongs to the thread: whoever fails clears it, or the next TLS read there reports it.
class ClearErrors {
 public:
  ClearErrors() = default;
  ClearErrors(const ClearErrors&) = delete;
  ClearErrors& operator=(const ClearErrors&) = delete;
  ~ClearErrors();
};

}  // namespace postern::crypto
