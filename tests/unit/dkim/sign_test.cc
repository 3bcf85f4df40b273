#include "dkim/sign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/dkim/signed_mail.h"

namespace postern::dkim {
namespace {

using test::kBody;
using test::kHeader;
using test::kNow;

std::vector<SigningKey> both_keys() {
  return {{"example.org", "rsa", test::rsa_key()}, {"example.org", "ed", test::ed25519_key()}};
}

std::string joined(const std::vector<std::string>& fields) {
  std::string all;
  for (const std::string& one : fields) all += one;
  return all;
}

void expect_folded(const std::string& field) {
  EXPECT_TRUE(field.ends_with("\r\n"));
  for (std::size_t at = 0; at < field.size();) {
    const std::size_t end = field.find("\r\n", at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - at, kColumnsMax) << field.substr(at, end - at);
    EXPECT_TRUE(at == 0 || field[at] == '\t') << field;
    EXPECT_FALSE(field[end - 1] == ' ' || field[end - 1] == '\t') << field;  // what relays like to take off
    at = end + 2;
  }
}

TEST(Signer, TwoKeysAtOnce) {
  SignOptions options;
  options.time = kNow;
  options.expiry = kNow + 86400;
  options.auid = "alice@mail.example.org";
  const auto fields = test::sign(std::string(kHeader), kBody, both_keys(), options);
  ASSERT_TRUE(fields) << fields.error().what;
  ASSERT_EQ(fields->size(), 2U);
  for (const std::string& field : *fields) expect_folded(field);
  const auto verdicts = test::verify(joined(*fields) + std::string(kHeader), kBody, test::usual_zone());
  ASSERT_EQ(verdicts.size(), 2U);
  for (const Verdict& verdict : verdicts) {
    EXPECT_EQ(verdict.outcome, Outcome::pass) << verdict.problem;
    EXPECT_EQ(verdict.auid, "alice@mail.example.org");
  }
  EXPECT_EQ(verdicts[0].algorithm, "rsa-sha256");
  EXPECT_EQ(verdicts[1].algorithm, "ed25519-sha256");
  const auto parsed = parse_signature(std::string_view((*fields)[0]).substr(15));
  EXPECT_EQ(parsed->time, kNow);
  EXPECT_EQ(parsed->expiry, kNow + 86400);
}

TEST(Signer, OverSigningKeepsFieldsOut) {
  const auto fields = test::sign(std::string(kHeader), kBody, both_keys());
  ASSERT_TRUE(fields);
  for (const std::string name : {"From", "Subject", "To", "Cc", "Reply-To", "Content-Type"}) {
    const auto verdicts =
        test::verify(joined(*fields) + name + ": x\r\n" + std::string(kHeader), kBody, test::usual_zone());
    EXPECT_EQ(verdicts[0].outcome, Outcome::fail) << name;
  }
  // What lists and forwarders add may come.
  for (const std::string name : {"List-Id", "Resent-From", "Received", "Sender"}) {
    const auto verdicts =
        test::verify(joined(*fields) + name + ": x\r\n" + std::string(kHeader), kBody, test::usual_zone());
    EXPECT_EQ(verdicts[0].outcome, Outcome::pass) << name;
  }
}

TEST(Signer, NamesToSign) {
  const message::HeaderSection header("From: a\r\nTo: b\r\nTo: c\r\nList-Id: d\r\nX: e\r\n");
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_to_sign(header, {"From", "TO", "x", "y", "to"}, true),
            (Names{"from", "from", "to", "to", "to", "x", "x", "y"}));
  EXPECT_EQ(names_to_sign(header, {"to", "y"}, false), (Names{"from", "to", "to"}));
  EXPECT_EQ(names_to_sign(header, {"from", "dkim-signature"}, true), (Names{"from", "from"}));
  const Names usual = names_to_sign(header, {}, true);
  EXPECT_EQ(std::ranges::count(usual, "to"), 3);
  EXPECT_EQ(std::ranges::count(usual, "cc"), 1);
  EXPECT_EQ(std::ranges::count(usual, "list-id"), 1);
  EXPECT_EQ(std::ranges::count(usual, "list-help"), 0);
  EXPECT_EQ(std::ranges::count(usual, "x"), 0);
}

TEST(Signer, Refusals) {
  const auto problem = [](std::vector<SigningKey> keys, SignOptions options = {},
                          std::string header = std::string(kHeader)) {
    const auto fields = test::sign(header, kBody, std::move(keys), std::move(options));
    return fields ? "" : fields.error().what;
  };
  EXPECT_EQ(problem(both_keys()), "");
  EXPECT_NE(problem({{"example.org", "short", test::short_key()}}), "");
  EXPECT_EQ(problem({{"example.org", "small", test::rsa_key(1024)}}), "");
  EXPECT_NE(problem({{"org", "s", test::rsa_key()}}), "");
  EXPECT_NE(problem({{"exa mple.org", "s", test::rsa_key()}}), "");
  EXPECT_NE(problem({{"example.org", "s;x", test::rsa_key()}}), "");
  EXPECT_NE(problem(both_keys(), {}, "To: x\r\n"), "");
  SignOptions options;
  options.time = 10;
  options.expiry = 10;
  EXPECT_NE(problem(both_keys(), options), "");
  options.expiry = 11;
  EXPECT_EQ(problem(both_keys(), options), "");
  options.auid = "a@example.com";
  EXPECT_NE(problem(both_keys(), options), "");
  options.auid = "no address";
  EXPECT_NE(problem(both_keys(), options), "");
  options.auid.clear();
  for (const std::string name : {"", "a b", "a:b", "a;b", "\xC3\xA4"}) {
    options.names = {"from", name};
    EXPECT_NE(problem(both_keys(), options), "") << name;
  }
}

TEST(Signer, LimitOfNames) {
  std::string header = "From: a@example.org\r\n";
  SignOptions options;
  options.names = {"from", "x"};
  options.oversign = false;
  for (std::size_t i = 1; i < kSignedNamesMax; ++i) header += "X: y\r\n";
  const auto fields = test::sign(header, kBody, both_keys(), options);
  ASSERT_TRUE(fields) << fields.error().what;
  EXPECT_EQ(test::verify(joined(*fields) + header, kBody, test::usual_zone())[0].outcome, Outcome::pass);
  EXPECT_FALSE(test::sign(header + "X: y\r\n", kBody, both_keys(), options));
}

TEST(Signer, InternationalNamesBecomeALabels) {
  SignOptions options;
  options.auid = "j\xC3\xBCrgen; x@m\xC3\xBCnchen.example";
  const auto fields =
      test::sign(std::string(kHeader), kBody, {{"m\xC3\xBCnchen.example", "s", test::ed25519_key()}}, options);
  ASSERT_TRUE(fields) << fields.error().what;
  EXPECT_TRUE((*fields)[0].contains("d=xn--mnchen-3ya.example;"));
  test::Zone zone;
  zone.add("s._domainkey.xn--mnchen-3ya.example", {test::record_of(test::ed25519_key())});
  const auto verdicts = test::verify((*fields)[0] + std::string(kHeader), kBody, zone);
  EXPECT_EQ(verdicts[0].outcome, Outcome::pass) << verdicts[0].problem;
  EXPECT_EQ(verdicts[0].auid, "j\xC3\xBCrgen; x@xn--mnchen-3ya.example");
}

TEST(Signer, LongThingsStillFold) {
  const std::string domain = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.org";
  SignOptions options;
  options.names = {"from", std::string(70, 'x'), std::string(30, 'y'), std::string(30, 'z')};
  const auto fields = test::sign(std::string(kHeader), kBody, {{domain, "s", test::ed25519_key()}}, options);
  ASSERT_TRUE(fields) << fields.error().what;
  test::Zone zone;
  zone.add("s._domainkey." + domain, {test::record_of(test::ed25519_key())});
  EXPECT_EQ(test::verify((*fields)[0] + std::string(kHeader), kBody, zone)[0].outcome, Outcome::pass);
}

std::string random_header(std::mt19937& random) {
  std::string header = "From: a@example.org\r\n";
  for (std::size_t fields = random() % 8; fields > 0; --fields) {
    constexpr std::string_view kNames[] = {"Subject", "To ", "from", "X-Other", "cc\t", "DATE"};
    header += kNames[random() % 6];
    header += ':';
    for (std::size_t i = random() % 40; i > 0; --i) {
      constexpr std::string_view kPieces[] = {" ",      "\t",       "a", "b;", ":", "\r\n ",
                                              "\r\n\t", "\xC3\xA4", "=", "\r", "\n"};
      header += kPieces[random() % 11];
    }
    header += "\r\n";
  }
  return header;
}

std::string random_body(std::mt19937& random) {
  std::string body;
  for (std::size_t i = random() % 60; i > 0; --i) {
    constexpr std::string_view kPieces[] = {" ", "\t", "a", "word", "\r\n", "\r\n\r\n", "\r", "\n", "\xFF"};
    body += kPieces[random() % 9];
  }
  return body;
}

TEST(Signer, RandomMessagesVerifyAndTheirChangesAreSeen) {
  std::mt19937 random(3);
  const test::Zone zone = test::usual_zone();
  for (int round = 0; round < 150; ++round) {
    const std::string header = random_header(random);
    if (header.contains("\r\n\r\n")) continue;  // what follows is no header
    const std::string body = random_body(random);
    SignOptions options;
    options.header_canon = random() % 2 == 0 ? Canon::simple : Canon::relaxed;
    options.body_canon = random() % 2 == 0 ? Canon::simple : Canon::relaxed;
    options.oversign = random() % 2 == 0;
    const auto fields = test::sign(header, body, {{"example.org", "ed", test::ed25519_key()}}, options);
    ASSERT_TRUE(fields) << fields.error().what;
    ASSERT_EQ(test::verify((*fields)[0] + header, body, zone)[0].outcome, Outcome::pass)
        << testing::PrintToString(header);
    EXPECT_EQ(test::verify((*fields)[0] + header, body + "x", zone)[0].outcome, Outcome::fail);
    EXPECT_EQ(test::verify((*fields)[0] + header + "From: b@example.org\r\n", body, zone)[0].outcome, Outcome::fail);
  }
}

}  // namespace
}  // namespace postern::dkim
