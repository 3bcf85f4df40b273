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
  std::string proposed(std::string_view id) { return text_proposed(id, "example.org"); }
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
  // The mail hosts are those of the domain, not of the name where the record stands
  with("v=spf1 redirect=_spf.example.org", R"("_spf.example.org":{"TXT":["v=spf1 ?all"]})");
  EXPECT_EQ(finding("spf.all").record, R"(_spf.example.org. IN TXT "v=spf1 mx:example.org -all")");
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

TEST_F(SpfChecks, ReceiversGiveUpAtTheFirstError) {
  const auto given_up = [&](const std::string& record, const std::string& more = "") {
    with(record, more);
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

TEST_F(SpfChecks, WhomATermBeforeTheErrorMatchesIsAuthorised) {
  const auto grants = [&](const std::string& record, const std::string& more = "") {
    with(record, more);
    EXPECT_FALSE(context_->spf_error.empty()) << record;
    EXPECT_FALSE(context_->spf_closed) << record;
    return context_->spf_grants;
  };
  EXPECT_TRUE(grants("v=spf1 mx include:gone.example.net -all"));
  EXPECT_FALSE(grants("v=spf1 include:gone.example.net mx -all"));
  EXPECT_TRUE(grants("v=spf1 mx redirect=gone.example.net"));
  // In front of the error, and yet behind it: 4.6
  EXPECT_FALSE(grants("v=spf1 mx ip5:1.2.3.4 -all"));
  EXPECT_FALSE(grants("v=spf1 include:x.example.net -all", R"("x.example.net":{"TXT":["v=spf1 mx ip5:1.2.3.4"]})"));
  EXPECT_TRUE(grants("v=spf1 mx include:x.example.net -all", R"("x.example.net":{"TXT":["v=spf1 mx ip5:1.2.3.4"]})"));
  std::string terms, hosts;
  for (int i = 0; i < 11; ++i) {
    terms += " ?a:mx.example.org";
    hosts += std::string(i == 0 ? "" : ",") + "[10,\"mx.example.org\"]";
  }
  EXPECT_TRUE(grants("v=spf1 mx" + terms + " -all"));
  EXPECT_FALSE(grants("v=spf1" + terms + " mx -all"));
  EXPECT_TRUE(grants("v=spf1 a:mx.example.org mx:x.example.net -all", R"("x.example.net":{"MX":[)" + hosts + "]}"));
  EXPECT_FALSE(grants("v=spf1 mx:x.example.net a:mx.example.org -all", R"("x.example.net":{"MX":[)" + hosts + "]}"));
}

TEST_F(SpfChecks, TooManyVoidQuestionsAreAnError) {
  const auto error = [&](const std::string& record, const std::string& more = "") {
    with(record, more);
    return context_->spf_error;
  };
  EXPECT_EQ(error("v=spf1 a:a.example.net a:b.example.net mx -all"), "");
  EXPECT_NE(error("v=spf1 a:a.example.net a:b.example.net a:c.example.net mx -all"), "");
  EXPECT_FALSE(context_->spf_grants);
  EXPECT_NE(error("v=spf1 mx a:a.example.net a:b.example.net a:c.example.net -all"), "");
  EXPECT_TRUE(context_->spf_grants);
  EXPECT_NE(error("v=spf1 exists:a.example.net mx:b.example.net a:a.example.net mx -all"), "");
  EXPECT_FALSE(context_->spf_grants);
  // Each question counts, also where it is the same
  EXPECT_NE(error("v=spf1 a:a.example.net a:a.example.net a:a.example.net -all"), "");
  // Whom one family is given up for the other may authorise
  const std::string six =
      R"("a.example.net":{"AAAA":["2a02:25::2"]},"b.example.net":{"AAAA":["2a02:25::3"]},"c.example.net":{"AAAA":["2a02:25::4"]})";
  EXPECT_EQ(error("v=spf1 ?a:a.example.net ?a:b.example.net ?a:c.example.net ip4:11.25.0.1 -all", six), "");
  EXPECT_FALSE(context_->spf_grants);
  EXPECT_EQ(error("v=spf1 ?a:a.example.net ?a:b.example.net ?a:c.example.net ip6:2a02:25::1 -all", six), "");
  EXPECT_TRUE(context_->spf_grants);
}

TEST_F(SpfChecks, ExistsOfANameIsEverybodyOrNobody) {
  with("v=spf1 exists:mx.example.org -all");
  EXPECT_TRUE(context_->spf_grants);
  with("v=spf1 exists:gone.example.org -all");
  EXPECT_FALSE(context_->spf_grants);
  EXPECT_TRUE(finding("spf.void").evidence.starts_with("1 of 2"));
  with("v=spf1 exists:%{i}.example.org -all");
  EXPECT_TRUE(context_->spf_grants);
  with("v=spf1 exists:x.example.org -all", R"("x.example.org":"TIMEOUT")");
  EXPECT_TRUE(context_->spf_unknown);
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
  with("v=spf1 include:gone.example.net -all");
  EXPECT_EQ(proposed("spf.include"), "v=spf1 mx -all");
  // Nobody was authorised by it
  with("v=spf1 -include:gone.example.net -all");
  EXPECT_EQ(proposed("spf.include"), "v=spf1 -all");
  with("v=spf1 ?include:gone.example.net ~all");
  EXPECT_EQ(proposed("spf.include"), "v=spf1 ~all");
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
  // Of an include, of exists, and of all that is behind
  with("v=spf1 exists:e.example.net include:i.example.net a:g.example.net -all");
  const std::string evidence = finding("spf.void").evidence;
  EXPECT_TRUE(evidence.starts_with("3 of 2")) << evidence;
  for (const char* question : {"A e.example.net", "TXT i.example.net", "AAAA g.example.net"})
    EXPECT_TRUE(evidence.contains(question)) << evidence;
  // Terms with macros ask for what only a receiver knows
  with("v=spf1 exists:%{i}.a.example.org exists:%{i}.b.example.org -all");
  EXPECT_EQ(outcome("spf.void"), warn);
  EXPECT_FALSE(finding("spf.void").fix.contains("do not exist")) << finding("spf.void").fix;
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
