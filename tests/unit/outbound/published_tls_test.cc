#include "outbound/published_tls.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "support.h"

namespace postern::outbound {
namespace {

using io::TlsExpect;
using test::kDay;
using test::kStart;
using test::name;
using test::run;
using Kind = TlsPlan::Kind;

std::string hex(std::size_t octets) {
  std::string out;
  for (std::size_t i = 0; i < octets; ++i) out += "ab";
  return out;
}
const std::string kHost = R"("mx.a.org": {"secure": true, "A": ["192.0.2.1"]})";
const std::string kTlsa = R"("_25._tcp.mx.a.org": {"secure": true, "TLSA": ["2 1 1 )" + hex(32) + "\"]}";
const std::string kUnusable = R"("_25._tcp.mx.a.org": {"secure": true, "TLSA": ["1 1 1 )" + hex(32) + "\"]}";
const std::string kSts = R"("_mta-sts.a.org": {"TXT": ["v=STSv1; id=1"]}, "mta-sts.a.org": {"A": ["192.0.2.9"]})";

struct Way {
  std::string host = "mx.a.org";
  bool mx_secure = true;
  bool addresses_secure = true;
  bool require_tls = false;
  bool tls_optional = false;
  bool by_operator = false;
  std::uint16_t port = 25;
};

class Published : public ::testing::Test {
 protected:
  void open(TlsOptions options = {}) {
    auto made = PublishedTls::make(loop, pool, dns, options,
                                   {.data_dir = folder.path(),
                                    .count_for_reports = true,
                                    .fetch =
                                        [this](const HttpsRequest& request) {
                                          while (held && !*request.stop) std::this_thread::yield();
                                          return HttpsAnswer{
                                              200, "text/plain",
                                              "version: STSv1\nmode: " + mode + "\nmx: mx.a.org\nmax_age: 604800\n"};
                                        },
                                    .now = [this] { return now; }});
    ASSERT_TRUE(made.has_value()) << made.error().what;
    policy = std::move(*made);
    policy->load();
  }
  TlsPlan plan(const std::string& zone, Way way = {}) {
    dns.set("{" + zone + "}");
    if (!policy) open();
    return run(loop, ask(way));
  }
  Task<TlsPlan> ask(Way way) {
    dns::Budget budget(dns::Budget::kLookups, patience);
    domain = co_await policy->destination({.domain = name("a.org"),
                                           .canonical = {},
                                           .port = way.port,
                                           .by_operator = way.by_operator,
                                           .mx_secure = way.mx_secure,
                                           .require_tls = way.require_tls,
                                           .tls_optional = way.tls_optional},
                                          budget);
    co_return co_await policy->plan(domain, name(way.host), way.addresses_secure, budget);
  }
  TlsAttempt attempt(bool offered, bool established, std::string failure = {}) const {
    return {.host = name("mx.a.org"),
            .endpoint = {*ip::Address::parse("192.0.2.1"), 25},
            .local = ip::Address::parse("192.0.2.200"),
            .offered = offered,
            .established = established,
            .failure = std::move(failure),
            .why = {},
            .facts = &facts};
  }
  // "type: successes failures result-type" of the day
  std::string counted() {
    std::string out;
    for (const auto& due : policy->reports().due(now + kDay)) {
      for (const auto& one : policy->reports().report(due).policies) {
        out += one.type + ": " + std::to_string(one.successes) + " " + std::to_string(one.failures);
        for (const auto& detail : one.details) out += " " + detail.type;
        out += "; ";
      }
    }
    return out;
  }
  void close() {
    run(loop, policy->stop());
    policy.reset();
  }
  void TearDown() override {
    if (policy) close();
  }

  testing::TemporaryFolder folder;
  io::Loop loop;
  io::BlockingPool pool{1};
  test::ChangingResolver dns;
  WallMs now = kStart;
  std::string mode = "enforce";
  Deadline patience = Deadline::never();
  std::atomic<bool> held = false;  // the policy host does not answer
  std::unique_ptr<PublishedTls> policy;
  std::shared_ptr<DomainTls> domain;
  io::TlsFacts facts;
};

TEST_F(Published, NothingPublishedIsOpportunistic) {
  const TlsPlan out = plan(kHost);
  EXPECT_EQ(out.kind, Kind::opportunistic);
  EXPECT_FALSE(out.tls_needed);
  EXPECT_FALSE(out.refusal.has_value());
  EXPECT_EQ(out.expect.proof, TlsExpect::Proof::none);
  EXPECT_EQ(out.expect.name, "mx.a.org");
  EXPECT_NE(out.context, nullptr);
}

TEST_F(Published, DaneStandsOverStsAndBothOverNothing) {
  TlsPlan out = plan(kHost + "," + kTlsa + "," + kSts);
  EXPECT_EQ(out.kind, Kind::dane);
  EXPECT_TRUE(out.tls_needed);
  EXPECT_EQ(out.expect.proof, TlsExpect::Proof::dane);
  EXPECT_EQ(out.expect.tlsa.size(), 1U);
  EXPECT_EQ(out.expect.names, std::vector<std::string>{"a.org"});
  out = plan(kHost + "," + kSts);
  EXPECT_EQ(out.kind, Kind::sts_enforce);
  EXPECT_TRUE(out.tls_needed);
  EXPECT_EQ(out.expect.proof, TlsExpect::Proof::pkix);
  EXPECT_EQ(out.expect.name, "mx.a.org");
}

TEST_F(Published, DaneNeedsValidatedMxRecordsAndAddresses) {
  EXPECT_EQ(plan(kHost + "," + kTlsa, {.mx_secure = false}).kind, Kind::opportunistic);
  EXPECT_EQ(plan(kHost + "," + kTlsa, {.addresses_secure = false}).kind, Kind::opportunistic);
  const TlsPlan smarthost =
      plan(kHost + "," + R"("_587._tcp.mx.a.org": {"secure": true, "TLSA": ["3 1 1 )" + hex(32) + "\"]}",
           {.mx_secure = false, .by_operator = true, .port = 587});
  EXPECT_EQ(smarthost.kind, Kind::dane);
  EXPECT_TRUE(smarthost.expect.names.empty());
}

TEST_F(Published, DaneThatCannotBeLookedUpRefusesTheHostAndStsDoesNotHelp) {
  const TlsPlan out = plan(kHost + R"(, "_25._tcp.mx.a.org": "BOGUS", )" + kSts);
  ASSERT_TRUE(out.refusal.has_value());
  EXPECT_TRUE(out.refusal->temporary());
  EXPECT_EQ(counted(), "");
  policy->tried(*domain, out, {.host = name("mx.a.org"), .endpoint = {}});
  EXPECT_EQ(counted(), "tlsa: 0 1 dnssec-invalid; ");
  const auto report = policy->reports().report({kStart / kDay, "a.org"});
  EXPECT_EQ(report.policies[0].details.at(0).receiving_host, "mx.a.org");
  EXPECT_EQ(report.policies[0].details.at(0).receiving_ip, "");
}

TEST_F(Published, UnusableRecordsNeedEncryptionWithoutProof) {
  const TlsPlan out = plan(kHost + "," + kUnusable);
  EXPECT_EQ(out.kind, Kind::dane);
  EXPECT_TRUE(out.tls_needed);
  EXPECT_EQ(out.expect.proof, TlsExpect::Proof::none);
  EXPECT_EQ(counted(), "") << "no session yet";
  policy->tried(*domain, out, attempt(true, true));
  EXPECT_EQ(counted(), "tlsa: 0 1 tlsa-invalid; ");
}

TEST_F(Published, DaneAndStsCanBeSwitchedOff) {
  open({.dane = false, .mta_sts = false, .ca_file = {}});
  EXPECT_EQ(plan(kHost + "," + kTlsa + "," + kSts).kind, Kind::opportunistic);
}

// What others got wrong: testing enforced, enforce ignored
TEST_F(Published, StsTestingNeverFailsMail) {
  mode = "testing";
  for (const char* host : {"mx.a.org", "other.a.org"}) {
    const TlsPlan out = plan(kHost + "," + kSts, {.host = host});
    EXPECT_EQ(out.kind, Kind::sts_testing);
    EXPECT_FALSE(out.tls_needed);
    EXPECT_FALSE(out.refusal.has_value());
    EXPECT_EQ(out.expect.proof, TlsExpect::Proof::none);
  }
}

TEST_F(Published, AHostThatThePolicyDoesNotNameCountsOnceASession) {
  mode = "testing";
  facts.verified = true;
  const TlsPlan out = plan(kHost + "," + kSts, {.host = "other.a.org"});
  EXPECT_EQ(counted(), "") << "it may never be connected to";
  policy->tried(*domain, out, attempt(true, true));
  EXPECT_EQ(counted(), "sts: 0 1 validation-failure; ") << "and is no success beside it";
  EXPECT_EQ(policy->reports().report({kStart / kDay, "a.org"}).policies[0].details.at(0).reason,
            "the MX host is not in the policy");
  const TlsPlan named = plan(kHost + "," + kSts);
  policy->tried(*domain, named, attempt(true, true));
  EXPECT_EQ(counted(), "sts: 1 1 validation-failure; ");
}

TEST_F(Published, StsEnforceRefusesHostsThatItDoesNotName) {
  const TlsPlan out = plan(kHost + "," + kSts, {.host = "other.a.org"});
  ASSERT_TRUE(out.refusal.has_value());
  EXPECT_TRUE(out.refusal->temporary());  // RFC 8461 5
  EXPECT_TRUE(out.tls_needed);
  EXPECT_EQ(counted(), "");
  policy->tried(*domain, out, {.host = name("other.a.org"), .endpoint = {}});
  EXPECT_EQ(counted(), "sts: 0 1 validation-failure; ");
}

TEST_F(Published, StsModeNoneIsNoPolicy) {
  mode = "none";
  EXPECT_EQ(plan(kHost + "," + kSts).kind, Kind::opportunistic);
}

TEST_F(Published, StsIsNotForNextHopsOfTheOperator) {
  EXPECT_EQ(plan(kHost + "," + kSts, {.by_operator = true}).kind, Kind::opportunistic);
}

TEST_F(Published, TlsRequiredNoTurnsEveryDemandOff) {
  const TlsPlan out = plan(kHost + R"(, "_25._tcp.mx.a.org": "BOGUS", )" + kSts, {.tls_optional = true});
  EXPECT_EQ(out.kind, Kind::opportunistic);
  EXPECT_FALSE(out.tls_needed);
  EXPECT_FALSE(out.refusal.has_value());
}

TEST_F(Published, RequireTls) {
  // by DANE, by STS, by DNSSEC and a valid certificate
  EXPECT_EQ(plan(kHost + "," + kTlsa, {.require_tls = true}).kind, Kind::dane);
  EXPECT_EQ(plan(kHost + "," + kSts, {.mx_secure = false, .require_tls = true}).kind, Kind::sts_enforce);
  policy->forget(name("a.org"));
  TlsPlan out = plan(kHost + "," + kUnusable, {.require_tls = true});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(out.expect.proof, TlsExpect::Proof::pkix);
    EXPECT_TRUE(out.tls_needed);
    EXPECT_FALSE(out.refusal.has_value());
    close();
    out = plan(kHost, {.require_tls = true});
    EXPECT_EQ(out.kind, Kind::required);
  }
  // RFC 8689 4.2.1: an MX host that nothing vouches for
  close();
  out = plan(kHost, {.mx_secure = false, .require_tls = true});
  ASSERT_TRUE(out.refusal.has_value());
  EXPECT_EQ(out.refusal->code, 550);
  EXPECT_EQ(out.refusal->enhanced.text(), "5.7.10");
}

TEST_F(Published, MailWaitsForAPolicyThatIsStillBeingFetched) {
  held = true;
  patience = Deadline::after(milliseconds(0));
  TlsPlan out = plan(kHost + "," + kSts);
  ASSERT_TRUE(out.refusal.has_value());
  EXPECT_EQ(out.refusal->line(), "451 4.7.5 the MTA-STS policy of a.org is still being fetched");
  EXPECT_EQ(plan(kHost + "," + kTlsa + "," + kSts).kind, Kind::dane);  // which needs none
  EXPECT_EQ(counted(), "");
  held = false;
  patience = Deadline::never();
  out = plan(kHost + "," + kSts);
  EXPECT_EQ(out.kind, Kind::sts_enforce);
}

TEST_F(Published, RequireTlsWaitsWhileItIsNotKnownWhetherThereIsAPolicy) {
  const TlsPlan out = plan(kHost + R"(, "_mta-sts.a.org": "SERVFAIL")", {.mx_secure = false, .require_tls = true});
  ASSERT_TRUE(out.refusal.has_value());
  EXPECT_EQ(out.refusal->line().substr(0, 9), "451 4.7.5");
  EXPECT_EQ(counted(), "");
  // Without that demand nothing is held up
  EXPECT_FALSE(plan(kHost + R"(, "_mta-sts.a.org": "SERVFAIL")", {.mx_secure = false}).refusal.has_value());
}

TEST_F(Published, RequireTlsTakesAPolicyInTestingForTheNameButDemandsTheCertificate) {
  mode = "testing";
  const TlsPlan out = plan(kHost + "," + kSts, {.mx_secure = false, .require_tls = true});
  EXPECT_EQ(out.kind, Kind::required);
  EXPECT_FALSE(out.refusal.has_value());
  EXPECT_EQ(out.expect.proof, TlsExpect::Proof::pkix);
}

TEST_F(Published, ABrokenHandshakeIsRememberedOnlyWhereMailMayGoInClear) {
  const ip::Address address = *ip::Address::parse("192.0.2.1");
  TlsPlan out = plan(kHost + "," + kTlsa);
  policy->tried(*domain, out, attempt(true, false, "eof"));
  EXPECT_FALSE(policy->starttls_breaks(name("mx.a.org"), address));
  out = plan(kHost);
  policy->tried(*domain, out, attempt(true, false, "cancelled"));
  policy->tried(*domain, out, attempt(false, false));
  EXPECT_FALSE(policy->starttls_breaks(name("mx.a.org"), address));
  policy->tried(*domain, out, attempt(true, false, "eof"));
  EXPECT_EQ(policy->starttls_breaks(name("mx.a.org"), address), "eof");
  now += kDay;
  EXPECT_FALSE(policy->starttls_breaks(name("mx.a.org"), address));
  now -= kDay / 2;
  policy->tried(*domain, out, attempt(true, true));
  EXPECT_FALSE(policy->starttls_breaks(name("mx.a.org"), address));
}

TEST_F(Published, ADomainWhoseTlsVerifiedIsNotDowngradedSilently) {
  facts.verified = true;
  facts.proof = "pkix";
  TlsPlan out = plan(kHost);
  policy->tried(*domain, out, attempt(true, true));
  EXPECT_EQ(plan(kHost).kind, Kind::opportunistic);
  now += kDay;
  policy->tried(*domain, out, attempt(true, true));
  out = plan(kHost);
  EXPECT_EQ(out.kind, Kind::remembered);
  EXPECT_TRUE(out.tls_needed);
  EXPECT_EQ(out.expect.proof, TlsExpect::Proof::none);
  const smtp::Reply reply = unmet_reply(out, attempt(false, false));
  EXPECT_TRUE(reply.temporary());
  EXPECT_NE(reply.text.find("does not offer STARTTLS"), std::string::npos) << reply.text;
  EXPECT_NE(reply.text.find("postern tls forget a.org"), std::string::npos) << reply.text;
  EXPECT_EQ(plan(kHost, {.tls_optional = true}).kind, Kind::opportunistic);
  close();
  EXPECT_EQ(plan(kHost).kind, Kind::remembered);  // kept on disk
  EXPECT_EQ(policy->forget(name("a.org")), 1U);
  EXPECT_EQ(plan(kHost).kind, Kind::opportunistic);
}

TEST_F(Published, TheRatchetEndsByItselfAndCanBeOff) {
  facts.verified = true;
  facts.proof = "pkix";
  TlsPlan out = plan(kHost);
  policy->tried(*domain, out, attempt(true, true));
  now += kDay;
  policy->tried(*domain, out, attempt(true, true));
  now += 14 * kDay;
  EXPECT_EQ(plan(kHost).kind, Kind::opportunistic);
  close();
  open({.remember_verified_ms = 0, .ca_file = {}});
  out = plan(kHost);
  policy->tried(*domain, out, attempt(true, true));
  now += kDay;
  policy->tried(*domain, out, attempt(true, true));
  EXPECT_EQ(plan(kHost).kind, Kind::opportunistic);
}

TEST_F(Published, WhatWasTriedIsCountedUnderThePolicyThatApplied) {
  facts.verified = true;
  TlsPlan out = plan(kHost);
  policy->tried(*domain, out, attempt(true, true));
  policy->tried(*domain, out, attempt(false, false));
  out = plan(kHost + "," + kTlsa);
  policy->tried(*domain, out, attempt(true, true));
  policy->tried(*domain, out, attempt(true, false, "certificate-expired"));
  policy->tried(*domain, out, attempt(true, false, "timeout"));  // RFC 8460 4.3.4
  out = plan(kHost + "," + kSts);
  policy->tried(*domain, out, attempt(true, false, "alert_handshake_failure"));
  EXPECT_EQ(
      counted(),
      "no-policy-found: 1 1 starttls-not-supported; tlsa: 1 1 certificate-expired; sts: 0 1 validation-failure; ");
  const auto report = policy->reports().report({kStart / kDay, "a.org"});
  EXPECT_EQ(report.policies[1].strings.at(0), "2 1 1 " + hex(32));
  EXPECT_EQ(report.policies[1].details.at(0).receiving_host, "mx.a.org");
  EXPECT_EQ(report.policies[1].details.at(0).sending_ip, "192.0.2.200");
  EXPECT_EQ(report.policies[2].mx.at(0), "mx.a.org");
  EXPECT_EQ(report.policies[2].strings.at(1), "mode: enforce");
}

// Reports are for exactly this: the day on which mail goes in clear
TEST_F(Published, ASessionInClearForWhatIsRememberedCountsAsAFailure) {
  mode = "testing";
  for (const std::string& zone : {kHost + "," + kSts, kHost}) {
    if (policy) close();
    std::filesystem::remove(folder.at("mta-sts.jsonl"));
    std::filesystem::remove(folder.at("tls-reports.jsonl"));
    const TlsPlan out = plan(zone);
    TlsAttempt avoided = attempt(true, false, "reset");
    avoided.avoided = true;
    avoided.why = "STARTTLS broke here lately (reset), and was not asked for";
    policy->tried(*domain, out, avoided);
    EXPECT_EQ(counted(), out.kind == Kind::sts_testing ? "sts: 0 1 validation-failure; "
                                                       : "no-policy-found: 0 1 validation-failure; ");
    EXPECT_FALSE(policy->starttls_breaks(name("mx.a.org"), *ip::Address::parse("192.0.2.1"))) << "nothing new";
  }
}

TEST_F(Published, UnderTestingACertificateThatDoesNotVerifyIsAFailureThoughMailFlows) {
  mode = "testing";
  facts.verified = false;
  facts.verify_error = "certificate has expired";
  const TlsPlan out = plan(kHost + "," + kSts);
  policy->tried(*domain, out, attempt(true, true));
  EXPECT_EQ(counted(), "sts: 0 1 validation-failure; ");
}

TEST_F(Published, ListTellsWhatIsKnown) {
  (void)plan(kHost + "," + kSts);
  const TlsPlan out = plan(kHost);
  policy->tried(*domain, out, attempt(true, false, "eof"));
  // The policy is still in force, so it was not asked for in clear: broken is of another domain's plan
  const json::Value list = policy->list();
  ASSERT_EQ(list.at("policies").array().size(), 1U);
  EXPECT_EQ(list.at("policies").array()[0].at("domain").string(), "a.org");
  EXPECT_EQ(list.at("policies").array()[0].at("mode").string(), "enforce");
  EXPECT_TRUE(list.at("broken").array().empty());
  EXPECT_TRUE(list.at("verified").array().empty());
}

TEST_F(Published, ACaFileThatIsNoneIsAnError) {
  const auto made = PublishedTls::make(loop, pool, dns, {.ca_file = folder.at("absent")}, {.data_dir = folder.path()});
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().what.find("absent"), std::string::npos);
}

}  // namespace
}  // namespace postern::outbound
