#include "crypto/ocsp.h"

#include <gtest/gtest.h>

#include "crypto/keys.h"
#include "unit/ocsp_response.h"

namespace postern::crypto {
namespace {

using postern::test::issue;
using postern::test::Issued;
using postern::test::ocsp_response;
using Says = OcspStatus::Says;

class Ocsp : public ::testing::Test {
 protected:
  Issued root = issue({.subject = "root", .dns_names = {}, .authority = true});
  Issued own = issue({.subject = "mx", .dns_names = {"mx.example.org"}}, &root);
  Issued other = issue({.subject = "other", .dns_names = {"other.example"}}, &root);
};

TEST_F(Ocsp, SaysWhatTheAuthoritySaid) {
  for (const auto& [number, says] :
       {std::pair{V_OCSP_CERTSTATUS_GOOD, Says::good}, std::pair{V_OCSP_CERTSTATUS_REVOKED, Says::revoked},
        std::pair{V_OCSP_CERTSTATUS_UNKNOWN, Says::unknown}}) {
    const auto read = read_ocsp(ocsp_response(own, root, number), own.der());
    ASSERT_TRUE(read.has_value()) << read.error().what;
    EXPECT_EQ(read->says, says);
    EXPECT_EQ(read->next_update - read->this_update, 17LL * 24 * 60 * 60 * 1000);
  }
}

TEST_F(Ocsp, WhatIsNone) {
  const std::string response = ocsp_response(own, root, V_OCSP_CERTSTATUS_GOOD);
  EXPECT_FALSE(read_ocsp(response, other.der()).has_value());
  EXPECT_FALSE(read_ocsp(response, "no certificate").has_value());
  EXPECT_FALSE(read_ocsp("", own.der()).has_value());
  EXPECT_FALSE(read_ocsp(std::string(kOcspMax + 1, '0'), own.der()).has_value());
  for (std::size_t size = 0; size < response.size(); size += 7)
    EXPECT_FALSE(read_ocsp(response.substr(0, size), own.der()).has_value()) << size;
  // RFC 6960 4.2.1: tryLater, without anything more
  const auto later = read_ocsp(std::string("\x30\x03\x0a\x01\x03", 5), own.der());
  ASSERT_FALSE(later.has_value());
  EXPECT_NE(later.error().what.find("trylater"), std::string::npos) << later.error().what;
}

TEST(RsaRaw, TakesABlockOfTheModulusSize) {
  const auto made = PrivateKey::generate(Algorithm::rsa, 1024);
  ASSERT_TRUE(made.has_value());
  const auto key = PublicKey::rsa_from_der(made->public_octets());
  ASSERT_TRUE(key.has_value());
  std::string block(128, '\0');
  EXPECT_EQ(key->encrypt_raw(block).value(), block);  // nothing to the power of anything
  block.back() = '\1';
  EXPECT_EQ(key->encrypt_raw(block).value(), block);
  block.back() = '\2';
  const auto two = key->encrypt_raw(block);
  ASSERT_TRUE(two.has_value());
  EXPECT_NE(*two, block);
  EXPECT_EQ(key->encrypt_raw(block).value(), *two);  // no randomness
  EXPECT_FALSE(key->encrypt_raw(std::string(127, '\1')).has_value());
  EXPECT_FALSE(key->encrypt_raw(std::string(129, '\1')).has_value());
  EXPECT_FALSE(key->encrypt_raw(std::string(128, '\xff')).has_value());  // not below the modulus
  EXPECT_FALSE(PublicKey().encrypt_raw(block).has_value());
}

}  // namespace
}  // namespace postern::crypto
