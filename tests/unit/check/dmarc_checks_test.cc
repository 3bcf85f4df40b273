// DMARC as it is published: what can pass, and proposals that weaken nothing.
#include "check/watch.h"
#include "unit/check/published_fixture.h"

namespace postern::check {
namespace {

using enum Outcome;

class DmarcChecks : public Published {
 protected:
  // `spf` is the domain's record, or several with "," between; empty: none.
  void with(const std::string& dmarc, const std::string& spf = "v=spf1 mx -all", const std::string& more = "") {
    set_up(zone(spf.empty() ? "" : R"("TXT":[")" + spf + R"("])",
                (dmarc.empty() ? std::string(R"("other.example.org":{})")
                               : R"("_dmarc.example.org":{"TXT":[")" + dmarc + R"("]})") +
                    (more.empty() ? "" : "," + more)));
    run(check_spf);
    run(check_dkim);
    run(check_dmarc);
  }
  std::string proposed(std::string_view id) { return text_proposed(id, "_dmarc.example.org"); }
};

constexpr const char* kNobodySends = R"(example.org. IN TXT "v=spf1 -all")";
constexpr const char* kRua = "; rua=mailto:a@example.org";

TEST_F(DmarcChecks, ProposalsKeepWhatStandsThere) {
  with("v=DMARC1; p=none; sp=reject; adkim=s; aspf=s; rua=mailto:a@example.org; ruf=mailto:f@example.org");
  EXPECT_EQ(outcome("dmarc.policy"), warn);
  EXPECT_EQ(proposed("dmarc.policy"),
            "v=DMARC1; p=quarantine; sp=reject; adkim=s; aspf=s; rua=mailto:a@example.org; ruf=mailto:f@example.org");
  with("v=DMARC1; p=reject; adkim=s");
  EXPECT_EQ(proposed("dmarc.rua"), "v=DMARC1; p=reject; adkim=s; rua=mailto:postmaster@example.org");
  with(std::string("v=DMARC1; p=reject; pct=50") + kRua);
  EXPECT_EQ(proposed("dmarc.tags"), std::string("v=DMARC1; p=reject") + kRua);
  with(std::string("v=DMARC1; p=reject; sp=none; fo=1") + kRua);
  EXPECT_EQ(proposed("dmarc.subdomains"), std::string("v=DMARC1; p=reject; fo=1") + kRua);
  with(std::string("v=DMARC1; p=quarantine; t=y") + kRua);
  EXPECT_EQ(proposed("dmarc.policy"), std::string("v=DMARC1; p=quarantine") + kRua);
}

TEST_F(DmarcChecks, OfSeveralRecordsTheStrictestIsProposed) {
  with(
      R"(v=DMARC1; p=none","v=DMARC1; p=reject; rua=mailto:a@example.org","v=DMARC1; p=reject; rua=mailto:b@example.org)");
  EXPECT_EQ(outcome("dmarc.record"), fail);
  EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=reject; rua=mailto:a@example.org,mailto:b@example.org");
}

TEST_F(DmarcChecks, NothingGetsWeakerInOneRecordForSeveral) {
  const auto joined = [&](const std::string& one, const std::string& two) {
    with("v=DMARC1; " + one + kRua + R"(","v=DMARC1; )" + two + kRua);
    return proposed("dmarc.record");
  };
  const std::string begin = "v=DMARC1; ", end = kRua;
  EXPECT_EQ(joined("p=reject; sp=none; t=y", "p=reject"), begin + "p=reject" + end + "; sp=reject");
  EXPECT_EQ(joined("p=reject; sp=none; t=y", "p=none; t=y"), begin + "p=reject; t=y" + end + "; sp=none");
  EXPECT_EQ(joined("p=none; np=quarantine", "p=none; sp=reject"), begin + "p=none; np=reject" + end + "; sp=reject");
  EXPECT_EQ(joined("p=reject; adkim=r", "p=reject; adkim=s"), begin + "p=reject; adkim=s" + end);
  // An address that is the beginning of another
  with(
      "v=DMARC1; p=reject; rua=mailto:a@example.org.example\",\"v=DMARC1; p=reject; rua=mailto:b@example.org, "
      "mailto:a@example.org");
  EXPECT_EQ(proposed("dmarc.record"),
            "v=DMARC1; p=reject; rua=mailto:a@example.org.example,mailto:b@example.org,mailto:a@example.org");
  // Of one record alone what is weaker goes
  with(std::string("v=DMARC1; p=quarantine; sp=none; np=reject") + kRua);
  EXPECT_EQ(proposed("dmarc.subdomains"), std::string("v=DMARC1; p=quarantine; np=reject") + kRua);
  with(std::string("v=DMARC1; p=reject; sp=none; t=y; t=y") + kRua);
  EXPECT_EQ(proposed("dmarc.subdomains"), std::string("v=DMARC1; p=reject") + kRua) << "a tag twice is none";
  with(std::string("v=DMARC1; p=none; t=y") + kRua);
  EXPECT_EQ(proposed("dmarc.policy"), std::string("v=DMARC1; p=quarantine") + kRua);
}

TEST_F(DmarcChecks, ARecordThatNobodyCanUseIsToBePutRightWhereItStands) {
  with("v=DMARC1; p=reject; sp=nothing");
  EXPECT_TRUE(finding("dmarc.record").evidence.contains("np is not valid")) << finding("dmarc.record").evidence;
  EXPECT_EQ(finding("dmarc.record").fix, "put the record right");
  EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=reject; rua=mailto:postmaster@example.org");
  with("", "v=spf1 mx -all",
       R"("_dmarc.org":{"TXT":["v=DMARC1; p=rejected; sp=quarantined; np=none; psd=n; adkim=s"]})");
  EXPECT_EQ(outcome("dmarc.record"), fail);
  EXPECT_TRUE(finding("dmarc.record").fix.contains("record of org right")) << finding("dmarc.record").fix;
  EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=quarantine; adkim=s; rua=mailto:postmaster@example.org");
}

TEST_F(DmarcChecks, WhatIsNearlyARecordKeepsItsPolicy) {
  for (const char* text : {"v=dmarc1; p=reject", " v=DMARC1; p=reject"}) {
    with(text);
    EXPECT_EQ(outcome("dmarc.record"), fail) << text;
    EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=reject; rua=mailto:postmaster@example.org") << text;
  }
  with("v=DMARC1; p=rejected; rua=mailto:a@example.org");
  EXPECT_EQ(proposed("dmarc.policy"), std::string("v=DMARC1; p=reject") + kRua);
  with("v=DMARC1; p=quarantine,");
  EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org");
  with("");
  EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=none; rua=mailto:postmaster@example.org");
}

TEST_F(DmarcChecks, ADomainWithoutMailNeedsNoReports) {
  set_up(
      R"({"example.org":{"MX":[[0,"."]],"TXT":["v=spf1  -ALL"]},"_dmarc.example.org":{"TXT":["v=DMARC1; p=reject"]}})");
  run(check_spf);
  run(check_dmarc);
  EXPECT_EQ(outcome("dmarc.rua"), info);
  EXPECT_EQ(finding("dmarc.rua").fix, "");
  EXPECT_EQ(outcome("mx.null_policy"), pass);
  set_up(
      R"({"example.org":{"MX":[[0,"."]],"TXT":["v=spf1 -all"]},"_dmarc.example.org":{"TXT":["v=DMARC1; p=quarantine; adkim=s"]}})");
  run(check_spf);
  run(check_dmarc);
  EXPECT_EQ(outcome("mx.null_policy"), warn);
  EXPECT_EQ(proposed("mx.null_policy"), "v=DMARC1; p=reject; adkim=s");
}

TEST_F(DmarcChecks, ADomainWithoutMailIsToldToSendNone) {
  const auto with_spf = [&](const std::string& texts) {
    set_up(R"({"example.org":{"MX":[[0,"."]],"TXT":[)" + texts +
           R"(]},"_dmarc.example.org":{"TXT":["v=DMARC1; p=reject"]}})");
    run(check_spf);
    run(check_dmarc);
    EXPECT_EQ(outcome("mx.null_policy"), warn);
    EXPECT_EQ(finding("mx.null_policy").record, kNobodySends);
  };
  with_spf(R"("v=spf1 mx -all","v=spf1 -all")");
  EXPECT_EQ(outcome("spf.record"), fail);
  EXPECT_EQ(finding("spf.record").record, kNobodySends);
  EXPECT_TRUE(finding("mx.null_policy").evidence.contains("several records")) << finding("mx.null_policy").evidence;
  EXPECT_FALSE(finding("dmarc.possible").fix.contains("sign"));
  with_spf(R"("v=spf1 mx ?all")");
  EXPECT_EQ(finding("spf.all").record, kNobodySends);
  with_spf(R"("v=spf1 include:gone.example.net -all")");
  EXPECT_EQ(finding("spf.include").record, kNobodySends);
  EXPECT_TRUE(finding("mx.null_policy").evidence.contains("gone.example.net")) << finding("mx.null_policy").evidence;
  with_spf("");
  EXPECT_EQ(finding("spf.record").record, kNobodySends);
  EXPECT_TRUE(finding("mx.null_policy").evidence.starts_with("no SPF record;"));
}

TEST_F(DmarcChecks, MailCanPassByASoundRecordAlone) {
  const std::string record = std::string("v=DMARC1; p=reject") + kRua;
  const auto possible = [&](const std::string& spf, const std::string& more = "") {
    with(record, spf, more);
    return outcome("dmarc.possible");
  };
  EXPECT_EQ(possible("v=spf1 mx -all"), pass);
  EXPECT_EQ(possible("v=spf1 -all"), pass);
  EXPECT_TRUE(finding("dmarc.possible").evidence.contains("sends no mail"));
  EXPECT_EQ(possible("v=spf1 ~all"), fail);
  EXPECT_EQ(possible(""), fail);
  EXPECT_EQ(possible("v=spf1 mx ip5:1.2.3.4 -all"), fail);
  EXPECT_EQ(possible("v=spf1 include:example.org mx -all"), fail);
  EXPECT_EQ(possible("v=spf1 include:gone.example.net mx -all"), fail);
  std::string terms;
  for (int i = 0; i < 12; ++i) terms += " a:mx.example.org";
  EXPECT_EQ(possible("v=spf1" + terms + " -all"), pass);
  EXPECT_EQ(possible("v=spf1 mx include:gone.example.net -all"), pass);
  EXPECT_TRUE(finding("dmarc.possible").evidence.contains("gone.example.net"));
  EXPECT_EQ(possible("v=spf1 a:a.example.net a:b.example.net a:c.example.net mx -all"), fail);
  EXPECT_TRUE(finding("dmarc.possible").evidence.contains("does not exist"));
  EXPECT_EQ(possible("v=spf1 include:x.example.net -all", R"("x.example.net":"TIMEOUT")"), not_tested);
}

TEST_F(DmarcChecks, TooManyAddressesAreNotAddressesThatTakeNoMail) {
  with("v=DMARC1; p=reject; rua=mailto:a@example.org,mailto:b@example.org,mailto:c@example.org");
  EXPECT_EQ(outcome("dmarc.rua"), warn);
  EXPECT_FALSE(finding("dmarc.rua").fix.contains("takes mail"));
  with("v=DMARC1; p=reject; rua=mailto:a@gone.example.net");
  EXPECT_TRUE(finding("dmarc.rua").fix.contains("takes mail"));
}

TEST_F(DmarcChecks, ARecordAtTheDomainItselfIsAtTheWrongPlace) {
  with("", R"(v=spf1 mx -all","v=DMARC1; p=reject)");
  EXPECT_EQ(outcome("dmarc.record"), fail);
  EXPECT_EQ(proposed("dmarc.record"), "v=DMARC1; p=reject; rua=mailto:postmaster@example.org");
  const auto& findings = context_->report.findings;
  const auto wrong = std::ranges::find_if(
      findings, [](const Finding& one) { return one.id == "dmarc.record" && one.outcome == warn; });
  ASSERT_NE(wrong, findings.end());
  EXPECT_EQ(wrong->record, R"(_dmarc.example.org. IN TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.org")");
  with(std::string("v=DMARC1; p=reject") + kRua, R"(v=spf1 mx -all","v=DMARC1; p=none)");
  EXPECT_EQ(outcome("dmarc.record"), warn);
}

TEST_F(DmarcChecks, AChangedRecordIsSeenBesideOneAtTheWrongPlace) {
  const auto report = [&](const std::string& rua, const std::string& misplaced) {
    with("v=DMARC1; p=reject; rua=mailto:" + rua, R"(v=spf1 mx -all","v=DMARC1; p=)" + misplaced);
    return context_->report;
  };
  const auto changes = compare(report("a@example.org", "none"), report("b@example.org", "none"));
  const auto rua = std::ranges::find(changes, "dmarc.record", &Change::id);
  ASSERT_NE(rua, changes.end());
  EXPECT_EQ(rua->subject, "example.org");
  EXPECT_TRUE(rua->evidence_after.contains("b@example.org"));
  EXPECT_EQ(std::ranges::count(changes, "dmarc.record", &Change::id), 1);
  const auto moved = compare(report("a@example.org", "none"), report("a@example.org", "reject"));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved.front().subject, "TXT example.org");
}

}  // namespace
}  // namespace postern::check
