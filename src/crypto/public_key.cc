#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <bit>

#include "crypto/algorithms.h"
#include "crypto/key_impl.h"
#include "crypto/rsa_der.h"

namespace postern::crypto {
namespace {

constexpr std::size_t kEd25519Octets = 32;
constexpr std::string_view kEd25519Spki("\x30\x2A\x30\x05\x06\x03\x2B\x65\x70\x03\x21\x00", 12);  // RFC 8410 4

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

int bit_length(std::string_view number) {
  const auto first = static_cast<unsigned char>(number.front());
  return static_cast<int>((number.size() - 1) * 8) + std::bit_width(first);
}

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct FreeBuilder {
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
struct FreeParams {
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
using NumberPtr = std::unique_ptr<BIGNUM, FreeNumber>;

NumberPtr number_of(std::string_view octets) {
  return NumberPtr(BN_bin2bn(bytes(octets), static_cast<int>(octets.size()), nullptr));
}

PkeyPtr rsa_pkey(const RsaNumbers& numbers) {
  const NumberPtr n = number_of(numbers.modulus);
  const NumberPtr e = number_of(numbers.exponent);
  const std::unique_ptr<OSSL_PARAM_BLD, FreeBuilder> builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const std::unique_ptr<OSSL_PARAM, FreeParams> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* pkey = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &pkey, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return PkeyPtr(pkey);
}

}  // namespace

ClearErrors::~ClearErrors() { ERR_clear_error(); }

std::shared_ptr<const PublicKey::Impl> prepare(PkeyPtr pkey, Algorithm algorithm, Use use) {
  const ClearErrors clear;
  auto impl = std::make_shared<PublicKey::Impl>();
  impl->pkey = std::move(pkey);
  if (algorithm == Algorithm::ed25519) return impl;
  impl->prepared.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, impl->pkey.get(), nullptr));
  EVP_PKEY_CTX* const context = impl->prepared.get();
  if (context == nullptr) return nullptr;
  const int ready = use == Use::verify ? EVP_PKEY_verify_init(context) : EVP_PKEY_sign_init(context);
  if (ready != 1 || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context, sha256_algorithm()) != 1) {
    return nullptr;
  }
  return impl;
}

Result<PublicKey> PublicKey::rsa_from_der(std::string_view der) {
  const ClearErrors clear;
  const auto numbers = rsa_numbers(der);
  if (!numbers) return fail(ErrorKind::invalid, "the octets are no RSA public key in DER");
  PublicKey key;
  key.algorithm_ = Algorithm::rsa;
  // Limits come before any arithmetic, which grows with the square of the length.
  if (numbers->modulus.size() > kRsaBitsMax / 8 + 1 || bit_length(numbers->modulus) > kRsaBitsMax) {
    return fail(ErrorKind::invalid, "the RSA key is longer than " + std::to_string(kRsaBitsMax) + " bits");
  }
  if (numbers->exponent.size() > 8 || bit_length(numbers->exponent) > kRsaExponentBitsMax) {
    return fail(ErrorKind::invalid,
                "the RSA key's exponent is longer than " + std::to_string(kRsaExponentBitsMax) + " bits");
  }
  const auto odd = [](std::string_view number) { return (static_cast<unsigned char>(number.back()) & 1U) == 1; };
  if (!odd(numbers->modulus) || !odd(numbers->exponent) || numbers->exponent == "\x01") {
    return fail(ErrorKind::invalid, "the RSA key's modulus or exponent is even, or the exponent is 1");
  }
  key.bits_ = bit_length(numbers->modulus);
  PkeyPtr pkey = rsa_pkey(*numbers);
  if (pkey) key.impl_ = prepare(std::move(pkey), Algorithm::rsa, Use::verify);
  if (!key.impl_) return fail(ErrorKind::invalid, "the RSA key is not usable");
  return key;
}

Result<PublicKey> PublicKey::ed25519_from_raw(std::string_view octets) {
  const ClearErrors clear;
  if (octets.size() == kEd25519Spki.size() + kEd25519Octets && octets.starts_with(kEd25519Spki)) {
    octets.remove_prefix(kEd25519Spki.size());
  }
  if (octets.size() != kEd25519Octets) {
    return fail(ErrorKind::invalid, "an Ed25519 public key has 32 octets, this has " + std::to_string(octets.size()));
  }
  PublicKey key;
  key.algorithm_ = Algorithm::ed25519;
  key.bits_ = static_cast<int>(kEd25519Octets) * 8;
  PkeyPtr pkey(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, bytes(octets), octets.size()));
  if (pkey) key.impl_ = prepare(std::move(pkey), Algorithm::ed25519, Use::verify);
  if (!key.impl_) return fail(ErrorKind::invalid, "the Ed25519 key is not usable");
  return key;
}

Result<std::string> PublicKey::encrypt_raw(std::string_view block) const {
  const ClearErrors clear;
  if (!impl_ || algorithm_ != Algorithm::rsa) return fail(ErrorKind::invalid, "not an RSA key");
  const PkeyContextPtr context(EVP_PKEY_CTX_new(impl_->pkey.get(), nullptr));
  std::string out(block.size(), '\0');
  std::size_t size = out.size();
  if (block.size() != static_cast<std::size_t>(EVP_PKEY_get_size(impl_->pkey.get())) || context == nullptr ||
      EVP_PKEY_encrypt_init(context.get()) != 1 || EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1 ||
      EVP_PKEY_encrypt(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes(block),
                       block.size()) != 1 ||
      size != out.size()) {
    return fail(ErrorKind::invalid, "the block is not of the key's size");
  }
  return out;
}

bool PublicKey::verify(const Digest& digest, std::string_view signature) const {
  const ClearErrors clear;
  if (!impl_) return false;
  if (algorithm_ == Algorithm::ed25519) {
    const DigestContextPtr context(EVP_MD_CTX_new());
    return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, impl_->pkey.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), digest.data(), digest.size()) == 1;
  }
  const PkeyContextPtr context(EVP_PKEY_CTX_dup(impl_->prepared.get()));
  return context &&
         EVP_PKEY_verify(context.get(), bytes(signature), signature.size(), digest.data(), digest.size()) == 1;
}

}  // namespace postern::crypto
