#include "dkim/key_record.h"

#include <gtest/gtest.h>

#include "unit/dkim/signed_mail.h"

namespace postern::dkim {
namespace {

using crypto::Algorithm;

const std::string& rsa_data() {
  static const std::string data = to_base64(test::rsa_key().public_octets());
  return data;
}
std::string ed_data() { return to_base64(test::ed25519_key().public_octets()); }

std::string problem(std::string_view record) {
  const auto key = parse_key(record);
  return key ? "" : key.error().what;
}

TEST(KeyRecord, Usual) {
  const auto key =
      parse_key("v=DKIM1; k=rsa; t=y:s:x; s=email : tlsrpt; h=sha1:sha256; n=a note; z9=?; p=" + rsa_data());
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_EQ(key->key.bits(), 2048);
  EXPECT_TRUE(key->testing);
  EXPECT_TRUE(key->same_domain);
  EXPECT_EQ(key->services, (std::vector<std::string>{"email", "tlsrpt"}));
  EXPECT_EQ(key->hashes, (std::vector<std::string>{"sha1", "sha256"}));
  EXPECT_EQ(unsuitable(*key, Algorithm::rsa), "");
  EXPECT_NE(unsuitable(*key, Algorithm::ed25519), "");
}

TEST(KeyRecord, DefaultsAndForms) {
  for (const std::string& record :
       {"p=" + rsa_data(), "p=" + rsa_data() + ";", " k = rsa ; p = " + rsa_data() + " ; ",
        "v=DKIM1;p=" + rsa_data().substr(0, 50) + " \t" + rsa_data().substr(50), "k=rsa;\n p=" + rsa_data() + "\n"}) {
    const auto key = parse_key(record);
    ASSERT_TRUE(key) << record << key.error().what;
    EXPECT_EQ(key->key.algorithm(), Algorithm::rsa);
    EXPECT_FALSE(key->testing);
    EXPECT_FALSE(key->same_domain);
  }
  // PKCS#1: what is inside the SubjectPublicKeyInfo
  const std::string pkcs1 = test::rsa_key().public_octets().substr(24);
  EXPECT_TRUE(parse_key("p=" + to_base64(pkcs1)));
  EXPECT_EQ(parse_key("k=ed25519; p=" + ed_data())->key.algorithm(), Algorithm::ed25519);
}

TEST(KeyRecord, Invalid) {
  EXPECT_NE(problem(""), "");
  EXPECT_NE(problem("v=spf1 -all"), "");
  EXPECT_NE(problem("v=DKIM1; k=rsa"), "");              // no p=
  EXPECT_NE(problem("v=DKIM1.0; p=" + rsa_data()), "");  // a string comparison
  EXPECT_NE(problem("v=dkim1; p=" + rsa_data()), "");
  EXPECT_NE(problem("k=rsa; v=DKIM1; p=" + rsa_data()), "");  // v= is first
  EXPECT_NE(problem("p=" + rsa_data() + "; p=" + rsa_data()), "");
  EXPECT_NE(problem("k=dsa; p=" + rsa_data()), "");
  EXPECT_NE(problem("k=; p=" + rsa_data()), "");
  EXPECT_NE(problem("k=ed25519; p=" + rsa_data()), "");
  EXPECT_NE(problem("k=rsa; p=" + ed_data()), "");
  EXPECT_NE(problem("p=" + rsa_data() + "*"), "");
  EXPECT_NE(problem("p=" + rsa_data() + " garbage without equals;x"), "");
  EXPECT_NE(problem("p=" + rsa_data().substr(0, 100)), "");
}

TEST(KeyRecord, RevokedIsToldApart) {
  for (const char* record : {"v=DKIM1; p=", "p= ;", "v=DKIM1; k=rsa; p="}) {
    const auto key = parse_key(record);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind, ErrorKind::refused);
  }
  EXPECT_EQ(parse_key("v=DKIM1").error().kind, ErrorKind::invalid);
}

TEST(KeyRecord, ServicesAndHashes) {
  const auto why = [](const std::string& tags) {
    return unsuitable(*parse_key(tags + "p=" + rsa_data()), Algorithm::rsa);
  };
  EXPECT_EQ(why("s=*; "), "");
  EXPECT_EQ(why("s=other:email; "), "");
  EXPECT_NE(why("s=tlsrpt; "), "");  // RFC 8460 3
  EXPECT_NE(why("s=; "), "");        // 3.2: empty is not absent
  EXPECT_EQ(why("h=sha256; "), "");
  EXPECT_NE(why("h=sha1; "), "");
  EXPECT_NE(why("h=; "), "");
}

TEST(KeyRecord, LimitOfOctets) {
  const std::string record = "p=" + rsa_data() + "; n=";
  EXPECT_TRUE(parse_key(record + std::string(kKeyRecordOctetsMax - record.size(), 'x')));
  EXPECT_FALSE(parse_key(record + std::string(kKeyRecordOctetsMax - record.size() + 1, 'x')));
}

TEST(KeyCache, KeepsTheNewestAndSharesKeys) {
  KeyCache cache(2);
  const std::string a = "p=" + rsa_data();
  const std::string b = "k=ed25519; p=" + ed_data();
  const auto first = cache.parse(a);
  EXPECT_EQ(cache.parse(a).record, first.record);
  EXPECT_TRUE(cache.parse(b).record);
  EXPECT_EQ(cache.parse(a).record, first.record);  // now the newest
  EXPECT_FALSE(cache.parse("no key").record);      // b goes
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.parse(a).record, first.record);
  EXPECT_NE(cache.parse("no key").problem, "");
  EXPECT_EQ(cache.parse(a + " ").text, a + " ");
  EXPECT_NE(cache.parse(a).record, nullptr);
  KeyCache none(0);
  EXPECT_TRUE(none.parse(a).record);
  EXPECT_EQ(none.size(), 0U);
  EXPECT_FALSE(cache.parse(std::string(kKeyRecordOctetsMax + 1, 'x')).record);
  EXPECT_EQ(cache.size(), 2U);
}

FetchedKey fetch(const test::Zone& zone, std::string_view selector, std::string_view domain = "example.org") {
  dns::FixtureResolver resolver(zone.zone());
  dns::Budget budget;
  KeyCache cache;
  return run_ready(fetch_key(selector, domain, resolver, budget, cache));
}

TEST(FetchKey, WhatDnsSays) {
  test::Zone zone = test::usual_zone();
  zone.fail("broken._domainkey.example.org", dns::Status::servfail);
  zone.fail("late._domainkey.example.org", dns::Status::timeout);
  EXPECT_EQ(fetch(zone, "rsa").record->key.bits(), 2048);
  const auto missing = fetch(zone, "missing");
  EXPECT_FALSE(missing.record);
  EXPECT_FALSE(missing.temporary);
  EXPECT_EQ(missing.problem, "no key at missing._domainkey.example.org: NXDOMAIN");
  for (const char* selector : {"broken", "late"}) {
    const auto failed = fetch(zone, selector);
    EXPECT_FALSE(failed.record);
    EXPECT_TRUE(failed.temporary);
    EXPECT_TRUE(failed.problem.contains(std::string(selector) + "._domainkey.example.org")) << failed.problem;
  }
  const auto too_long = fetch(zone, "s", std::string(240, 'a'));
  EXPECT_FALSE(too_long.record);
  EXPECT_FALSE(too_long.temporary);
}

TEST(FetchKey, SeveralRecords) {
  test::Zone zone;
  const std::string rsa = "p=" + rsa_data();
  zone.add("a._domainkey.example.org", {"v=spf1 -all", rsa, test::record_of(test::ed25519_key()), "junk"});
  const auto key = fetch(zone, "a");
  ASSERT_TRUE(key.record);
  EXPECT_EQ(key.record->key.algorithm(), Algorithm::rsa);
  EXPECT_EQ(key.text, rsa);
  EXPECT_EQ(key.problem, "");
  ASSERT_EQ(key.others.size(), 1U);
  EXPECT_EQ(key.others[0]->key.algorithm(), Algorithm::ed25519);

  const crypto::Digest digest = crypto::Sha256::of("text");
  EXPECT_TRUE(signature_holds(key, Algorithm::ed25519, digest, *test::ed25519_key().sign(digest)).verified);
  EXPECT_TRUE(signature_holds(key, Algorithm::rsa, digest, *test::rsa_key().sign(digest)).verified);
  EXPECT_FALSE(signature_holds(key, Algorithm::rsa, digest, "x").verified);

  std::vector<std::string> many;
  for (std::size_t i = 0; i < kKeysPerNameMax; ++i) many.push_back("n=" + std::to_string(i) + "; p=" + rsa_data());
  zone.add("many._domainkey.example.org", many);
  EXPECT_EQ(fetch(zone, "many").others.size(), kKeysPerNameMax - 1);
  many.push_back("n=more; p=" + rsa_data());
  zone.add("more._domainkey.example.org", many);
  EXPECT_EQ(fetch(zone, "more").others.size(), kKeysPerNameMax - 1);

  zone.add("none._domainkey.example.org", {"junk", "v=DKIM1; p=", "v=spf1"});
  EXPECT_TRUE(fetch(zone, "none").problem.contains("revoked"));
}

TEST(SignatureHolds, NeverWithAShortKey) {
  test::Zone zone = test::usual_zone();
  const auto key = fetch(zone, "short");
  ASSERT_TRUE(key.record);
  EXPECT_TRUE(is_short(*key.record));
  const crypto::Digest digest = crypto::Sha256::of("text");
  const std::string signature = *test::short_key().sign(digest);
  EXPECT_TRUE(key.record->key.verify(digest, signature));
  EXPECT_FALSE(signature_holds(key, Algorithm::rsa, digest, signature).verified);
}

}  // namespace
}  // namespace postern::dkim
