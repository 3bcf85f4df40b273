#include "mailauth/signing.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "unit/dkim/signed_mail.h"
#include "unit/temporary_folder.h"

namespace postern::mailauth {
namespace {

constexpr WallMs kNow = 1795243000000;

dkim::SigningKey key(std::string domain, std::string selector, const crypto::PrivateKey& made) {
  return {.domain = std::move(domain), .selector = std::move(selector), .key = made};
}

TEST(SigningKeys, ADomainsOwnElseTheNearestAbove) {
  SigningKeys keys;
  keys.add(key("example.org", "e", dkim::test::ed25519_key()));
  keys.add(key("example.org", "r", dkim::test::rsa_key()));
  keys.add(key("lists.example.org", "l", dkim::test::ed25519_key()));
  const auto selectors = [&](std::string_view domain) {
    std::string out;
    for (const dkim::SigningKey& one : keys.of(domain)) out += one.selector;
    return out;
  };
  EXPECT_EQ(selectors("example.org"), "er");
  EXPECT_EQ(selectors("a.b.example.org"), "er");
  EXPECT_EQ(selectors("lists.example.org"), "l");
  EXPECT_EQ(selectors("x.lists.example.org"), "l");
  EXPECT_EQ(selectors("notexample.org"), "");
  EXPECT_EQ(selectors("org"), "");
  EXPECT_EQ(selectors(""), "");
  EXPECT_EQ(keys.sealing("example.org")->selector, "r");
  EXPECT_EQ(keys.sealing("lists.example.org")->selector, "l");
  EXPECT_FALSE(keys.sealing("example.net").has_value());
  EXPECT_EQ(keys.size(), 3U);
}

TEST(SigningKeys, EachKeyOfTheAuthorsDomainSigns) {
  SigningKeys keys;
  keys.add(key("example.org", "e", dkim::test::ed25519_key()));
  keys.add(key("example.org", "r", dkim::test::rsa_key()));
  const std::string fields = sign_message(keys, "From: a@sub.example.org\r\nSubject: x\r\n\r\nbody\r\n", kNow).value();
  const message::HeaderSection header(fields);
  ASSERT_EQ(header.count("DKIM-Signature"), 2U);
  for (const message::Field* field : header.all("DKIM-Signature")) {
    EXPECT_NE(field->body.find("d=example.org;"), std::string_view::npos);
  }
  EXPECT_EQ(sign_message(keys, "From: a@example.net\r\n\r\n", kNow).value(), "");
  EXPECT_EQ(sign_message(keys, "Subject: nobody\r\n\r\n", kNow).value(), "");
  EXPECT_EQ(sign_message(keys, "From: a@example.org, b@example.net\r\n\r\n", kNow).value(), "");
  EXPECT_EQ(sign_message(keys, "", kNow).value(), "");
}

TEST(SigningKeys, AFileThatIsNoKeyIsToldWithTheRemedy) {
  const ::postern::testing::TemporaryFolder folder;
  KeyOptions options{.domain = "example.org", .selector = "s", .file = folder.at("key.pem")};
  auto read = read_signing_key(options);
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().what.find("key.pem"), std::string::npos);
  EXPECT_NE(read.error().what.find("postern keygen"), std::string::npos);
  folder.write("key.pem", "very secret, and no key");
  read = read_signing_key(options);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().what.find("secret"), std::string::npos);
  folder.write("key.pem", dkim::test::short_key().pem());
  EXPECT_FALSE(read_signing_key(options).has_value());
  folder.write("key.pem", dkim::test::rsa_key().pem());
  ASSERT_TRUE(read_signing_key(options).has_value());
  EXPECT_EQ(read_signing_key(options)->selector, "s");
}

}  // namespace
}  // namespace postern::mailauth
