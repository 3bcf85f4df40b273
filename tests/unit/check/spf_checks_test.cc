// SPF as it is published: who may send in the end, whatever includes and redirects lie on the way, and the records that
// are proposed.
#include "unit/check/published_fixture.h"

namespace postern::check {
namespace {

using enum Outcome;

class SpfChecks : public Published {
 protected:
  void with(const std::string& record, const std::string& more = "") {
    set_up(zone(R"("TXT":[")" + record + R"("])", more));
    run(check_spf);
  }
  std::string proposed(std::string_view id) {
    const std::string head = R"(example.org. IN TXT ")";
    std::string record = finding(id).record;
    if (!record.starts_with(head)) return record;
    return record.substr(head.size(), record.size() - head.size() - 1);
  }
};

TEST_F(SpfChecks, ARedirectIsJudgedByTheRecordThatItEndsIn) {
  const auto redirect = [&](const std::string& target) {
    with("v=spf1 redirect=x.example.net", R"("x.example.net":{"TXT":["v=spf1 )" + target + R"("]})");
    return outcome("spf.all");
  };
  EXPECT_EQ(redirect("mx -all"), pass);
  EXPECT_EQ(redirect("mx ~all"), pass);
  EXPECT_EQ(redirect("+all"), fail);
  EXPECT_EQ(outcome("spf.breadth"), fail);
  EXPECT_EQ(proposed("spf.all"), "") << "the record is somebody else's";
  EXPECT_TRUE(finding("spf.all").fix.contains("example.net"));
  EXPECT_EQ(redirect("?all"), fail);
  EXPECT_EQ(redirect("mx ?all"), fail);
  EXPECT_EQ(redirect("mx"), fail);
  with("v=spf1 redirect=_spf.example.org", R"("_spf.example.org":{"TXT":["v=spf1 ip4:11.0.0.1 ?all"]})");
  EXPECT_EQ(finding("spf.all").record, R"(_spf.example.org. IN TXT "v=spf1 ip4:11.0.0.1 -all")");
  with("v=spf1 redirect=x.example.net", R"("x.example.net":"TIMEOUT")");
  EXPECT_EQ(outcome("spf.all"), not_tested);
}

TEST_F(SpfChecks, AnIncludeThatPassesEverybodyAuthorisesEverybody) {
  const std::string open =
      R"("x.example.net":{"TXT":["v=spf1 +all"]},"y.example.net":{"TXT":["v=spf1 redirect=x.example.net"]})";
  with("v=spf1 include:x.example.net -all", open);
  EXPECT_EQ(outcome("spf.breadth"), fail);
  EXPECT_TRUE(context_->spf_grants);
  with("v=spf1 include:y.example.net -all", open);
  EXPECT_EQ(outcome("spf.breadth"), fail);
  with("v=spf1 ?include:x.example.net -all", open);
  EXPECT_EQ(outcome("spf.breadth"), pass);
  EXPECT_FALSE(context_->spf_grants);
}

TEST_F(SpfChecks, PrefixLengthsOfHostsAreAsBroadAsThoseOfNetworks) {
  const auto breadth = [&](const std::string& term) {
    with("v=spf1 " + term + " -all");
    return outcome("spf.breadth");
  };
  EXPECT_EQ(breadth("a:mx.example.org"), pass);
  EXPECT_EQ(breadth("a:mx.example.org/7"), fail);
  EXPECT_EQ(breadth("a:mx.example.org/12"), warn);
  EXPECT_EQ(breadth("a:mx.example.org/16"), pass);
  EXPECT_EQ(breadth("a:mx.example.org//0"), fail);
  EXPECT_EQ(finding("spf.breadth").evidence, "a:mx.example.org//0");
  EXPECT_EQ(breadth("mx/2"), fail);
  EXPECT_EQ(breadth("mx//47"), warn);
  EXPECT_EQ(breadth("-mx/2"), pass);
}

TEST_F(SpfChecks, WhatIsNotAPassAuthorisesNobody) {
  with("v=spf1 -include:x.example.net ?include:x.example.net ~ip4:11.0.0.0/4 mx -all",
       R"("x.example.net":{"TXT":["v=spf1 ip4:11.0.0.0/7 -all"]})");
  EXPECT_EQ(outcome("spf.breadth"), pass);
  EXPECT_EQ(context_->target.spf_senders_v4, std::vector<std::string>{"11.25.0.1/32"});
}

TEST_F(SpfChecks, OnlyASoundRecordThatAuthorisesNobodyIsClosed) {
  const auto closed = [&](const std::string& record, const std::string& more = "") {
    with(record, more);
    return context_->spf_closed;
  };
  EXPECT_TRUE(closed("v=spf1 -all"));
  EXPECT_TRUE(closed("v=spf1  -ALL "));
  EXPECT_TRUE(closed("V=SPF1 ?mx -all"));
  EXPECT_TRUE(closed("v=spf1 redirect=x.example.net", R"("x.example.net":{"TXT":["v=spf1 -all"]})"));
  EXPECT_FALSE(closed("v=spf1 ~all"));
  EXPECT_FALSE(closed("v=spf1 mx -all"));
  EXPECT_FALSE(closed("v=spf1 ip5:1.2.3.4 -all"));
  EXPECT_FALSE(closed("v=spf1 include:x.example.net -all"));
  EXPECT_FALSE(closed("v=spf1 include:example.org -all"));
  EXPECT_FALSE(closed("v=spf1 include:x.example.net -all", R"("x.example.net":"TIMEOUT")"));
}

TEST_F(SpfChecks, WhatReceiversGiveUpCountsForNothing) {
  const auto given_up = [&](const std::string& record, const std::string& more = "") {
    with(record, more);
    EXPECT_FALSE(context_->spf_grants && !context_->spf_error.empty());
    return !context_->spf_error.empty();
  };
  EXPECT_FALSE(given_up("v=spf1 mx -all"));
  EXPECT_TRUE(given_up("v=spf1 mx ip5:1.2.3.4 -all"));
  EXPECT_TRUE(given_up("v=spf1 mx include:gone.example.net -all"));
  EXPECT_TRUE(given_up("v=spf1 mx include:example.org -all"));
  std::string terms;
  for (int i = 0; i < 10; ++i) terms += " a:mx.example.org";
  EXPECT_FALSE(given_up("v=spf1" + terms + " -all"));
  EXPECT_TRUE(given_up("v=spf1 mx" + terms + " -all"));
  EXPECT_TRUE(given_up(R"(v=spf1 mx -all","v=spf1 a -all)"));
}

TEST_F(SpfChecks, ProposedRecordsKeepWhatIsRight) {
  with("v=spf1 mx -all redirect=x.example.net");
  EXPECT_EQ(outcome("spf.all"), warn);
  EXPECT_EQ(proposed("spf.all"), "v=spf1 mx -all");
  with("v=spf1 mx ~all ip4:1.2.3.4");
  EXPECT_EQ(outcome("spf.all"), warn);
  EXPECT_EQ(proposed("spf.all"), "v=spf1 mx ~all");
  with("v=spf1 mx -all exp=why.example.org");
  EXPECT_EQ(outcome("spf.all"), pass);
  with("v=spf1 ip4:11.0.0.1 exp=why.example.org ?all");
  EXPECT_EQ(proposed("spf.all"), "v=spf1 ip4:11.0.0.1 -all exp=why.example.org");
  with("v=spf1 mx");
  EXPECT_EQ(proposed("spf.all"), "v=spf1 mx -all");
  // A domain with mail hosts does not become one that may not send
  with("v=spf1 +all");
  EXPECT_EQ(proposed("spf.all"), "v=spf1 mx -all");
  with("v=spf1 -all ip4:11.0.0.1");
  EXPECT_EQ(proposed("spf.all"), "v=spf1 -all");
}

TEST_F(SpfChecks, TermsThatLeadNowhereAreTakenOut) {
  with("v=spf1 ip4:11.0.0.1 include:gone.example.net ~all");
  EXPECT_EQ(outcome("spf.include"), fail);
  EXPECT_EQ(proposed("spf.include"), "v=spf1 ip4:11.0.0.1 ~all");
  with("v=spf1 redirect=example.org");
  EXPECT_EQ(proposed("spf.include"), "v=spf1 mx -all");
  // What is broken stands in somebody else's record
  with("v=spf1 include:x.example.net -all", R"("x.example.net":{"TXT":["v=spf1 include:gone.example.net -all"]})");
  EXPECT_EQ(outcome("spf.include"), fail);
  EXPECT_EQ(proposed("spf.include"), "");
}

TEST_F(SpfChecks, SeveralRecordsAreJoined) {
  with(R"(v=spf1 mx ip4:11.0.0.1 -all","v=spf1 MX include:x.example.net ~all","v=spf10 a)");
  EXPECT_EQ(outcome("spf.record"), fail);
  EXPECT_TRUE(finding("spf.record").fix.contains("several"));
  EXPECT_EQ(proposed("spf.record"), "v=spf1 MX include:x.example.net ip4:11.0.0.1 ~all");
  with(R"(v=spf1 mx -all","v=spf1 redirect=x.example.net)");
  EXPECT_EQ(proposed("spf.record"), "");
}

TEST_F(SpfChecks, WhatIsVoidIsNamed) {
  const std::string four =
      R"("a.example.net":{"A":["11.0.0.1"]},"b.example.net":{"A":["11.0.0.2"]},"c.example.net":{"A":["11.0.0.3"]})";
  with("v=spf1 a:a.example.net a:b.example.net a:c.example.net -all", four);
  EXPECT_EQ(outcome("spf.void"), fail);
  EXPECT_TRUE(finding("spf.void").evidence.contains("IPv6")) << finding("spf.void").evidence;
  EXPECT_TRUE(finding("spf.void").evidence.contains("AAAA b.example.net: NODATA"));
  EXPECT_FALSE(finding("spf.void").fix.contains("do not exist"));
  with("v=spf1 a:a.example.net a:b.example.net a:c.example.net -all");
  EXPECT_TRUE(finding("spf.void").fix.contains("do not exist"));
}

TEST_F(SpfChecks, AllNetworksAreCountedAndAsManyKeptAsAreLookedAt) {
  std::string terms;
  for (int i = 0; i < 250; ++i) terms += " ip4:11.25." + std::to_string(i) + ".0/24";
  with("v=spf1" + terms + " -all");
  EXPECT_TRUE(finding("spf.breadth").evidence.contains("250 IPv4")) << finding("spf.breadth").evidence;
  EXPECT_EQ(context_->target.spf_senders_v4.size(), 200U);
}

}  // namespace
}  // namespace postern::check
