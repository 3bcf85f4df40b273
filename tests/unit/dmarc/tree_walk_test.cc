// Tree walks (RFC 9989 4.10, 4.10.2): which names are asked, and which organizational domain comes out.
#include <gtest/gtest.h>

#include "dmarc/discovery.h"
#include "unit/dmarc/zone.h"

namespace postern::dmarc::test {
namespace {

constexpr std::string_view kReject = "v=DMARC1; p=reject";
constexpr std::string_view kPsd = "v=DMARC1; p=none; psd=y";
constexpr std::string_view kOrg = "v=DMARC1; p=reject; psd=n";

std::vector<std::string> targets(std::string_view domain) {
  std::vector<std::string> out;
  for (const dns::Name& name : walk_targets(*dns::Name::parse(domain))) out.push_back(name.text());
  return out;
}

using Names = std::vector<std::string>;

std::string labels(int count) {
  std::string out;
  for (int i = 1; i < count; ++i) out += "a" + std::to_string(count - i) + ".";
  return out + "example";
}

TEST(TreeWalkTest, ExampleOfSection4_10) {
  EXPECT_EQ(targets("a.b.c.d.e.f.g.h.i.j.mail.example.com"),
            (Names{"a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com",
                   "i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com"}));
}

TEST(TreeWalkTest, ExampleOfSection5_1_8) {
  EXPECT_EQ(targets("mail.a.b.c.d.e.f.g.example.com"),
            (Names{"mail.a.b.c.d.e.f.g.example.com", "c.d.e.f.g.example.com", "d.e.f.g.example.com",
                   "e.f.g.example.com", "f.g.example.com", "g.example.com", "example.com", "com"}));
  // the zone cut's record is never found, the apex's is
  TestZone zone{{"b.c.d.e.f.g.example.com", kOrg}, {"example.com", "v=DMARC1; p=quarantine"}};
  EXPECT_EQ(brief(run(zone, "mail.a.b.c.d.e.f.g.example.com")), "fail quarantine p example.com");
}

TEST(TreeWalkTest, AtMostEightQueries) {
  EXPECT_EQ(targets("example"), Names{"example"});
  EXPECT_EQ(targets("b.example"), (Names{"b.example", "example"}));
  for (int count = 1; count <= 7; ++count) EXPECT_EQ(targets(labels(count)).size(), static_cast<std::size_t>(count));
  EXPECT_EQ(targets(labels(8)).size(), 8U);
  EXPECT_EQ(targets(labels(8))[1], labels(7));
  EXPECT_EQ(targets(labels(9)).size(), 8U);
  EXPECT_EQ(targets(labels(9))[1], labels(7)) << "the one with eight labels is skipped";
  EXPECT_EQ(targets(labels(10))[1], labels(7));
  std::string longest = "a";
  for (int i = 1; i < 127; ++i) longest += ".a";
  EXPECT_EQ(longest.size(), dns::kNameMax);
  EXPECT_EQ(targets(longest).size(), 8U);
  EXPECT_EQ(targets("").size(), 0U);
  EXPECT_EQ(run({}, longest).walk, (Names{"_dmarc.a.a.a.a.a.a.a", "_dmarc.a.a.a.a.a.a", "_dmarc.a.a.a.a.a",
                                          "_dmarc.a.a.a.a", "_dmarc.a.a.a", "_dmarc.a.a", "_dmarc.a"}))
      << "127 labels: no room for _dmarc in front of all of them";
  EXPECT_EQ(run({}, "a." + longest).outcome, Outcome::permerror) << "128 labels are no name";
  EXPECT_EQ(run({}, labels(7)).walk.size(), 7U);
  EXPECT_EQ(run({}, labels(8)).walk.size(), 8U);
  EXPECT_EQ(run({}, labels(9)).walk.size(), 8U);
}

// "_dmarc." takes seven octets: where they do not fit the name cannot exist, and the walk goes on above.
TEST(TreeWalkTest, NamesNear253Octets) {
  const auto domain = [](std::size_t octets) {
    std::string out = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + "example";
    return std::string(octets - out.size() - 1, 'd') + "." + out;
  };
  const std::string parent = domain(246).substr(domain(246).find('.') + 1);
  TestZone zone{{parent, kReject}};
  const Evaluation fits = run(zone, domain(246));
  EXPECT_EQ(fits.walk.front().size(), 253U);
  EXPECT_EQ(fits.walk.front(), "_dmarc." + domain(246));
  EXPECT_EQ(fits.walk.size(), 5U);
  EXPECT_EQ(fits.policy_domain, parent);
  for (const std::size_t octets : {247U, 253U}) {
    const Evaluation too_long = run(zone, domain(octets));
    EXPECT_EQ(too_long.walk.size(), 4U) << octets;
    EXPECT_EQ(too_long.walk.front(), "_dmarc." + parent);
    EXPECT_EQ(brief(too_long), "fail reject p " + parent);
  }
  EXPECT_EQ(run(zone, domain(254)).outcome, Outcome::permerror);
}

TEST(TreeWalkTest, OrganizationalDomains) {
  struct Case {
    std::initializer_list<std::pair<std::string_view, std::string_view>> records;
    std::string_view domain;
    std::string_view expected;
  };
  const std::string_view psd_only = "v=DMARC1; psd=y";
  for (const Case& one : std::initializer_list<Case>{
           // the examples of 4.10.2
           {{{"mail.example.com", kReject}, {"example.com", kReject}}, "a.mail.example.com", "example.com"},
           {{{"mail.example.com", kOrg}, {"example.com", kReject}}, "a.mail.example.com", "mail.example.com"},
           {{{"com", kPsd}}, "a.mail.example.com", "example.com"},
           {{{"example.com", kPsd}}, "mail.example.com", "mail.example.com"},
           // B.4.3
           {{{"bank.example", kPsd}, {"giant.bank.example", kReject}}, "giant.bank.example", "giant.bank.example"},
           {{{"bank.example", kPsd}, {"giant.bank.example", kReject}}, "mail.giant.bank.example", "giant.bank.example"},
           {{{"bank.example", kPsd}, {"giant.bank.example", kReject}}, "mail.mega.bank.example", "mega.bank.example"},
           // nothing found: the domain itself
           {{}, "a.b.example.com", "a.b.example.com"},
           {{}, "com", "com"},
           // the fewest labels, without psd even the top-level domain
           {{{"example.com", kReject}}, "a.b.example.com", "example.com"},
           {{{"a.b.example.com", kReject}}, "a.b.example.com", "a.b.example.com"},
           {{{"com", kReject}, {"example.com", kReject}}, "example.com", "com"},
           {{{"com", "v=DMARC1; p=none; psd=u"}}, "a.example.com", "com"},
           // psd=n: nearest to the start wins, whatever is above
           {{{"b.example.com", kOrg}, {"example.com", kOrg}, {"com", kPsd}}, "a.b.example.com", "b.example.com"},
           {{{"a.b.example.com", kOrg}}, "a.b.example.com", "a.b.example.com"},
           {{{"a.b.example.com", kReject}, {"b.example.com", kOrg}}, "a.b.example.com", "b.example.com"},
           // psd=y stops, too: what is above it does not count
           {{{"example.com", kPsd}, {"com", kReject}}, "a.b.example.com", "b.example.com"},
           {{{"a.example.com", kReject}, {"com", kPsd}}, "a.example.com", "example.com"},
           // psd=y at the start: that domain
           {{{"example.com", kPsd}}, "example.com", "example.com"},
           {{{"example.com", kPsd}, {"com", kPsd}}, "example.com", "example.com"},
           {{{"com", kPsd}}, "com", "com"},
           {{{"com", kPsd}}, "example.com", "example.com"},
           // a record that no policy can be taken from is found all the same
           {{{"com", psd_only}}, "a.b.example.com", "example.com"},
           {{{"example.com", "v=DMARC1"}}, "a.b.example.com", "example.com"},
           // one label below the public suffix, even where the walk did not come by
           {{{"c.d.e.f.g.h.i", kPsd}}, "a.b.c.d.e.f.g.h.i", "b.c.d.e.f.g.h.i"},
           {{{"c.d.e.f.g.h.i", kPsd}}, "x.y.a.b.c.d.e.f.g.h.i", "b.c.d.e.f.g.h.i"},
           {{{"b.c.d.e.f.g.h.i", kPsd}}, "a.b.c.d.e.f.g.h.i", "a.b.c.d.e.f.g.h.i"},
           // not DMARC records
           {{{"example.com", "v=spf1 -all"}}, "a.example.com", "a.example.com"},
       }) {
    EXPECT_EQ(organization(TestZone(one.records), one.domain), one.expected) << one.domain;
  }
}

TEST(TreeWalkTest, SeveralRecordsAtOneNameAreDiscarded) {
  TestZone zone;
  zone.dmarc("b.example.com", {std::string(kOrg), std::string(kReject)});
  zone.dmarc("example.com", {"unrelated", std::string(kReject), "v=DMARC2; p=none", " v=DMARC1; p=none"});
  EXPECT_EQ(organization(zone, "a.b.example.com"), "example.com");
  EXPECT_EQ(brief(run(zone, "b.example.com")), "fail reject p example.com");
  zone.dmarc("example.com", {std::string(kReject), std::string(kReject)});
  const Evaluation out = run(zone, "example.com", passed("example.com"));
  EXPECT_EQ(brief(out), "none");
  EXPECT_EQ(out.problem, "2 DMARC records at _dmarc.example.com: none of them counts");
}

TEST(TreeWalkTest, StopsAtPsdAndNotBefore) {
  TestZone zone{{"b.example.com", kReject}, {"example.com", kOrg}, {"com", kPsd}};
  EXPECT_EQ(run(zone, "c.a.b.example.com").walk, (Names{"_dmarc.c.a.b.example.com", "_dmarc.a.b.example.com",
                                                        "_dmarc.b.example.com", "_dmarc.example.com"}));
}

TEST(TreeWalkTest, WhatDnsDoesNotSay) {
  for (const dns::Status status :
       {dns::Status::servfail, dns::Status::timeout, dns::Status::refused, dns::Status::bogus}) {
    TestZone zone{{"example.com", kReject}};
    zone.fails("_dmarc.b.example.com", status);
    EXPECT_EQ(organization(zone, "a.b.example.com"), "temporary");
    EXPECT_EQ(organization(zone, "b.example.com"), "temporary");
    EXPECT_EQ(organization(zone, "c.example.com"), "example.com");
    // what stands above a stop is not asked
    zone.dmarc("a.b.example.com", {std::string(kOrg)});
    EXPECT_EQ(organization(zone, "x.a.b.example.com"), "a.b.example.com");
  }
  EXPECT_EQ(organization({}, "no..name"), "no..name");
  EXPECT_EQ(organization({}, "B.Example.COM."), "b.example.com");
}

}  // namespace
}  // namespace postern::dmarc::test
