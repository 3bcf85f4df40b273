// What stands beside mail in the zone, and the policies of TLS: CAA, wildcards, DKIM keys, MTA-STS and TLS-RPT.
#include "check/watch.h"
#include "unit/check/published_fixture.h"

namespace postern::check {
namespace {

using enum Outcome;

class ZoneChecks : public Published {};

TEST_F(ZoneChecks, CaaValuesFollowTheGrammar) {
  const auto caa = [&](const std::string& value, const std::string& tag = "issue") {
    more_records_.clear();
    put("example.org", dns::Type::caa, std::string(1, '\0') + static_cast<char>(tag.size()) + tag + value);
    set_up(zone(""));
    run(check_zone_habits);
    return outcome("dns.caa");
  };
  for (const char* good : {"ca.example", ";", " ca.example ; accounturi=https://ca.example/1; validationmethods=dns-01",
                           "ca.example;", "ca.example; a=", ""}) {
    EXPECT_EQ(caa(good), pass) << good;
  }
  for (const char* bad : {"%%%%%", "ca .example", "-ca.example", "ca..example", "ca.example; accounturi",
                          "ca.example; =x", "ca.example; a=b c", "ca.example;;a=b"}) {
    EXPECT_EQ(caa(bad), warn) << bad;
    EXPECT_TRUE(finding("dns.caa").fix.contains("malformed")) << bad;
  }
  EXPECT_EQ(caa("%%%%%", "issuewild"), warn);
  EXPECT_EQ(caa("mailto:a@example.org", "iodef"), warn);
}

TEST_F(ZoneChecks, AWildcardOfRevokedKeysSaysWhatIsTrue) {
  const std::string wild =
      R"("_domainkey.example.org":{},"postern-check-nobody._domainkey.example.org":{"TXT":["v=DKIM1; p="]})";
  set_up(zone("", wild));
  run(check_zone_habits);
  EXPECT_EQ(outcome("dns.wildcard"), pass);
  // It hides no key: the common selectors are asked nonetheless
  set_up(zone("", wild + R"(,"default._domainkey.example.org":{"TXT":["v=DKIM1; p=!!!"]},
                           "mail._domainkey.example.org":{"TXT":["v=DKIM1; p="]})"));
  run(check_dkim);
  EXPECT_EQ(outcome("dkim.record"), fail);
  EXPECT_EQ(std::ranges::count(context_->report.findings, std::string_view("dkim.record"), &Finding::id), 1);
  set_up(zone("", R"("postern-check-nobody._domainkey.example.org":{"TXT":["hello"]})"));
  run(check_zone_habits);
  EXPECT_EQ(outcome("dns.wildcard"), warn);
  EXPECT_FALSE(finding("dns.wildcard").fix.contains("_dmarc"));
  set_up(zone("", R"("postern-check-nobody.example.org":{"TXT":["hello"]})"));
  run(check_zone_habits);
  EXPECT_TRUE(finding("dns.wildcard").fix.contains("_dmarc"));
}

TEST_F(ZoneChecks, AWildcardOfSeveralRecordsIsKnownInAnyOrder) {
  set_up(zone("", R"("postern-check-nobody._domainkey.example.org":{"TXT":["v=DKIM1; p=","p="]},
                     "default._domainkey.example.org":{"TXT":["p=","v=DKIM1; p="]})"));
  run(check_dkim);
  EXPECT_EQ(outcome("dkim.single"), std::nullopt);
}

TEST_F(ZoneChecks, SelectorsThatWereNotAnsweredAreNotAbsent) {
  set_up(zone("", R"("default._domainkey.example.org":"TIMEOUT")"));
  run(check_dkim);
  EXPECT_EQ(outcome("dkim.record"), not_tested);
  EXPECT_TRUE(finding("dkim.record").evidence.contains("1 of 42"));
  set_up(zone(""));
  run(check_dkim);
  EXPECT_EQ(outcome("dkim.record"), info);
}

Task<HttpsResult> give(HttpsResult result) { co_return result; }

TEST_F(ZoneChecks, TheProposedIdIsANewOne) {
  Doors doors;
  doors.fetch = [](const outbound::HttpsRequest&) {
    return give(outbound::HttpsAnswer{200, "text/plain",
                                      "version: STSv1\nmode: testing\nmax_age: 604800\nmx: mx.example.org\n"});
  };
  const auto proposed = [&](const std::string& id) {
    set_up(zone("", R"("_mta-sts.example.org":{"TXT":["v=STSv1; id=)" + id +
                        R"("]},"mta-sts.example.org":{"AAAA":["2a02::80"],"A":["11.0.0.80"]})"),
           doors);
    run(check_mta_sts);
    EXPECT_EQ(outcome("mta_sts.mode"), warn);
    return finding("mta_sts.mode").record;
  };
  const mtasts::Policy testing{.mode = mtasts::Mode::testing, .max_age = 604800, .mx = {"mx.example.org"}};
  mtasts::Policy enforced = testing;
  enforced.mode = mtasts::Mode::enforce;
  EXPECT_TRUE(proposed(mtasts::policy_id(testing)).contains("id=" + mtasts::policy_id(enforced)));
  const std::string again = proposed(mtasts::policy_id(enforced));
  EXPECT_FALSE(again.contains(mtasts::policy_id(enforced))) << again;
  EXPECT_TRUE(again.contains("id=1795000000;")) << again;
}

TEST_F(ZoneChecks, AnMtaStsRecordWhereNobodyLooks) {
  set_up(zone(R"("TXT":["v=STSv1; id=1"])"));
  run(check_mta_sts);
  EXPECT_EQ(outcome("mta_sts.record"), warn);
  EXPECT_EQ(finding("mta_sts.record").subject, "TXT example.org");
  set_up(zone("", R"("_mta-sts.mx.example.org":{"TXT":["v=STSv1; id=1"]})"));
  run(check_mta_sts);
  EXPECT_EQ(finding("mta_sts.record").subject, "TXT _mta-sts.mx.example.org");
}

TEST_F(ZoneChecks, APolicyThatChangedUnderItsIdIsSeenBesideARecordWhereNobodyLooks) {
  const auto report = [&](const std::string& mode) {
    Doors doors;
    doors.fetch = [mode](const outbound::HttpsRequest&) {
      return give(outbound::HttpsAnswer{200, "text/plain",
                                        "version: STSv1\nmode: " + mode + "\nmax_age: 604800\nmx: mx.example.org\n"});
    };
    set_up(zone(R"("TXT":["v=STSv1; id=1"])",
                R"("_mta-sts.example.org":{"TXT":["v=STSv1; id=7"]},"mta-sts.example.org":{"AAAA":["2a02::80"]})"),
           doors);
    run(check_mta_sts);
    EXPECT_EQ(outcome("mta_sts.record"), warn);
    return context_->report;
  };
  const Report before = report("testing");
  Report after = report("enforce");
  judge_history(before, after);
  const auto id = std::ranges::find(after.findings, "mta_sts.id", &Finding::id);
  ASSERT_NE(id, after.findings.end());
  EXPECT_EQ(id->outcome, warn);
  EXPECT_TRUE(id->evidence.ends_with("still 7")) << id->evidence;
}

TEST_F(ZoneChecks, OfSeveralRecordsForTlsReportsOneIsKept) {
  set_up(zone(
      "", R"("_smtp._tls.example.org":{"TXT":["v=TLSRPTv1; rua=ftp://x","v=TLSRPTv1; rua=mailto:a@example.org"]})"));
  run(check_tls_rpt);
  EXPECT_EQ(outcome("tls_rpt.record"), fail);
  EXPECT_TRUE(finding("tls_rpt.record").fix.contains("keep one"));
  EXPECT_EQ(finding("tls_rpt.record").record,
            R"(_smtp._tls.example.org. IN TXT "v=TLSRPTv1; rua=mailto:a@example.org")");
}

}  // namespace
}  // namespace postern::check
