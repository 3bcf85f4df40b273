#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/text.h"
#include "crypto/key_impl.h"

namespace postern::crypto {
namespace {

constexpr std::size_t kSeedOctets = 32;
constexpr std::size_t kKeyTextMax = 64 * 1024;
constexpr int kGenerateBitsMin = 1024;  // RFC 8301 3.2

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// OpenSSL asks for a pass phrase on the terminal unless someone says that there is none.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

PkeyPtr from_pem(std::string_view text) {
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return PkeyPtr(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
}

// A seed, or DER without its PEM armour.
PkeyPtr from_base64_text(std::string_view text) {
  std::string dense;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') dense.push_back(c);
  }
  const auto octets = from_base64(dense);
  if (!octets) return nullptr;
  if (octets->size() == kSeedOctets) {
    return PkeyPtr(EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, bytes(*octets), octets->size()));
  }
  const unsigned char* at = bytes(*octets);
  return PkeyPtr(d2i_AutoPrivateKey_ex(nullptr, &at, static_cast<long>(octets->size()), nullptr, nullptr));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

// A file with one wrong octet still parses, and then signs what nobody verifies; with a faulty prime its signatures
// even give the key away. One signature shows it.
bool verifies_itself(const PrivateKey& key) {
  const Digest digest = Sha256::of("postern");
  const auto signature = key.sign(digest);
  if (!signature) return true;  // too short to sign: signing says so
  const auto published = PublicKey::rsa_from_der(key.public_octets());
  return published && published->verify(digest, *signature);
}

}  // namespace

Result<PrivateKey> PrivateKey::parse(std::string_view text) {
  const ClearErrors clear;
  if (text.size() > kKeyTextMax) return fail(ErrorKind::invalid, "the private key is longer than 64 KiB");
  PkeyPtr pkey = text.contains("-----BEGIN") ? from_pem(text) : from_base64_text(text);
  if (!pkey) {
    return fail(ErrorKind::invalid,
                "not a private key: it must be unencrypted PEM (PKCS#1 or PKCS#8), or an Ed25519 seed of 32 octets in "
                "base64");
  }
  PrivateKey key;
  if (EVP_PKEY_is_a(pkey.get(), "RSA") == 1) {
    key.algorithm_ = Algorithm::rsa;
  } else if (EVP_PKEY_is_a(pkey.get(), "ED25519") == 1) {
    key.algorithm_ = Algorithm::ed25519;
  } else {
    return fail(ErrorKind::invalid, "the private key is neither RSA nor Ed25519");
  }
  key.bits_ = key.algorithm_ == Algorithm::rsa ? EVP_PKEY_get_bits(pkey.get()) : 256;
  if (key.bits_ > kRsaBitsMax) {
    return fail(ErrorKind::invalid, "the RSA key is longer than " + std::to_string(kRsaBitsMax) + " bits");
  }
  key.impl_ = prepare(std::move(pkey), key.algorithm_, Use::sign);
  if (!key.impl_) return fail(ErrorKind::invalid, "the private key is not usable for signing");
  if (key.algorithm_ == Algorithm::rsa && !verifies_itself(key)) {
    return fail(ErrorKind::invalid, "the private key is damaged: it does not verify what it signs");
  }
  return key;
}

Result<PrivateKey> PrivateKey::generate(Algorithm algorithm, int rsa_bits) {
  const ClearErrors clear;
  PkeyPtr pkey;
  if (algorithm == Algorithm::ed25519) {
    pkey.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  } else {
    if (rsa_bits < kGenerateBitsMin || rsa_bits > kRsaBitsMax) {
      return fail(ErrorKind::invalid, "an RSA key has 1024 to 8192 bits, not " + std::to_string(rsa_bits));
    }
    pkey.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(rsa_bits)));
  }
  PrivateKey key;
  key.algorithm_ = algorithm;
  key.bits_ = algorithm == Algorithm::rsa ? rsa_bits : 256;
  if (pkey) key.impl_ = prepare(std::move(pkey), algorithm, Use::sign);
  if (!key.impl_) return fail(ErrorKind::invalid, "OpenSSL could not make a key");
  return key;
}

Result<std::string> PrivateKey::sign(const Digest& digest) const {
  const ClearErrors clear;
  if (!impl_) return fail(ErrorKind::invalid, "signing with no key");
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(impl_->pkey.get())), '\0');
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  std::size_t size = signature.size();
  bool done = false;
  if (algorithm_ == Algorithm::ed25519) {
    const DigestContextPtr context(EVP_MD_CTX_new());
    done = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->pkey.get()) == 1 &&
           EVP_DigestSign(context.get(), out, &size, digest.data(), digest.size()) == 1;
  } else {
    const PkeyContextPtr context(EVP_PKEY_CTX_dup(impl_->prepared.get()));
    done = context && EVP_PKEY_sign(context.get(), out, &size, digest.data(), digest.size()) == 1;
  }
  if (!done) return fail(ErrorKind::invalid, "the key does not sign; an RSA key must have at least 512 bits");
  signature.resize(size);
  return signature;
}

std::string PrivateKey::pem() const {
  const ClearErrors clear;
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  POSTERN_CHECK(impl_ && bio);
  POSTERN_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), impl_->pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
                1);
  return text_of(bio.get());
}

std::string PrivateKey::public_octets() const {
  const ClearErrors clear;
  POSTERN_CHECK(impl_);
  if (algorithm_ == Algorithm::ed25519) {
    std::string octets(kSeedOctets, '\0');
    std::size_t size = octets.size();
    POSTERN_CHECK(
        EVP_PKEY_get_raw_public_key(impl_->pkey.get(), reinterpret_cast<unsigned char*>(octets.data()), &size) == 1);
    return octets;
  }
  const BioPtr bio(BIO_new(BIO_s_mem()));
  POSTERN_CHECK(bio && i2d_PUBKEY_bio(bio.get(), impl_->pkey.get()) == 1);
  return text_of(bio.get());
}

}  // namespace postern::crypto
