// DMARC results (RFC 9989 4.10.1, 4.10.2, 5.3): which policy applies, alignment, and what DNS failures do.
#include "dmarc/evaluate.h"

#include <gtest/gtest.h>

#include "unit/dmarc/zone.h"

namespace postern::dmarc::test {
namespace {

using Names = std::vector<std::string>;
constexpr std::string_view kReject = "v=DMARC1; p=reject";

// "spf", "dkim", "both" or "-": what is aligned.
std::string aligned(const Evaluation& evaluation) {
  if (evaluation.spf_aligned) return evaluation.dkim_aligned ? "both" : "spf";
  return evaluation.dkim_aligned ? "dkim" : "-";
}

// The examples of appendix B.1 and B.4.
TEST(DmarcEvaluateTest, ExamplesOfTheRfc) {
  TestZone b1{{"example.com", kReject}};
  EXPECT_EQ(aligned(run(b1, "example.com", passed("example.com"))), "spf");
  EXPECT_EQ(aligned(run(b1, "example.com", passed("child.example.com"))), "spf");
  EXPECT_EQ(aligned(run(b1, "child.example.com", passed("example.net"))), "-");
  EXPECT_EQ(aligned(run(b1, "example.com", {}, {passed("example.com")})), "dkim");
  EXPECT_EQ(aligned(run(b1, "child.example.com", {}, {passed("example.com")})), "dkim");
  EXPECT_EQ(aligned(run(b1, "child.example.com", {}, {passed("example.net")})), "-");
  EXPECT_EQ(aligned(run(b1, "news.example.com", passed("foo.example.com"))), "spf");  // 4.4, table 1

  TestZone b4{{"example.com", kReject}, {"signing.example.com", kReject}};
  const Evaluation simple = run(b4, "example.com", passed("example.com"), {passed("signing.example.com")});
  EXPECT_EQ(aligned(simple), "both");
  EXPECT_EQ(simple.walk, (Names{"_dmarc.example.com", "_dmarc.com", "_dmarc.signing.example.com"}));
  const std::string deep = "a.b.c.d.e.f.g.h.i.j.k.example.com";
  const Evaluation walked = run(b4, deep, passed("example.com"), {passed("signing.example.com")});
  EXPECT_EQ(brief(walked), "pass reject p example.com");
  EXPECT_EQ(aligned(walked), "both");
  EXPECT_EQ(walked.organizational_domain, "example.com");
  EXPECT_EQ(walked.walk, (Names{"_dmarc." + deep, "_dmarc.g.h.i.j.k.example.com", "_dmarc.h.i.j.k.example.com",
                                "_dmarc.i.j.k.example.com", "_dmarc.j.k.example.com", "_dmarc.k.example.com",
                                "_dmarc.example.com", "_dmarc.com", "_dmarc.signing.example.com"}));

  TestZone bank{{"bank.example", "v=DMARC1; p=none; psd=y"}, {"giant.bank.example", kReject}};
  const Evaluation psd =
      run(bank, "giant.bank.example", passed("mail.giant.bank.example"), {passed("mail.mega.bank.example")});
  EXPECT_EQ(brief(psd), "pass reject p giant.bank.example");
  EXPECT_EQ(aligned(psd), "spf");
  EXPECT_EQ(psd.walk, (Names{"_dmarc.giant.bank.example", "_dmarc.bank.example", "_dmarc.mail.giant.bank.example"}));

  TestZone b3{{"example.com", "v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com"}};
  EXPECT_EQ(aligned(run(b3, "example.com", passed("mail.example.com"), {passed("example.com")})), "both");

  // 11.8: evil.example.com is aligned with example.com as published, and is not with psd=n in between
  TestZone evil{{"example.com", kReject}, {"mail.example.com", kReject}};
  EXPECT_EQ(aligned(run(evil, "evil.example.com", passed("mail.example.com"))), "spf");
  evil.dmarc("mail.example.com", {"v=DMARC1; p=reject; psd=n"});
  EXPECT_EQ(aligned(run(evil, "evil.example.com", passed("mail.example.com"))), "-");
}

TEST(DmarcEvaluateTest, WhichPolicyApplies) {
  const std::string_view all = "v=DMARC1; p=none; sp=quarantine; np=reject";
  TestZone zone{{"example.com", all}};
  zone.exists("sub.example.com");
  EXPECT_EQ(brief(run(zone, "example.com")), "fail none p example.com");
  EXPECT_EQ(brief(run(zone, "sub.example.com")), "fail quarantine sp example.com");
  EXPECT_EQ(brief(run(zone, "absent.example.com")), "fail reject np example.com");
  EXPECT_EQ(brief(run(zone, "x.sub.example.com")), "fail reject np example.com");
  EXPECT_EQ(run(zone, "absent.example.com").walk.back(), "absent.example.com");
  EXPECT_EQ(brief(run(zone, "absent.example.com", passed("example.com"))), "pass reject np example.com");

  zone.dmarc("example.com", {"v=DMARC1; p=reject; np=none"});
  EXPECT_EQ(brief(run(zone, "sub.example.com")), "fail reject p example.com");
  EXPECT_EQ(brief(run(zone, "absent.example.com")), "fail none np example.com");
  zone.dmarc("example.com", {"v=DMARC1; p=reject; sp=none"});
  EXPECT_EQ(brief(run(zone, "absent.example.com")), "fail none sp example.com") << "4.7, np: sp where there is no np";
  EXPECT_EQ(run(zone, "absent.example.com").walk.size(), 3U) << "nobody asks whether it exists";
  // a record of its own: p, whatever sp and np say, even where the name exists only below
  zone.dmarc("sub.example.com", {"v=DMARC1; p=none; sp=reject; np=reject"});
  EXPECT_EQ(brief(run(zone, "sub.example.com")), "fail none p sub.example.com");
  // 4.7, sp: records between the author domain and the organizational one are not used
  EXPECT_EQ(brief(run(zone, "y.sub.example.com")), "fail none sp example.com");
}

TEST(DmarcEvaluateTest, ExistenceIsNxdomainOfTheNameItself) {
  TestZone zone{{"example.com", "v=DMARC1; p=none; sp=quarantine; np=reject"}};
  // NODATA and records of other types both exist; what is below "_dmarc" proves what is above
  zone.exists("nodata.example.com").exists("_dmarc.below.example.com").txt("_dmarc.other.example.com", {"x"});
  for (const std::string_view name : {"nodata", "below", "other"}) {
    EXPECT_EQ(brief(run(zone, std::string(name) + ".example.com")), "fail quarantine sp example.com") << name;
  }
  EXPECT_EQ(run(zone, "below.example.com").walk.size(), 3U);
  // an alias exists though its target does not
  zone.cname("alias.example.com", "nowhere.example.net");
  EXPECT_EQ(brief(run(zone, "alias.example.com")), "fail quarantine sp example.com");
  // unknown is neither: no policy can be applied, but a pass is a pass
  zone.fails("sick.example.com", dns::Status::servfail);
  EXPECT_EQ(brief(run(zone, "sick.example.com")), "temperror quarantine sp example.com");
  EXPECT_EQ(run(zone, "sick.example.com").problem, "sick.example.com: SERVFAIL");
  EXPECT_EQ(brief(run(zone, "sick.example.com", passed("example.com"))), "pass quarantine sp example.com");
  zone.dmarc("example.com", {"v=DMARC1; p=reject; np=reject"});
  EXPECT_EQ(brief(run(zone, "sick.example.com")), "fail reject p example.com") << "the same either way";
}

TEST(DmarcEvaluateTest, PublicSuffixes) {
  TestZone zone{{"example", "v=DMARC1; p=reject; sp=quarantine; np=none; psd=y"}, {"shop.example", kReject}};
  zone.exists("other.example").exists("mail.other.example");
  EXPECT_EQ(brief(run(zone, "shop.example")), "fail reject p shop.example");
  EXPECT_EQ(brief(run(zone, "mail.shop.example")), "fail reject p shop.example");
  EXPECT_EQ(brief(run(zone, "other.example")), "fail quarantine sp example");
  EXPECT_EQ(brief(run(zone, "mail.other.example")), "fail quarantine sp example");
  EXPECT_EQ(brief(run(zone, "absent.example")), "fail none np example");
  EXPECT_EQ(brief(run(zone, "example")), "fail reject p example");
  EXPECT_EQ(run(zone, "other.example").organizational_domain, "other.example");
  // siblings under a public suffix are strangers, and so is the suffix itself
  EXPECT_EQ(aligned(run(zone, "other.example", passed("shop.example"), {passed("example")})), "-");
  EXPECT_EQ(aligned(run(zone, "other.example", passed("mail.other.example"))), "spf");
  EXPECT_EQ(aligned(run(zone, "mail.other.example", passed("other.example"))), "spf");
  EXPECT_EQ(aligned(run(zone, "example", passed("shop.example"))), "-");
  // the record between the suffix's child and the author is not used: 4.10.1 names three places
  TestZone between{{"example", "v=DMARC1; p=none; sp=quarantine; psd=y"}, {"b.shop.example", kReject}};
  EXPECT_EQ(brief(run(between, "a.b.shop.example")), "fail quarantine sp example");
  // the organizational domain has a record: the suffix's is not used, not even when that one is unusable
  TestZone unusable{{"example", "v=DMARC1; p=reject; psd=y"}, {"shop.example", "v=DMARC1; p=x"}};
  EXPECT_EQ(brief(run(unusable, "mail.shop.example")), "none");
}

TEST(DmarcEvaluateTest, StrictAndRelaxed) {
  TestZone zone{{"example.com", "v=DMARC1; p=reject; adkim=s; aspf=s"}};
  EXPECT_EQ(aligned(run(zone, "example.com", passed("EXAMPLE.com."), {passed("Example.Com")})), "both");
  const Evaluation strict = run(zone, "example.com", passed("sub.example.com"), {passed("sub.example.com")});
  EXPECT_EQ(aligned(strict), "-");
  EXPECT_EQ(strict.walk, Names{"_dmarc.example.com"}) << "4.10.2: a comparison is all that is required";
  zone.dmarc("example.com", {"v=DMARC1; p=reject; adkim=s"});
  EXPECT_EQ(aligned(run(zone, "example.com", passed("sub.example.com"), {passed("sub.example.com")})), "spf");
  zone.dmarc("example.com", {"v=DMARC1; p=reject; aspf=s"});
  EXPECT_EQ(aligned(run(zone, "example.com", passed("sub.example.com"), {passed("sub.example.com")})), "dkim");
  // a subdomain that inherits a strict record is compared with itself, not with the organizational domain
  EXPECT_EQ(aligned(run(zone, "sub.example.com", passed("example.com"))), "-");
  EXPECT_EQ(aligned(run(zone, "sub.example.com", passed("sub.example.com"))), "spf");
  // names that only look related
  TestZone plain{{"example.com", kReject}};
  for (const std::string_view other :
       {"notexample.com", "example.com.evil.net", "com", "xample.com", "", "..", "[192.0.2.1]"}) {
    EXPECT_EQ(aligned(run(plain, "example.com", passed(other), {passed(other)})), "-") << other;
  }
}

TEST(DmarcEvaluateTest, WalksThatAreNotNeeded) {
  TestZone zone{{"example.com", kReject}};
  EXPECT_EQ(run(zone, "example.com", passed("example.com")).walk.size(), 1U) << "equal";
  EXPECT_EQ(run(zone, "example.com").walk.size(), 1U) << "nothing passed";
  EXPECT_EQ(run(zone, "example.com", {.domain = "sub.example.com"}).walk.size(), 1U) << "nothing passed";
  EXPECT_EQ(run(zone, "example.com", passed("a.b.c.example.net")).walk.size(), 1U) << "no label in common";
  EXPECT_EQ(run(zone, "example.com", passed("a.b.c.other.com")).walk.size(), 2U) << "outside of the organization";
  EXPECT_EQ(run({}, "a.example.com", passed("b.example.com")).walk.size(), 3U) << "no record: 4.10.2";
  // the first aligned signature is enough, and equal ones come first
  const Evaluation out =
      run(zone, "example.com", {}, {passed("a.example.com"), passed("b.example.com"), passed("example.com")});
  EXPECT_EQ(out.dkim_domain, "example.com");
  EXPECT_EQ(out.walk.size(), 1U);
  EXPECT_EQ(
      run(zone, "example.com", {}, {passed("x.net"), passed("a.example.com"), passed("b.example.com")}).dkim_domain,
      "a.example.com");
  // psd=n at the author domain says it all
  zone.dmarc("example.com", {"v=DMARC1; p=reject; psd=n"});
  EXPECT_EQ(run(zone, "example.com", passed("a.example.com")).walk,
            (Names{"_dmarc.example.com", "_dmarc.a.example.com"}));
}

TEST(DmarcEvaluateTest, RecordsThatCannotBeUsed) {
  TestZone zone{{"example.com", kReject}, {"sub.example.com", "v=DMARC1; p=foo"}};
  const Evaluation out = run(zone, "sub.example.com", passed("sub.example.com"));
  EXPECT_EQ(brief(out), "none") << "4.10.1: no DMARC processing, and no look further up";
  EXPECT_EQ(out.problem,
            "the DMARC record of sub.example.com cannot be used: one of p, sp and np is not valid, and there is no "
            "valid rua");
  EXPECT_EQ(out.record_text, "v=DMARC1; p=foo");
  EXPECT_EQ(out.policy_domain, "");
  zone.dmarc("sub.example.com", {"v=DMARC1; p=foo; rua=mailto:a@example.com"});
  EXPECT_EQ(brief(run(zone, "sub.example.com")), "fail none p sub.example.com");
  zone.dmarc("sub.example.com", {"V=dmarc1; p=none"});
  EXPECT_EQ(brief(run(zone, "sub.example.com")), "fail reject p example.com") << "no DMARC record at all";
}

TEST(DmarcEvaluateTest, TestingIsOneStepMilder) {
  const auto effective = [](std::string_view tags) {
    return to_string(effective_policy(run(TestZone{{"example.com", "v=DMARC1; " + std::string(tags)}}, "example.com")));
  };
  EXPECT_EQ(effective("p=reject; t=y"), "quarantine");
  EXPECT_EQ(effective("p=quarantine; t=y"), "none");
  EXPECT_EQ(effective("p=none; t=y"), "none");
  EXPECT_EQ(effective("p=reject; t=n"), "reject");
  EXPECT_EQ(effective("p=reject"), "reject");
  const Evaluation out = run(TestZone{{"example.com", "v=DMARC1; p=reject; t=y"}}, "example.com");
  EXPECT_TRUE(out.testing);
  EXPECT_EQ(brief(out), "fail reject p example.com");
}

TEST(DmarcEvaluateTest, DnsFailuresOnTheWay) {
  for (const dns::Status status : {dns::Status::servfail, dns::Status::timeout, dns::Status::refused,
                                   dns::Status::bogus, dns::Status::unavailable}) {
    TestZone zone{{"example.com", kReject}};
    zone.fails("_dmarc.sick.example.com", status);
    // the policy record itself: nothing can be said
    const Evaluation own = run(zone, "sick.example.com", passed("sick.example.com"));
    EXPECT_EQ(brief(own), "temperror");
    EXPECT_EQ(own.problem, "_dmarc.sick.example.com: " + std::string(dns::to_string(status)));
    EXPECT_EQ(own.walk.size(), 1U);
    EXPECT_EQ(brief(run(zone, "a.sick.example.com", passed("a.sick.example.com"))), "temperror");
    // an identifier that may be aligned
    EXPECT_EQ(brief(run(zone, "example.com", passed("sick.example.com"))), "temperror reject p example.com");
    EXPECT_EQ(brief(run(zone, "example.com", passed("sick.example.com"), {passed("example.com")})),
              "pass reject p example.com");
    EXPECT_EQ(run(zone, "example.com", passed("sick.example.com"), {passed("example.com")}).problem, "");
    // the author's own walk above its record
    zone.fails("_dmarc.com", status);
    EXPECT_EQ(brief(run(zone, "example.com", passed("a.example.com"))), "temperror reject p example.com");
    EXPECT_EQ(brief(run(zone, "example.com", passed("example.com"))), "pass reject p example.com");
    EXPECT_EQ(brief(run(zone, "example.com", passed("example.net"))), "fail reject p example.com");
    EXPECT_EQ(brief(run(zone, "example.com")), "fail reject p example.com");
  }
}

TEST(DmarcEvaluateTest, IdentifiersThatAreTemporary) {
  TestZone zone{{"example.com", kReject}};
  EXPECT_EQ(brief(run(zone, "example.com", temporary("example.com"))), "temperror reject p example.com");
  EXPECT_EQ(run(zone, "example.com", temporary("example.com")).problem, "SPF could not be checked for example.com");
  EXPECT_EQ(brief(run(zone, "example.com", {}, {temporary("sub.example.com")})), "temperror reject p example.com");
  EXPECT_EQ(brief(run(zone, "example.com", temporary("example.net"), {temporary("example.org")})),
            "fail reject p example.com");
  EXPECT_EQ(brief(run(zone, "example.com", temporary("example.com"), {passed("a.example.com")})),
            "pass reject p example.com");
  EXPECT_EQ(brief(run(zone, "example.com", passed("a.example.com"), {temporary("example.com")})),
            "pass reject p example.com");
  EXPECT_EQ(aligned(run(zone, "example.com", temporary("example.com"), {temporary("example.com")})), "-");
  zone.dmarc("example.com", {"v=DMARC1; p=reject; aspf=s"});
  EXPECT_EQ(brief(run(zone, "example.com", temporary("a.example.com"))), "fail reject p example.com");
}

TEST(DmarcEvaluateTest, AliasesAndLoops) {
  TestZone zone{{"example.net", "v=DMARC1; p=quarantine"}};
  zone.cname("_dmarc.example.com", "_dmarc.example.net");
  EXPECT_EQ(brief(run(zone, "example.com")), "fail quarantine p example.com");
  zone.cname("_dmarc.example.com", "gone.example.net");
  EXPECT_EQ(brief(run(zone, "example.com")), "none");
  zone.cname("_dmarc.example.com", "_dmarc.example.com");
  EXPECT_EQ(brief(run(zone, "example.com")), "temperror");
}

TEST(DmarcEvaluateTest, AuthorDomains) {
  TestZone zone{{"xn--mller-kva.example", kReject}};
  const Evaluation unicode = run(zone, "Müller.example", {}, {passed("müller.EXAMPLE")});
  EXPECT_EQ(brief(unicode), "pass reject p xn--mller-kva.example");
  EXPECT_EQ(unicode.author_domain, "xn--mller-kva.example");
  EXPECT_EQ(unicode.dkim_domain, "xn--mller-kva.example");
  EXPECT_EQ(brief(run(zone, "")), "none");
  EXPECT_EQ(brief(run(zone, ".")), "permerror");
  EXPECT_EQ(brief(run(zone, "a..b")), "permerror");
  EXPECT_EQ(brief(run(zone, std::string(64, 'a') + ".example")), "permerror");
  EXPECT_EQ(brief(run(zone, "example")), "none");
}

TEST(DmarcEvaluateTest, BudgetThatIsSpent) {
  TestZone zone{{"example.com", kReject}};
  EXPECT_EQ(brief(run(zone, "a.b.example.com", {}, {}, 4)), "fail reject p example.com");
  const Evaluation out = run(zone, "a.b.example.com", {}, {}, 3);
  EXPECT_EQ(brief(out), "temperror");
}

TEST(DmarcEvaluateTest, IdentifiersAtTheLimitAndOneBeyond) {
  TestZone zone{{"example.com", kReject}};
  const auto strangers = [&zone](std::size_t count) {
    std::vector<Identifier> out;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string domain = "s" + std::to_string(i) + ".example.com";
      zone.dmarc(domain, {"v=DMARC1; p=none; psd=n"});
      out.push_back(passed(domain));
    }
    return out;
  };
  auto many = strangers(kIdentifierWalksMax - 1);
  many.push_back(passed("ours.example.com"));
  EXPECT_EQ(brief(run(zone, "example.com", {}, many)), "pass reject p example.com");
  EXPECT_EQ(brief(run(zone, "example.com", {}, strangers(kIdentifierWalksMax))), "fail reject p example.com");
  auto more = strangers(kIdentifierWalksMax);
  more.push_back(passed("ours.example.com"));
  const Evaluation unknown = run(zone, "example.com", {}, more);
  EXPECT_EQ(brief(unknown), "temperror reject p example.com");
  EXPECT_EQ(unknown.problem, "more than 20 identifiers: not all were looked at");
  more.push_back(passed("example.com"));
  EXPECT_EQ(brief(run(zone, "example.com", {}, more)), "pass reject p example.com");
  // the same domain many times is one
  EXPECT_EQ(brief(run(zone, "example.com", {}, std::vector<Identifier>(1000, passed("s1.example.com")))),
            "fail reject p example.com");
}

TEST(DmarcEvaluateTest, Names) {
  EXPECT_EQ(to_string(Outcome::none), "none");
  EXPECT_EQ(to_string(Outcome::permerror), "permerror");
  EXPECT_EQ(to_string(Psd::unknown), "u");
  EXPECT_EQ(to_string(Policy::quarantine), "quarantine");
}

}  // namespace
}  // namespace postern::dmarc::test
