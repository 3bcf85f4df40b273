#include "crypto/digest.h"

#include <openssl/evp.h>

#include "base/result.h"
#include "crypto/algorithms.h"

namespace postern::crypto {

const EVP_MD* sha256_algorithm() {
  // Never freed: fetching costs more than hashing a short text, and whoever hashes at exit still may.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  POSTERN_CHECK(algorithm != nullptr);
  return algorithm;
}

struct Sha256::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Impl() { POSTERN_CHECK(context != nullptr); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  POSTERN_CHECK(EVP_DigestInit_ex2(impl_->context, sha256_algorithm(), nullptr) == 1);
}
Sha256::Sha256(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  POSTERN_CHECK(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest;
  POSTERN_CHECK(EVP_DigestFinal_ex(impl_->context, digest.data(), nullptr) == 1);
  return digest;
}

Sha256 Sha256::copy() const {
  auto impl = std::make_unique<Impl>();
  POSTERN_CHECK(EVP_MD_CTX_copy_ex(impl->context, impl_->context) == 1);
  return Sha256(std::move(impl));
}

Digest Sha256::of(std::string_view bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.finish();
}

}  // namespace postern::crypto
