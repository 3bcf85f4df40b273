// SipHash against the vectors of its authors, and against OpenSSL's at every length and both strengths.
#include "crypto/siphash.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <memory>
#include <random>
#include <string>

namespace postern::crypto {
namespace {

SipKey counting_key() {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  return SipKey::from_bytes(bytes);
}

std::string counting(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i);
  return text;
}

std::uint64_t by_openssl(const SipKey& key, std::string_view input, unsigned compress, unsigned finish) {
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr), EVP_MAC_free);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(mac.get()), EVP_MAC_CTX_free);
  unsigned size = 8;
  const std::array<OSSL_PARAM, 4> parameters = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size),
                                                OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_C_ROUNDS, &compress),
                                                OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_D_ROUNDS, &finish),
                                                OSSL_PARAM_construct_end()};
  const auto key_bytes = key.bytes();
  std::array<std::uint8_t, 8> out{};
  std::size_t length = 0;
  EXPECT_EQ(EVP_MAC_init(context.get(), key_bytes.data(), key_bytes.size(), parameters.data()), 1);
  EXPECT_EQ(EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(input.data()), input.size()), 1);
  EXPECT_EQ(EVP_MAC_final(context.get(), out.data(), &length, out.size()), 1);
  std::uint64_t value = 0;
  for (std::size_t i = out.size(); i > 0; --i) value = value << 8U | out[i - 1];
  return value;
}

TEST(SipHash, GivesThePublishedValues) {
  // The paper's appendix A (15 octets), and the reference's vectors for 0 and 8.
  EXPECT_EQ(siphash_2_4(counting_key(), counting(15)), 0xA129CA6149BE45E5ULL);
  EXPECT_EQ(siphash_2_4(counting_key(), ""), 0x726FDB47DD0E0E31ULL);
  EXPECT_EQ(siphash_2_4(counting_key(), counting(8)), 0x93F5F5799A932462ULL);
}

TEST(SipHash, IsOpenSslsAtEveryLength) {
  std::mt19937_64 random(1);
  for (std::size_t size = 0; size < 80; ++size) {
    const SipKey key{random(), random()};
    std::string input(size, '\0');
    for (char& c : input) c = static_cast<char>(random());
    EXPECT_EQ(siphash_2_4(key, input), by_openssl(key, input, 2, 4)) << size;
    EXPECT_EQ(siphash_1_3(key, input), by_openssl(key, input, 1, 3)) << size;
  }
}

TEST(SipHash, WordsAreTheirOctetsLittleEndian) {
  std::mt19937_64 random(2);
  for (int turn = 0; turn < 100; ++turn) {
    const SipKey key{random(), random()};
    const SipKey words{random(), random()};  // only for its octets
    const auto last = static_cast<std::uint8_t>(random());
    const auto octets = words.bytes();
    std::string text(octets.begin(), octets.end());
    EXPECT_EQ(siphash_1_3(key, words.k0, words.k1, last), siphash_1_3(key, text + static_cast<char>(last)));
    text.resize(8);
    EXPECT_EQ(siphash_1_3(key, words.k0, last), siphash_1_3(key, text + static_cast<char>(last)));
  }
}

TEST(SipHash, KeysAreTheirOctets) {
  EXPECT_EQ(counting_key().k0, 0x0706050403020100ULL);
  EXPECT_EQ(SipKey::from_bytes(counting_key().bytes()).k1, 0x0F0E0D0C0B0A0908ULL);
}

}  // namespace
}  // namespace postern::crypto
