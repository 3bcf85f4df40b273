#include "mailauth/mailauth.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "dkim/sign.h"
#include "dns/fixture.h"

namespace postern::mailauth {
namespace {

constexpr WallMs kNow = 1795243000000;

crypto::PrivateKey key() {
  static const crypto::PrivateKey made = crypto::PrivateKey::generate(crypto::Algorithm::ed25519).value();
  return made;
}

std::string signed_by(const std::string& domain, const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n") + 2;
  const message::HeaderSection header(text.substr(0, end));
  dkim::Signer signer(header, {{.domain = domain, .selector = "sel", .key = key()}}, {});
  signer.body(std::string_view(text).substr(end + 2));
  const auto fields = signer.finish();
  EXPECT_TRUE(fields) << fields.error().what;
  return fields->front() + text;
}

class MailAuthTest : public ::testing::Test {
 protected:
  Facts check(const std::string& zone, Envelope envelope, const std::string& text) {
    auto parsed = dns::Zone::from_json(json::parse(zone).value());
    EXPECT_TRUE(parsed) << parsed.error().what;
    dns::FixtureResolver resolver(std::move(*parsed));
    dns::Budget budget;
    MailAuth auth({.resolver = resolver, .keys = keys, .host_name = "mx.example.org"});
    auth.envelope(std::move(envelope));
    const std::size_t end = text.find("\r\n\r\n") + 4;
    auth.header(message::HeaderSection(text.substr(0, end)));
    auth.body(text.substr(end));
    Facts facts = run_ready(auth.finish(budget, kNow));
    EXPECT_EQ(facts.dns_lookups, budget.asked());
    return facts;
  }
  static std::string key_record() {
    return R"({"TXT": ["v=DKIM1; k=ed25519; p=)" + to_base64(key().public_octets()) + R"("]})";
  }
  static Envelope from(std::string mail_from, std::string helo = "mta.sender.example") {
    return {.client = *ip::Address::parse("2001:db8::1"), .helo = std::move(helo), .mail_from = std::move(mail_from)};
  }
  dkim::KeyCache keys;
  const std::string plain = "From: You <you@sender.example>\r\nSubject: x\r\n\r\nbody\r\n";
};

// Whoever chooses HELO chooses how long its servers take: it must not be what DMARC waits behind.
TEST_F(MailAuthTest, WhatDmarcHangsOnIsAskedFirst) {
  class Listening final : public dns::Resolver {
   public:
    Task<dns::AnswerPtr> query(dns::Name name, dns::Type /*type*/, dns::Budget& budget) override {
      EXPECT_TRUE(budget.take());
      asked.push_back(name.text());
      co_return std::make_shared<const dns::Answer>();
    }
    void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}
    std::vector<std::string> asked;
  } resolver;
  const std::string text = signed_by("sender.example", plain);
  const std::size_t end = text.find("\r\n\r\n") + 4;
  for (const bool null_path : {false, true}) {
    resolver.asked.clear();
    MailAuth auth({.resolver = resolver, .keys = keys, .host_name = "mx.example.org"});
    auth.envelope(from(null_path ? "" : "you@bounce.example"));
    auth.header(message::HeaderSection(text.substr(0, end)));
    auth.body(text.substr(end));
    dns::Budget first;
    run_ready(auth.gather(first, kNow));
    std::vector<std::string> expected = {"sel._domainkey.sender.example"};
    if (!null_path) expected.emplace_back("bounce.example");
    expected.emplace_back("mta.sender.example");
    EXPECT_EQ(resolver.asked, expected);
    auth.compute(kNow);
    dns::Budget second;
    const Facts facts = run_ready(auth.conclude(second));
    EXPECT_GT(second.asked(), 0U);
    EXPECT_EQ(facts.dns_lookups, first.asked() + second.asked());
    EXPECT_EQ(facts.dns_lookups, resolver.asked.size());
  }
}

TEST_F(MailAuthTest, SpfIsKnownBeforeTheMessageAndAskedOnce) {
  const std::string zone = R"({"sender.example": {"TXT": ["v=spf1 include:net.example -all"]},
                               "net.example": {"TXT": ["v=spf1 ip6:2001:db8::/32"]},
                               "mta.sender.example": {"TXT": ["v=spf1 ip6:2001:db8::1 -all"]}})";
  for (const bool null_path : {false, true}) {
    dns::FixtureResolver resolver(*dns::Zone::from_json(*json::parse(zone)));
    MailAuth auth({.resolver = resolver, .keys = keys, .host_name = "mx.example.org"});
    auth.envelope(from(null_path ? "" : "you@sender.example"));
    dns::Budget early;
    const spf::Evaluation* spf = run_ready(auth.early_spf(early, kNow));
    EXPECT_EQ(spf->outcome, spf::Outcome::pass);
    EXPECT_EQ(spf->domain, null_path ? "mta.sender.example" : "sender.example");
    EXPECT_EQ(spf->matched_bits, null_path ? 128 : 32);
    const std::uint32_t asked = early.asked();
    EXPECT_EQ(asked, null_path ? 1U : 2U);
    EXPECT_EQ(run_ready(auth.early_spf(early, kNow))->outcome, spf::Outcome::pass);
    EXPECT_EQ(early.asked(), asked);
    dns::Budget late;
    const Facts facts = run_ready(auth.finish(late, kNow));
    EXPECT_EQ(facts.spf_mail_from->outcome, spf::Outcome::pass);
    EXPECT_EQ(facts.spf_helo->outcome, spf::Outcome::pass);
    EXPECT_EQ(late.asked(), null_path ? 0U : 1U);  // the HELO identity alone; there is no author
    EXPECT_EQ(facts.dns_lookups, asked + late.asked());
  }
}

TEST_F(MailAuthTest, AnEarlyTemperrorIsAskedOnceMoreAtTheEnd) {
  dns::FixtureResolver resolver(*dns::Zone::from_json(*json::parse(R"({"sender.example": {"TXT": ["v=spf1 -all"]}})")));
  MailAuth auth({.resolver = resolver, .keys = keys, .host_name = "mx.example.org"});
  auth.envelope(from("you@sender.example"));
  dns::Budget spent(0);
  EXPECT_EQ(run_ready(auth.early_spf(spent, kNow))->outcome, spf::Outcome::temperror);
  dns::Budget budget;
  EXPECT_EQ(run_ready(auth.early_spf(budget, kNow))->outcome, spf::Outcome::temperror);
  EXPECT_EQ(budget.asked(), 0U);  // not at each recipient
  EXPECT_EQ(run_ready(auth.finish(budget, kNow)).spf_mail_from->outcome, spf::Outcome::fail);
}

TEST_F(MailAuthTest, AnotherEnvelopeIsAnotherQuestion) {
  dns::FixtureResolver resolver(*dns::Zone::from_json(*json::parse(R"({"sender.example": {"TXT": ["v=spf1 -all"]}})")));
  MailAuth auth({.resolver = resolver, .keys = keys, .host_name = "mx.example.org"});
  dns::Budget budget;
  auth.envelope(from("you@sender.example"));
  EXPECT_EQ(run_ready(auth.early_spf(budget, kNow))->outcome, spf::Outcome::fail);
  auth.envelope(from("you@other.example"));
  EXPECT_EQ(run_ready(auth.early_spf(budget, kNow))->outcome, spf::Outcome::none);
}

TEST_F(MailAuthTest, SpfAloneMakesDmarcPass) {
  const Facts facts = check(R"({"sender.example": {"TXT": ["v=spf1 ip6:2001:db8::1 -all"]},
                                "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=reject"]}})",
                            from("you@sender.example"), plain);
  EXPECT_EQ(facts.spf_mail_from->outcome, spf::Outcome::pass);
  EXPECT_EQ(facts.spf_helo->outcome, spf::Outcome::none);
  EXPECT_EQ(facts.dmarc.outcome, dmarc::Outcome::pass);
  EXPECT_TRUE(facts.dmarc.spf_aligned);
  EXPECT_FALSE(facts.dmarc.dkim_aligned);
}

TEST_F(MailAuthTest, DkimAloneMakesDmarcPassWhereSpfFails) {
  const Facts facts = check(R"({"sender.example": {"TXT": ["v=spf1 -all"]}, "sel._domainkey.sender.example": )" +
                                key_record() + R"(, "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=reject"]}})",
                            from("you@sender.example"), signed_by("sender.example", plain));
  EXPECT_EQ(facts.spf_mail_from->outcome, spf::Outcome::fail);
  ASSERT_EQ(facts.dkim.size(), 1U);
  EXPECT_EQ(facts.dkim[0].outcome, dkim::Outcome::pass);
  EXPECT_EQ(facts.dmarc.outcome, dmarc::Outcome::pass);
  EXPECT_FALSE(facts.dmarc.spf_aligned);
  EXPECT_TRUE(facts.dmarc.dkim_aligned);
}

TEST_F(MailAuthTest, AKeyInTestModeIsToldAndCountsAsOthersCountIt) {
  const Facts facts =
      check(R"({"sel._domainkey.sender.example": {"TXT": ["v=DKIM1; k=ed25519; t=y; p=)" +
                to_base64(key().public_octets()) + R"("]}, "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=reject"]}})",
            from("you@other.example"), signed_by("sender.example", plain));
  ASSERT_EQ(facts.dkim.size(), 1U);
  EXPECT_EQ(facts.dkim[0].outcome, dkim::Outcome::pass);
  EXPECT_TRUE(facts.dkim[0].testing);
  EXPECT_EQ(facts.dmarc.outcome, dmarc::Outcome::pass);
}

// RFC 7208 2.4, and what DMARC makes of it: the HELO identity stands in for the null path only.
TEST_F(MailAuthTest, TheNullPathIsJudgedByHelo) {
  const std::string zone = R"({"mta.sender.example": {"TXT": ["v=spf1 ip6:2001:db8::1 -all"]},
                               "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=reject"]}})";
  const Facts null = check(zone, from(""), plain);
  EXPECT_EQ(null.spf_mail_from->outcome, spf::Outcome::pass);
  EXPECT_EQ(null.dmarc.outcome, dmarc::Outcome::pass);
  const Facts named = check(zone, from("you@unrelated.example"), plain);
  EXPECT_EQ(named.spf_helo->outcome, spf::Outcome::pass);
  EXPECT_EQ(named.spf_mail_from->outcome, spf::Outcome::none);
  EXPECT_EQ(named.dmarc.outcome, dmarc::Outcome::fail);
}

TEST_F(MailAuthTest, WithoutOneAuthorThereIsNoDmarcAndAReason) {
  for (const std::string head : {"Subject: x\r\n", "From: a@a.example\r\nFrom: b@b.example\r\n", "From: nobody\r\n"}) {
    const Facts facts = check("{}", from("you@sender.example"), head + "\r\nbody\r\n");
    EXPECT_EQ(facts.dmarc.outcome, dmarc::Outcome::none) << head;
    EXPECT_FALSE(facts.dmarc.problem.empty()) << head;
  }
}

TEST_F(MailAuthTest, TheFieldTellsAllOfIt) {
  const std::string zone =
      R"({"sender.example": {"TXT": ["v=spf1 ip6:2001:db8::/32 -all"]}, "sel._domainkey.sender.example": )" +
      key_record() + R"(, "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=quarantine; t=y"]}})";
  const Envelope envelope = from("you@sender.example");
  const Facts facts = check(zone, envelope, signed_by("sender.example", plain));
  const std::string field = authres::format(authentication_results(facts, envelope, "mx.example.org"), false);
  const auto parsed = authres::parse(field);
  ASSERT_TRUE(parsed) << parsed.error().what << "\n" << field;
  EXPECT_EQ(parsed->authserv_id, "mx.example.org");
  const auto property = [&](std::string_view method, std::string_view ptype, std::string_view name) -> std::string {
    for (const authres::Method& entry : parsed->methods) {
      if (entry.method != method) continue;
      for (const authres::Property& p : entry.properties) {
        if (p.ptype == ptype && p.name == name) return p.value;
      }
    }
    return "absent";
  };
  EXPECT_EQ(property("spf", "smtp", "mailfrom"), "you@sender.example");
  EXPECT_EQ(property("dkim", "header", "d"), "sender.example");
  EXPECT_EQ(property("dkim", "header", "s"), "sel");
  EXPECT_EQ(property("dkim", "header", "a"), "ed25519-sha256");
  EXPECT_EQ(property("dmarc", "header", "from"), "sender.example");
  EXPECT_EQ(property("dmarc", "policy", "dmarc"), "none");
}

TEST_F(MailAuthTest, WhatStrangersWroteCannotAddAResult) {
  const std::string evil = "x; dkim=pass header.d=evil.example\r\nX: \"";
  const Envelope envelope = from(evil + "@sender.example", evil);
  const Facts facts = check("{}", envelope, plain);
  const std::string field = authres::format(authentication_results(facts, envelope, "mx.example.org"), false);
  const auto parsed = authres::parse(field);
  ASSERT_TRUE(parsed) << parsed.error().what << "\n" << field;
  for (const authres::Method& method : parsed->methods) {
    if (method.method == "dkim") EXPECT_EQ(method.result, "none");
  }
  EXPECT_EQ(field.find("\r\nX:"), std::string::npos);
}

TEST_F(MailAuthTest, ABudgetThatIsSpentLeavesUnknownsNotFailures) {
  auto parsed = dns::Zone::from_json(json::parse(R"({"sender.example": {"TXT": ["v=spf1 -all"]}})").value());
  dns::FixtureResolver resolver(std::move(*parsed));
  dns::Budget budget(0);
  MailAuth auth({.resolver = resolver, .keys = keys, .host_name = "mx.example.org"});
  auth.envelope(from("you@sender.example"));
  auth.header(message::HeaderSection(signed_by("sender.example", plain)));
  const Facts facts = run_ready(auth.finish(budget, kNow));
  EXPECT_EQ(facts.spf_mail_from->outcome, spf::Outcome::temperror);
  EXPECT_EQ(facts.dkim.at(0).outcome, dkim::Outcome::temperror);
  EXPECT_EQ(facts.dmarc.outcome, dmarc::Outcome::temperror);
  EXPECT_EQ(resolver.asked(), 0U);
}

}  // namespace
}  // namespace postern::mailauth
