#include "crypto/keys.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <atomic>
#include <thread>

#include "base/text.h"
#include "crypto/rsa_der.h"

namespace postern::crypto {
namespace {

const PrivateKey& rsa_key() {
  static const PrivateKey key = *PrivateKey::generate(Algorithm::rsa, 1024);
  return key;
}
const PrivateKey& ed25519_key() {
  static const PrivateKey key = *PrivateKey::generate(Algorithm::ed25519);
  return key;
}

std::string der(char tag, std::string_view content) {
  std::string out(1, tag);
  if (content.size() < 128) {
    out.push_back(static_cast<char>(content.size()));
  } else {
    out.push_back('\x82');
    out.push_back(static_cast<char>(content.size() >> 8U));
    out.push_back(static_cast<char>(content.size() & 0xFFU));
  }
  return out.append(content);
}

// RSAPublicKey of a modulus of that many bits, all ones, and an exponent.
std::string pkcs1(int bits, std::string_view exponent) {
  std::string modulus(static_cast<std::size_t>((bits + 7) / 8), '\xFF');
  modulus[0] = static_cast<char>(0xFFU >> (modulus.size() * 8 - static_cast<std::size_t>(bits)));
  return der('\x30', der('\x02', std::string(1, '\0') + modulus) + der('\x02', exponent));
}

std::string_view spki_content(const std::string& spki) { return std::string_view(spki).substr(22); }  // 1024 bits

TEST(PublicKey, ReadsBothFormsOfRsa) {
  const std::string spki = rsa_key().public_octets();
  const std::string bare(spki_content(spki));
  const Digest digest = Sha256::of("text");
  const auto signature = rsa_key().sign(digest);
  ASSERT_TRUE(signature);
  for (const std::string& form : {spki, bare}) {
    const auto key = PublicKey::rsa_from_der(form);
    ASSERT_TRUE(key) << key.error().what;
    EXPECT_EQ(key->bits(), 1024);
    EXPECT_EQ(key->algorithm(), Algorithm::rsa);
    EXPECT_TRUE(key->verify(digest, *signature));
    EXPECT_FALSE(key->verify(Sha256::of("other"), *signature));
  }
}

TEST(PublicKey, EveryOctetOfASignatureCounts) {
  const Digest digest = Sha256::of("text");
  for (const PrivateKey* key : {&rsa_key(), &ed25519_key()}) {
    const auto octets = key->public_octets();
    const auto pub =
        key->algorithm() == Algorithm::rsa ? PublicKey::rsa_from_der(octets) : PublicKey::ed25519_from_raw(octets);
    ASSERT_TRUE(pub);
    const std::string signature = *key->sign(digest);
    EXPECT_TRUE(pub->verify(digest, signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
      std::string other = signature;
      other[i] = static_cast<char>(other[i] ^ 1);
      EXPECT_FALSE(pub->verify(digest, other)) << i;
    }
    EXPECT_FALSE(pub->verify(digest, ""));
    EXPECT_FALSE(pub->verify(digest, signature.substr(1)));
    EXPECT_FALSE(pub->verify(digest, std::string(1, '\0') + signature));
    EXPECT_EQ(ERR_peek_error(), 0U);
  }
}

TEST(PublicKey, LimitsOfRsa) {
  constexpr std::string_view kUsual("\x01\x00\x01", 3);
  EXPECT_EQ(PublicKey::rsa_from_der(pkcs1(kRsaBitsMax, kUsual))->bits(), kRsaBitsMax);
  EXPECT_FALSE(PublicKey::rsa_from_der(pkcs1(kRsaBitsMax + 1, kUsual)));
  EXPECT_EQ(PublicKey::rsa_from_der(pkcs1(512, kUsual))->bits(), 512);
  EXPECT_EQ(PublicKey::rsa_from_der(pkcs1(1023, kUsual))->bits(), 1023);
  // 33 bits: 2^32 + 1. 34 bits: 2^33 + 1
  EXPECT_TRUE(PublicKey::rsa_from_der(pkcs1(1024, std::string_view("\x01\x00\x00\x00\x01", 5))));
  EXPECT_FALSE(PublicKey::rsa_from_der(pkcs1(1024, std::string_view("\x02\x00\x00\x00\x01", 5))));
  EXPECT_FALSE(PublicKey::rsa_from_der(pkcs1(1024, "\x01")));
  EXPECT_FALSE(PublicKey::rsa_from_der(pkcs1(1024, "\x04")));
  EXPECT_TRUE(PublicKey::rsa_from_der(pkcs1(1024, "\x03")));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PublicKey, RefusesWhatIsNoKey) {
  const std::string spki = rsa_key().public_octets();
  for (std::size_t size = 0; size < spki.size(); ++size) EXPECT_FALSE(PublicKey::rsa_from_der(spki.substr(0, size)));
  EXPECT_FALSE(PublicKey::rsa_from_der(spki + "x"));
  std::string other_algorithm = spki;
  other_algorithm[14] = '\x02';  // the last octet of the object identifier
  EXPECT_FALSE(PublicKey::rsa_from_der(other_algorithm));
  EXPECT_FALSE(PublicKey::rsa_from_der(der('\x30', der('\x02', "\0") + der('\x02', "\x03"))));
  EXPECT_FALSE(PublicKey::rsa_from_der("\x30\x80\x02\x01\x03\x02\x01\x03"));  // indefinite length
}

TEST(PublicKey, Ed25519HasThirtyTwoOctets) {
  const std::string raw = ed25519_key().public_octets();
  ASSERT_EQ(raw.size(), 32U);
  EXPECT_TRUE(PublicKey::ed25519_from_raw(raw));
  EXPECT_FALSE(PublicKey::ed25519_from_raw(raw.substr(1)));
  EXPECT_FALSE(PublicKey::ed25519_from_raw(raw + "x"));
  const std::string spki = *from_hex("302a300506032b6570032100") + raw;
  const auto key = PublicKey::ed25519_from_raw(spki);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->bits(), 256);
  const Digest digest = Sha256::of("text");
  EXPECT_TRUE(key->verify(digest, *ed25519_key().sign(digest)));
}

TEST(PrivateKey, PemAndBack) {
  const Digest digest = Sha256::of("text");
  for (const PrivateKey* key : {&rsa_key(), &ed25519_key()}) {
    const std::string pem = key->pem();
    EXPECT_TRUE(pem.starts_with("-----BEGIN PRIVATE KEY-----\n")) << pem.substr(0, 30);
    const auto again = PrivateKey::parse(pem);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->algorithm(), key->algorithm());
    EXPECT_EQ(again->bits(), key->bits());
    EXPECT_EQ(again->public_octets(), key->public_octets());
    EXPECT_EQ(*again->sign(digest), *key->sign(digest));  // both algorithms are deterministic
  }
}

// RFC 8032 7.1, the first test
TEST(PrivateKey, ASeedInBase64) {
  const std::string seed = *from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const auto key = PrivateKey::parse(to_base64(seed) + "\n");
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->public_octets()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_FALSE(PrivateKey::parse(to_base64(seed.substr(1))));
  EXPECT_FALSE(PrivateKey::parse(to_base64(seed + "x")));
}

TEST(PrivateKey, RefusesWithoutTellingTheText) {
  for (const std::string text : {"", "secret", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"}) {
    const auto key = PrivateKey::parse(text);
    ASSERT_FALSE(key);
    EXPECT_FALSE(key.error().what.contains("secret"));
  }
  // Encrypted: no pass phrase is asked for.
  EXPECT_FALSE(
      PrivateKey::parse("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMEowFQYJKoZIhvcNAQUDMAgECPQm\n"
                        "-----END ENCRYPTED PRIVATE KEY-----\n"));
  EXPECT_FALSE(PrivateKey::parse(std::string(64 * 1024 + 1, 'A')));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PrivateKey, ADamagedRsaKeyIsRefused) {
  const PrivateKey key = *PrivateKey::generate(Algorithm::rsa, 1024);
  const std::string text = key.pem();
  const std::size_t from = text.find('\n') + 1;
  std::string dense = text.substr(from, text.rfind("-----END") - from);
  std::erase(dense, '\n');
  const std::string der = *from_base64(dense);
  const Digest digest = Sha256::of("x");
  int refused = 0;
  for (std::size_t at = 0; at < der.size(); at += 7) {
    std::string damaged = der;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto read = PrivateKey::parse(to_base64(damaged));
    if (!read) {
      ++refused;
      continue;
    }
    // What is left of the damage does not reach the signature.
    if (read->algorithm() != Algorithm::rsa) continue;
    const auto published = PublicKey::rsa_from_der(read->public_octets());
    const auto signature = read->sign(digest);
    ASSERT_TRUE(published && signature) << at;
    EXPECT_TRUE(published->verify(digest, *signature)) << at;
  }
  EXPECT_GT(refused, 10);
}

TEST(PrivateKey, GenerateKnowsItsLimits) {
  EXPECT_FALSE(PrivateKey::generate(Algorithm::rsa, 1023));
  EXPECT_FALSE(PrivateKey::generate(Algorithm::rsa, kRsaBitsMax + 1));
  const auto key = PrivateKey::generate(Algorithm::rsa, 2048);
  ASSERT_TRUE(key);
  EXPECT_EQ(PublicKey::rsa_from_der(key->public_octets())->bits(), 2048);
}

TEST(Keys, ManyThreadsShareOne) {
  const auto pub = PublicKey::rsa_from_der(rsa_key().public_octets());
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const Digest digest = Sha256::of(std::to_string(t * 1000 + i));
        const auto signature = rsa_key().sign(digest);
        if (!signature || !pub->verify(digest, *signature)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern::crypto
