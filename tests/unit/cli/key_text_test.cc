#include "cli/key_text.h"

#include <gtest/gtest.h>

#include "cli/signing_keys.h"

namespace postern::cli {
namespace {

const crypto::PrivateKey& rsa() {
  static const crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::Algorithm::rsa, 2048);
  return key;
}
const crypto::PrivateKey& ed25519() {
  static const crypto::PrivateKey key = *crypto::PrivateKey::generate(crypto::Algorithm::ed25519);
  return key;
}

dns::Answer published(std::vector<std::string> texts) {
  dns::Answer answer;
  answer.status = dns::Status::ok;
  answer.texts = std::move(texts);
  return answer;
}

std::string strings_of(std::string_view zone_line) {  // the quoted strings, joined as DNS does
  std::string out;
  bool inside = false;
  std::size_t length = 0;
  for (const char c : zone_line) {
    if (c == '"') {
      inside = !inside;
      length = 0;
    } else if (inside) {
      out.push_back(c);
      EXPECT_LE(++length, kCharacterStringMax);
    }
  }
  return out;
}

TEST(KeyText, TheZoneLineJoinsToTheRecord) {
  for (const crypto::PrivateKey* key : {&rsa(), &ed25519()}) {
    const std::string record = key_record(*key);
    const std::string line = zone_line("s1._domainkey.example.org", record);
    EXPECT_TRUE(line.starts_with("s1._domainkey.example.org. IN TXT (")) << line;
    EXPECT_TRUE(line.ends_with(" )\n"));
    EXPECT_EQ(strings_of(line), record);
    EXPECT_EQ(published_key_problem(*key, published({record})), "");
  }
}

TEST(KeyText, ALabelsStandInTheZone) {
  EXPECT_TRUE(zone_line("s._domainkey.b\xc3\xbc"
                        "cher.test",
                        "x")
                  .starts_with("s._domainkey.xn--bcher-kva.test. IN"));
}

TEST(KeyText, WhatIsPublishedMustBeThisKey) {
  const std::string mine = key_record(rsa());
  EXPECT_NE(published_key_problem(ed25519(), published({mine})), "");
  const crypto::PrivateKey other = *crypto::PrivateKey::generate(crypto::Algorithm::rsa, 2048);
  EXPECT_EQ(published_key_problem(other, published({mine})), "another key is published");
  EXPECT_NE(published_key_problem(rsa(), published({mine, mine})).find("leave one"), std::string::npos);
  EXPECT_NE(published_key_problem(rsa(), published({"v=DKIM1; p="})), "");
  EXPECT_NE(published_key_problem(rsa(), published({"v=spf1 -all"})), "");
  EXPECT_NE(published_key_problem(rsa(), published({mine + "; h=sha1"})).find("h="), std::string::npos);
  EXPECT_NE(published_key_problem(rsa(), published({mine + "; s=tlsrpt"})).find("s="), std::string::npos);
  EXPECT_EQ(published_key_problem(rsa(), published({mine + "; h=sha256; s=email"})), "");
}

TEST(KeyText, NoAnswerIsNotTheSameAsNoRecord) {
  dns::Answer answer;
  answer.status = dns::Status::nxdomain;
  EXPECT_TRUE(published_key_problem(rsa(), answer).starts_with("not published"));
  answer.status = dns::Status::servfail;
  EXPECT_TRUE(published_key_problem(rsa(), answer).starts_with("DNS did not say"));
}

TEST(KeyText, NamesThatCanBePublishedAndWritten) {
  EXPECT_TRUE(is_key_name("s1", "example.org"));
  EXPECT_TRUE(is_key_name("2026.mail", "example.org"));
  EXPECT_TRUE(is_key_name("s",
                          "b\xc3\xbc"
                          "cher.test"));
  EXPECT_FALSE(is_key_name("", "example.org"));
  EXPECT_FALSE(is_key_name("../x", "example.org"));
  EXPECT_FALSE(is_key_name("s", "example..org"));
  EXPECT_FALSE(is_key_name("s", "exa mple.org"));
  EXPECT_FALSE(is_key_name("s", "\xff.org"));
  EXPECT_TRUE(is_key_name(std::string(63, 's'), "example.org"));
  EXPECT_FALSE(is_key_name(std::string(64, 's'), "example.org"));
}

TEST(ParseCanon, OneWordIsTheHeaders) {
  EXPECT_EQ(parse_canon("relaxed/simple")->header, dkim::Canon::relaxed);
  EXPECT_EQ(parse_canon("relaxed/simple")->body, dkim::Canon::simple);
  EXPECT_EQ(parse_canon("relaxed")->body, dkim::Canon::simple);  // RFC 6376 3.5
  for (const char* text : {"", "/", "relaxed/", "/simple", "relaxed/relaxed/relaxed", "Simple"}) {
    EXPECT_FALSE(parse_canon(text)) << text;
  }
}

}  // namespace
}  // namespace postern::cli
