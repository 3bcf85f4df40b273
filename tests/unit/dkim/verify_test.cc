#include "dkim/verify.h"

#include <gtest/gtest.h>

#include "unit/dkim/signed_mail.h"

namespace postern::dkim {
namespace {

using test::hand_signed;
using test::kBody;
using test::kHeader;
using test::kNow;

const std::string kTags =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=rsa; h=from:to:subject:date; bh=BH; ";

Verdict verdict(const std::string& field, std::string_view body = kBody, const test::Zone& zone = test::usual_zone(),
                std::string_view header = kHeader) {
  const auto verdicts = test::verify(field + std::string(header), body, zone);
  EXPECT_EQ(verdicts.size(), 1U);
  return verdicts.empty() ? Verdict{} : verdicts[0];
}

TEST(Verifier, NoSignature) {
  EXPECT_TRUE(test::verify(std::string(kHeader), kBody, test::usual_zone()).empty());
  EXPECT_TRUE(test::verify("", "", test::usual_zone()).empty());
  EXPECT_TRUE(test::verify("\r\n", kBody, test::usual_zone()).empty());
}

TEST(Verifier, APassAndWhatItTells) {
  const Verdict pass = verdict(hand_signed(kTags + "i=a@sub.example.org; b="));
  EXPECT_EQ(pass.outcome, Outcome::pass) << pass.problem;
  EXPECT_EQ(pass.problem, "");
  EXPECT_EQ(pass.domain, "example.org");
  EXPECT_EQ(pass.selector, "rsa");
  EXPECT_EQ(pass.auid, "a@sub.example.org");
  EXPECT_EQ(pass.algorithm, "rsa-sha256");
  EXPECT_EQ(pass.key_bits, 2048);
  EXPECT_FALSE(pass.testing);
  EXPECT_EQ(pass.length, std::nullopt);
  EXPECT_FALSE(pass.body_beyond_length);
  EXPECT_EQ(pass.signature_prefix.size(), 8U);
  EXPECT_EQ(pass.key_record, test::record_of(test::rsa_key()));
}

TEST(Verifier, EveryCanonicalisation) {
  for (const std::string canon :
       {"simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "simple", "relaxed"}) {
    const std::string field = hand_signed("DKIM-Signature: v=1; a=rsa-sha256; c=" + canon +
                                          "; d=example.org; s=rsa;\r\n\th=from:to:subject; bh=BH;\r\n b=");
    EXPECT_EQ(verdict(field).outcome, Outcome::pass) << canon;
    // relaxed forgives another way of folding, and trailing white space in the body
    const bool header_relaxed = canon.starts_with("relaxed");
    const std::string folded =
        "From:   Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: A\r\n\ttest of folding\r\n";
    EXPECT_EQ(verdict(field, kBody, test::usual_zone(), folded).outcome == Outcome::pass, header_relaxed) << canon;
    const bool body_relaxed = canon.ends_with("/relaxed");
    EXPECT_EQ(verdict(field, "Hello \t there\r\n\r\n indented\r\n--\r\n").outcome == Outcome::pass, body_relaxed)
        << canon;
    EXPECT_EQ(verdict(field, std::string(kBody) + "\r\n\r\n").outcome, Outcome::pass) << canon;
  }
}

TEST(Verifier, WhatBreaksASignature) {
  const std::string field = hand_signed(kTags + "b=");
  Verdict changed = verdict(field, std::string(kBody) + "x");
  EXPECT_EQ(changed.outcome, Outcome::fail);
  EXPECT_EQ(changed.problem, "body hash did not verify");
  changed = verdict(field, kBody, test::usual_zone(), "Subject: other\r\n" + std::string(kHeader) + "Subject: new\r\n");
  EXPECT_EQ(changed.outcome, Outcome::fail);
  EXPECT_EQ(changed.problem, "signature did not verify");
  // 5.4.2: from the bottom up, so a Subject added on top is not the signed one, and does no harm
  EXPECT_EQ(verdict(field, kBody, test::usual_zone(), "Subject: other\r\n" + std::string(kHeader)).outcome,
            Outcome::pass);
  std::string other = field;
  other.replace(other.find("d=example.org;"), 14, "d=example.org; ");
  EXPECT_EQ(verdict(other).outcome, Outcome::pass);  // relaxed: white space
  other.replace(other.find("a=rsa"), 5, "q=dns/txt; a=rsa");
  EXPECT_EQ(verdict(other).outcome, Outcome::fail);  // a tag added
}

TEST(Verifier, OverSignedAndRepeatedNames) {
  const std::string over = hand_signed(
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=example.org; s=rsa; h=from:from:subject:subject:x-none; bh=BH; "
      "b=");
  EXPECT_EQ(verdict(over).outcome, Outcome::pass);
  for (const std::string added : {"From: eve@example.com\r\n", "Subject: x\r\n", "X-None:\r\n"}) {
    EXPECT_EQ(verdict(over, kBody, test::usual_zone(), added + std::string(kHeader)).outcome, Outcome::fail) << added;
  }
  // Three Received fields, two of them signed, from the bottom.
  const std::string header = "Received: 1\r\nReceived: 2\r\nreceived : 3\r\n" + std::string(kHeader);
  const std::string two = hand_signed(
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=example.org; s=rsa; h=Received:from:RECEIVED; bh=BH; b=",
      test::rsa_key(), header);
  EXPECT_EQ(verdict(two, kBody, test::usual_zone(), "Received: 0\r\n" + header).outcome, Outcome::pass);
  EXPECT_EQ(verdict(two, kBody, test::usual_zone(), header.substr(26)).outcome, Outcome::pass);
  std::string changed = header;
  changed.replace(changed.find("received : 3"), 12, "received : 4");
  EXPECT_EQ(verdict(two, kBody, test::usual_zone(), changed).outcome, Outcome::fail);
}

// 8.15: a From field on top of the signed one is what most readers are shown
TEST(Verifier, AFromFieldThatIsNotSigned) {
  const std::string field = hand_signed(kTags + "b=");
  const Verdict added = verdict(field, kBody, test::usual_zone(), "From: eve@example.com\r\n" + std::string(kHeader));
  EXPECT_EQ(added.outcome, Outcome::fail);
  EXPECT_TRUE(added.problem.contains("From")) << added.problem;
  const std::string header = "From: eve@example.com\r\n" + std::string(kHeader);
  const std::string both = hand_signed(
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=example.org; s=rsa; h=from:from; bh=BH; b=", test::rsa_key(),
      header);
  EXPECT_EQ(verdict(both, kBody, test::usual_zone(), header).outcome, Outcome::pass);
}

// 3.5 h=: "MUST NOT include the DKIM-Signature header field that is being created or verified but may include others"
TEST(Verifier, SignaturesThatSignSignatures) {
  const std::string inner = hand_signed(kTags + "b=");
  const std::string outer = hand_signed(
      "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; "
      "h=from:dkim-signature:dkim-signature; bh=BH; b=",
      test::ed25519_key(), inner + std::string(kHeader));
  const auto verdicts = test::verify(outer + inner + std::string(kHeader), kBody, test::usual_zone());
  ASSERT_EQ(verdicts.size(), 2U);
  EXPECT_EQ(verdicts[0].outcome, Outcome::pass) << verdicts[0].problem;
  EXPECT_EQ(verdicts[1].outcome, Outcome::pass) << verdicts[1].problem;
  // Below another one it is still not its own.
  const auto below = test::verify(inner + outer + std::string(kHeader), kBody, test::usual_zone());
  EXPECT_EQ(below[1].outcome, Outcome::pass) << below[1].problem;
}

// 3.7: the value of b= goes with all white space around it, wherever the tag stands; simple keeps everything else
TEST(Verifier, TheOwnFieldWithoutB) {
  for (const std::string canon : {"simple", "relaxed"}) {
    std::string field = hand_signed("DKIM-Signature:v=1;\r\n  a=rsa-sha256; c=" + canon +
                                    "; d=example.org; s=rsa; h=from; bh=BH; t=1; b =");
    const std::size_t at = field.find(" b =") + 4;
    field.resize(field.size() - 2);
    const std::string value = field.substr(at);
    for (const std::string& form :
         {value, " " + value + " ", "\r\n\t" + value.substr(0, 9) + "\r\n " + value.substr(9)}) {
      EXPECT_EQ(verdict(field.substr(0, at) + form + "\r\n").outcome, Outcome::pass) << canon << form;
    }
    EXPECT_EQ(verdict(field + ";\r\n").outcome, Outcome::fail) << canon;  // the ";" is no part of the value
  }
  // b= in the middle
  const std::string front = "DKIM-Signature: v=1; a=rsa-sha256; c=simple; d=example.org; s=rsa; b=";
  const std::string back = ";\r\n h=from; bh=" +
                           to_base64(crypto::view_of(crypto::Sha256::of("Hello  there \r\n\r\n\tindented\r\n-- \r\n")));
  const std::string raw = front + back;
  const std::string whole = raw + "\r\n";
  const message::Field own{
      .name = "DKIM-Signature", .body = std::string_view(whole).substr(15, raw.size() - 15), .raw = whole};
  const message::HeaderSection section{std::string(kHeader)};
  const std::string value = to_base64(*test::rsa_key().sign(header_digest(section, {"from"}, Canon::simple, own)));
  EXPECT_EQ(verdict(front + value + back + "\r\n").outcome, Outcome::pass);
}

TEST(Verifier, OctetsBeyondAsciiAndFieldsThatAreNone) {
  const std::string header =
      "From: \xE9\xFF <a@example.org>\r\nno field at all\r\nSub ject: x\r\nX-8: \xC3\xA4\r\n : y\r\n";
  const std::string field =
      hand_signed("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=rsa; h=from:x-8; bh=BH; b=",
                  test::rsa_key(), header, "\xFF\r\n");
  EXPECT_EQ(verdict(field, "\xFF\r\n", test::usual_zone(), header).outcome, Outcome::pass);
}

TEST(Verifier, BodyLength) {
  const auto with = [](const std::string& length) {
    return hand_signed("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=rsa; h=from; l=" +
                       length + "; bh=BH; b=");
  };
  // The canonical body has 33 octets.
  const Verdict part = verdict(with("5"));
  EXPECT_EQ(part.outcome, Outcome::pass);
  EXPECT_EQ(part.length, 5U);
  EXPECT_TRUE(part.body_beyond_length);
  EXPECT_EQ(verdict(with("5"), "Hello, anything\r\n").outcome, Outcome::pass);
  EXPECT_EQ(verdict(with("5"), "Hallo, anything\r\n").outcome, Outcome::fail);
  const Verdict all = verdict(with("33"));
  EXPECT_EQ(all.outcome, Outcome::pass) << all.problem;
  EXPECT_FALSE(all.body_beyond_length);
  for (const char* length : {"34", "18446744073709551615", "99999999999999999999999999999999"}) {
    const Verdict beyond = verdict(with(length));
    EXPECT_EQ(beyond.outcome, Outcome::permerror) << length;
    EXPECT_EQ(beyond.problem, "l= is larger than the body");
  }
  EXPECT_EQ(verdict(with("0"), "").outcome, Outcome::pass);
}

TEST(Verifier, Times) {
  const auto outcome = [](const std::string& tags, std::int64_t now) {
    const std::string field =
        hand_signed("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; h=from; bh=BH; " + tags + "b=");
    return test::verify(field + std::string(kHeader), kBody, test::usual_zone(), now)[0].outcome;
  };
  EXPECT_EQ(outcome("x=100; ", 100), Outcome::pass);
  EXPECT_EQ(outcome("x=100; ", 101), Outcome::permerror);
  EXPECT_EQ(outcome("t=50; x=100; ", 10), Outcome::pass);
  EXPECT_EQ(outcome("t=999999999999; ", 10), Outcome::pass);  // 3.5 t=: "MAY ignore"
  EXPECT_EQ(outcome("t=50; x=50; ", 10), Outcome::permerror);
  EXPECT_EQ(outcome("x=1000000000000000; ", kNow), Outcome::pass);
}

// RFC 8301
TEST(Verifier, HistoricAlgorithmAndShortKeys) {
  const std::string sha1 = "DKIM-Signature: v=1; a=rsa-sha1; d=example.org; s=rsa; h=from; bh=AAAA; b=AAAA\r\n";
  const Verdict historic = verdict(sha1);
  EXPECT_EQ(historic.outcome, Outcome::policy);
  EXPECT_EQ(historic.algorithm, "rsa-sha1");
  EXPECT_TRUE(historic.problem.contains("rsa-sha1"));
  const auto with = [](const std::string& selector, const crypto::PrivateKey& key) {
    return verdict(
        hand_signed("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=" + selector + "; h=from; bh=BH; b=", key));
  };
  const Verdict shortest = with("short", test::short_key());
  EXPECT_EQ(shortest.outcome, Outcome::policy);
  EXPECT_EQ(shortest.key_bits, 512);
  EXPECT_EQ(with("small", test::rsa_key(1024)).outcome, Outcome::pass);
}

TEST(Verifier, Ed25519) {
  const std::string tags =
      "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from; bh=BH; b=";
  const Verdict pass = verdict(hand_signed(tags, test::ed25519_key()));
  EXPECT_EQ(pass.outcome, Outcome::pass) << pass.problem;
  EXPECT_EQ(pass.key_bits, 256);
}

TEST(Verifier, KeysThatDoNotFit) {
  test::Zone zone = test::usual_zone();
  const auto outcome = [&](const std::string& tags, const std::string& more = "") {
    zone.add("k._domainkey.example.org", {test::record_of(test::rsa_key(), tags)});
    return verdict(hand_signed("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k; h=from; bh=BH; " + more + "b="),
                   kBody, zone);
  };
  EXPECT_EQ(outcome("").outcome, Outcome::pass);
  EXPECT_EQ(outcome("t=y; ").outcome, Outcome::pass);
  EXPECT_TRUE(outcome("t=y; ").testing);
  EXPECT_EQ(outcome("t=s; ", "i=@example.org; ").outcome, Outcome::pass);
  EXPECT_EQ(outcome("t=s; ", "i=@EXAMPLE.org; ").outcome, Outcome::pass);
  EXPECT_EQ(outcome("t=s; ", "i=@a.example.org; ").outcome, Outcome::permerror);
  EXPECT_EQ(outcome("", "i=@a.example.org; ").outcome, Outcome::pass);
  EXPECT_EQ(outcome("s=tlsrpt; ").outcome, Outcome::permerror);
  EXPECT_EQ(outcome("h=sha1; ").outcome, Outcome::permerror);
  const std::string ed = "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=rsa; h=from; bh=BH; b=";
  EXPECT_EQ(verdict(hand_signed(ed, test::ed25519_key())).outcome, Outcome::permerror);
}

TEST(Verifier, WhatDnsSaysBecomesTheResult) {
  test::Zone zone = test::usual_zone();
  zone.fail("broken._domainkey.example.org", dns::Status::servfail);
  zone.fail("bogus._domainkey.example.org", dns::Status::bogus);
  zone.add("revoked._domainkey.example.org", {"v=DKIM1; p="});
  zone.add("junk._domainkey.example.org", {"v=spf1 -all"});
  const auto with = [&](const std::string& selector) {
    return verdict(
        hand_signed("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=" + selector + "; h=from; bh=BH; b="), kBody,
        zone);
  };
  EXPECT_EQ(with("broken").outcome, Outcome::temperror);
  EXPECT_EQ(with("bogus").outcome, Outcome::temperror);
  const Verdict missing = with("missing");
  EXPECT_EQ(missing.outcome, Outcome::permerror);
  EXPECT_EQ(missing.problem, "no key at missing._domainkey.example.org: NXDOMAIN");
  EXPECT_EQ(with("revoked").outcome, Outcome::permerror);
  EXPECT_TRUE(with("revoked").problem.contains("revoked"));
  EXPECT_EQ(with("junk").outcome, Outcome::permerror);
}

TEST(Verifier, ARollOfKeysAtOneName) {
  test::Zone zone = test::usual_zone();
  const crypto::PrivateKey other = *crypto::PrivateKey::generate(crypto::Algorithm::rsa, 1024);
  zone.add("roll._domainkey.example.org",
           {test::record_of(other), test::record_of(test::short_key()), test::record_of(test::rsa_key())});
  const Verdict pass =
      verdict(hand_signed("DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=roll; h=from; bh=BH; b="), kBody, zone);
  EXPECT_EQ(pass.outcome, Outcome::pass) << pass.problem;
  EXPECT_EQ(pass.key_bits, 2048);
}

TEST(Verifier, LimitOfSignatures) {
  const std::string field = hand_signed(kTags + "b=");
  std::string header;
  for (std::size_t i = 0; i < kSignaturesMax; ++i) header += field;
  EXPECT_EQ(test::verify(header + std::string(kHeader), kBody, test::usual_zone()).size(), kSignaturesMax);
  const message::HeaderSection section(header + field + std::string(kHeader));
  BodyHashes hashes;
  const Verifier verifier(section, hashes);
  EXPECT_EQ(verifier.signatures_found(), kSignaturesMax + 1);
  const auto verdicts = test::verify(header + field + std::string(kHeader), kBody, test::usual_zone());
  ASSERT_EQ(verdicts.size(), kSignaturesMax);
  for (const Verdict& one : verdicts) EXPECT_EQ(one.outcome, Outcome::pass);
}

// RFC 6008 4
TEST(Verifier, PrefixesTellSignaturesApart) {
  const auto field = [](const std::string& value) {
    return "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=rsa; h=from; bh=AAAA; b=" + value + "\r\n";
  };
  const auto verdicts = test::verify(
      field("AAAAAAAAAAAABBBB") + field("AAAAAAAA AAAACCCC") + field("ABCD") + field("*") + std::string(kHeader), kBody,
      test::usual_zone());
  ASSERT_EQ(verdicts.size(), 4U);
  EXPECT_EQ(verdicts[0].signature_prefix, "AAAAAAAAAAAAB");
  EXPECT_EQ(verdicts[1].signature_prefix, "AAAAAAAAAAAAC");
  EXPECT_EQ(verdicts[2].signature_prefix, "ABCD");
  EXPECT_EQ(verdicts[3].signature_prefix, "");
  EXPECT_EQ(verdicts[3].outcome, Outcome::permerror);
  EXPECT_EQ(verdicts[3].domain, "example.org");
}

TEST(Verifier, OneKeyIsAskedForOnce) {
  const std::string field = hand_signed(kTags + "b=");
  const message::HeaderSection section(field + field + std::string(kHeader));
  BodyHashes hashes;
  Verifier verifier(section, hashes);
  const test::Zone zone = test::usual_zone();
  dns::FixtureResolver resolver(zone.zone());
  dns::Budget budget;
  KeyCache cache;
  EXPECT_EQ(verifier.cost_us(), 0U);
  run_ready(verifier.fetch_keys(resolver, budget, cache));
  EXPECT_EQ(resolver.asked(), 1U);
  EXPECT_GE(verifier.cost_us(), 2 * 18U);
  EXPECT_LT(verifier.cost_us(), 100U);
}

TEST(Verifier, AWorstCaseIsWorked) {
  // 2000 fields, ten signatures of 500 names each: the answer, and no more than work in proportion.
  std::string header;
  for (int i = 0; i < 2000; ++i) header += "X-" + std::to_string(i) + ": " + std::string(480, 'v') + "\r\n";
  std::string names = "from";
  for (int i = 1; i < 500; ++i) names += i % 2 == 0 ? ":x-" + std::to_string(i) : ":from";
  header += "From: a@example.org\r\n";
  const std::string field = hand_signed(
      "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed; d=example.org; s=rsa; h=" + names + "; bh=BH; b=", test::rsa_key(),
      header);
  std::string all;
  for (int i = 0; i < 10; ++i) all += field;
  const auto verdicts = test::verify(all + header, kBody, test::usual_zone());
  ASSERT_EQ(verdicts.size(), 10U);
  for (const Verdict& one : verdicts) EXPECT_EQ(one.outcome, Outcome::pass) << one.problem;
}

}  // namespace
}  // namespace postern::dkim
