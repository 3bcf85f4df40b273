// What is published, judged over a zone in memory: without name servers of its own, and with them where a test plays
// them. The laboratory (tests/integration/check.test) has each check's good and bad domain; here is what it cannot
// have: DNS that does not say, and answers at the limits.
#include <gtest/gtest.h>

#include <algorithm>

#include "dns/wire.h"
#include "signals/lists.h"
#include "unit/check/published_fixture.h"

namespace postern::check {
namespace {

using enum Outcome;

TEST_F(Published, NamesThatAreNotThereAndDnsThatDoesNotSayAreDifferent) {
  set_up("{}");
  EXPECT_FALSE(there_);
  EXPECT_TRUE(finding("name.exists").evidence.contains("NXDOMAIN"));
  set_up(R"({"example.org":"SERVFAIL"})");
  EXPECT_FALSE(there_);
  EXPECT_EQ(outcome("name.exists"), fail);
  EXPECT_TRUE(finding("name.exists").evidence.contains("SERVFAIL"));
  set_up(R"({"example.org":"TIMEOUT"})");
  EXPECT_TRUE(finding("name.exists").evidence.contains("timeout"));
  set_up(R"({"example.org":"BOGUS"})");
  EXPECT_EQ(outcome("dnssec.domain"), fail);
  set_up(R"({"example.org":{}})");
  EXPECT_TRUE(there_);
  EXPECT_EQ(outcome("mx.present"), info);
}

TEST_F(Published, AResolverOfOursThatDoesNotWorkSaysNothingOfTheName) {
  class Dead final : public dns::Resolver {
   public:
    explicit Dead(dns::Status status) : status_(status) {}
    Task<dns::AnswerPtr> query(dns::Name, dns::Type, dns::Budget&) override {
      co_return dns::failed_answer(status_, "no server answers");
    }
    void prefetch(const dns::Name&, dns::Type) override {}

   private:
    dns::Status status_;
  };
  for (const dns::Status status : {dns::Status::unavailable, dns::Status::limit, dns::Status::cancelled}) {
    Dead dead(status);
    context_ = std::make_unique<Context>(options_, dead, budget_, Doors{});
    context_->target.domain = name("example.org");
    EXPECT_FALSE(run_ready(check_name(*context_)));
    EXPECT_EQ(outcome("name.exists"), not_tested);
    EXPECT_TRUE(context_->nothing_known);
    context_.reset();
  }
}

TEST_F(Published, LookUpsThatAreSpentAreTheReasonOnceOneIsMissed) {
  set_up(zone("", R"("_smtp._tls.example.org":"TIMEOUT")"));
  const auto evidence = [&](std::uint32_t lookups) {
    dns::Budget few{lookups};
    context_ = std::make_unique<Context>(options_, *resolver_, few, Doors{});
    context_->target.domain = name("example.org");
    context_->target.hosts.push_back({.name = name("mx.example.org"), .preference = 10, .addresses = {}, .tlsa = {}});
    run(check_tls_rpt);
    EXPECT_EQ(outcome("tls_rpt.record"), not_tested);
    EXPECT_EQ(finding("tls_rpt.record").fix.contains("--deep"), few.refused());
    return finding("tls_rpt.record").evidence;
  };
  EXPECT_TRUE(evidence(0).contains("all 0 look-ups of this run are spent")) << evidence(0);
  // It was the last one, and no other was wanted
  EXPECT_FALSE(evidence(1).contains("spent")) << evidence(1);
  dns::Budget three{3};
  context_ = std::make_unique<Context>(options_, *resolver_, three, Doors{});
  context_->target.domain = name("example.org");
  EXPECT_TRUE(run_ready(check_name(*context_)));
  while (!three.refused()) run(check_dmarc);
  EXPECT_EQ(outcome("dmarc.record"), not_tested);
  EXPECT_TRUE(finding("dmarc.record").evidence.contains("all 3 look-ups of this run are spent"))
      << finding("dmarc.record").evidence;
}

TEST_F(Published, AnMxSetThatIsUnknownIsNotTested) {
  set_up(R"({"example.org":{"MX":"TIMEOUT","TXT":["v=spf1 -all"]}})");
  EXPECT_TRUE(there_);
  EXPECT_EQ(outcome("mx.present"), not_tested);
  EXPECT_EQ(outcome("mx.ipv6"), std::nullopt);
}

TEST_F(Published, AddressesThatAreUnknownDoNotCountAgainstTheHost) {
  set_up(R"({"example.org":{"MX":[[10,"mx.example.org"]]},"mx.example.org":"SERVFAIL"})");
  EXPECT_EQ(outcome("mx.resolves"), not_tested);
  EXPECT_EQ(outcome("dnssec.mx"), not_tested);
}

TEST_F(Published, AFamilyThatIsUnknownIsNotMissing) {
  set_up(R"({"example.org":{"MX":[[10,"mx.example.org"]]},"mx.example.org":{"AAAA":"TIMEOUT","A":["11.25.0.1"]}})");
  EXPECT_EQ(outcome("mx.ipv6"), not_tested);
  EXPECT_EQ(outcome("mx.ipv4"), pass);
  set_up(R"({"example.org":{"MX":[[10,"mx.example.org"]]},"mx.example.org":{"A":"SERVFAIL","AAAA":["2a02:25::1"]}})");
  EXPECT_EQ(outcome("mx.ipv4"), not_tested);
  EXPECT_EQ(outcome("mx.ipv6"), pass);
  // One that has none certainly counts
  set_up(R"({"example.org":{"MX":[[10,"mx.example.org"],[20,"two.example.org"]]},
             "mx.example.org":{"AAAA":"TIMEOUT"},"two.example.org":{"A":["11.25.0.1"]}})");
  EXPECT_EQ(outcome("mx.ipv6"), warn);
}

TEST_F(Published, NameServersWhoseAddressesAreUnknownAreNotJudged) {
  const auto with = [&](const std::string& two) {
    set_up(zone(R"("NS":["ns1.example.org","ns2.example.org"])",
                R"("ns1.example.org":{"AAAA":["2a02:53:1::1"]},"ns2.example.org":)" + two));
    run(find_zone);
    run(check_name_servers);
  };
  with(R"({"AAAA":"TIMEOUT","A":["11.53.2.2"]})");
  EXPECT_EQ(outcome("dns.ns_count"), pass);
  EXPECT_EQ(outcome("dns.ns_ipv6"), not_tested);
  EXPECT_EQ(outcome("dns.ns_networks"), not_tested);
  with(R"({"AAAA":"TIMEOUT","A":"TIMEOUT"})");
  EXPECT_EQ(outcome("dns.ns_ipv6"), not_tested);
  with(R"({"A":["11.53.2.2"]})");
  EXPECT_EQ(outcome("dns.ns_ipv6"), fail);
  with(R"({"AAAA":["2a02:53:2::2"],"A":"TIMEOUT"})");
  EXPECT_EQ(outcome("dns.ns_ipv6"), pass);
  EXPECT_EQ(outcome("dns.ns_networks"), pass);
}

TEST_F(Published, TheZoneAboveIsNotTakenForOneThatIsUnknown) {
  set_up(R"({"example.org":{"NS":"TIMEOUT","MX":[[10,"mx.example.org"]]},"org":{"NS":["ns.org"]}})");
  run(find_zone);
  EXPECT_EQ(context_->zone.text(), "example.org");
  run(check_name_servers);
  EXPECT_EQ(outcome("dns.ns_count"), not_tested);
}

TEST_F(Published, ListsOfTheOperatorAreAskedAboutAddressesAndTheDomain) {
  const auto with = [&](const std::string& records) {
    auto compiled =
        signals::Lists::compile({{.name = "bad", .zone = "bl.example"},
                                 {.name = "names", .zone = "names.example", .kind = signals::ListKind::domain},
                                 {.name = "vouch", .zone = "wl.example", .kind = signals::ListKind::address_allow}});
    ASSERT_TRUE(compiled) << compiled.error().what;
    options_.lists = std::make_shared<const signals::Lists>(std::move(*compiled));
    set_up(zone("", records));
    run(check_lists);
  };
  with(R"("bl.example":{},"names.example":{},"wl.example":{})");
  EXPECT_EQ(outcome("reverse.lists"), pass);
  with(R"("1.0.25.11.bl.example":{"A":["127.0.0.2"]},"names.example":{})");
  EXPECT_EQ(outcome("reverse.lists"), warn);
  with(R"("example.org.names.example":{"A":["127.0.1.2"]},"bl.example":{})");
  EXPECT_EQ(outcome("reverse.lists"), warn);
  with(R"("1.0.25.11.wl.example":{"A":["127.0.0.2"]},"bl.example":{},"names.example":{})");
  EXPECT_EQ(outcome("reverse.lists"), pass);  // a list that vouches blames nobody
  with(R"("1.0.25.11.bl.example":{"A":["127.255.255.254"]},"names.example":{})");
  EXPECT_TRUE(std::ranges::any_of(context_->report.findings, [](const Finding& one) {
    return one.id == "reverse.lists" && one.outcome == not_tested && one.evidence.contains("public_resolver");
  }));
  options_.lists = nullptr;
  set_up(zone(""));
  run(check_lists);
  EXPECT_EQ(outcome("reverse.lists"), std::nullopt);
  say_what_is_not_tested(*context_);
  EXPECT_EQ(outcome("reverse.lists"), not_tested);
}

TEST_F(Published, NullMxCases) {
  set_up(R"({"example.org":{"MX":[[0,"."]],"A":["11.0.0.1"]}})");
  EXPECT_EQ(outcome("mx.null"), pass);
  set_up(R"({"example.org":{"MX":[[0,"."]]}})");
  EXPECT_EQ(outcome("mx.null"), info);
  set_up(R"({"example.org":{"MX":[[5,"."]],"A":["11.0.0.1"]}})");
  EXPECT_EQ(outcome("mx.null"), fail);
  EXPECT_EQ(finding("mx.null").record, "example.org. IN MX 0 .");
}

TEST_F(Published, AddressKinds) {
  const auto why = [](std::string_view text) { return why_not_global(*ip::Address::parse(text)); };
  EXPECT_EQ(why("2a02:25::1"), "");
  EXPECT_EQ(why("11.25.0.1"), "");
  EXPECT_EQ(why("64:ff9b::11.25.0.1"), "");
  EXPECT_TRUE(why("64:ff9b::7f00:1").contains("127.0.0.1"));
  for (const char* text : {"fe80::1", "fd00::1", "2001:db8::1", "2002:b00::1", "2001:0:1::1", "ff02::1", "::1",
                           "::", "10.0.0.1", "127.0.0.1", "192.0.2.1", "224.0.0.1", "0.0.0.0", "240.0.0.1",
                           "169.254.1.1", "100.64.0.1", "fec0::1", "64:ff9b::7f00:1", "64:ff9b:1::1"}) {
    EXPECT_NE(why(text), "") << text;
  }
  set_up(R"({"example.org":{"MX":[[10,"mx.example.org"]]},"mx.example.org":{"A":["10.0.0.1"]}})");
  EXPECT_FALSE(context_->target.hosts[0].addresses[0].reachable_kind);
  EXPECT_EQ(outcome("mx.address"), fail);
}

TEST_F(Published, SpfCountsLookupsAtTheLimitAndBeyond) {
  const auto with = [&](int terms) {
    std::string text = "v=spf1";
    for (int i = 0; i < terms; ++i) text += " a:mx.example.org";
    set_up(zone(R"("TXT":[")" + text + R"( -all"])"));
    run(check_spf);
    return outcome("spf.lookups");
  };
  EXPECT_EQ(with(8), pass);
  EXPECT_EQ(with(9), warn);
  EXPECT_EQ(with(10), warn);
  EXPECT_EQ(with(11), fail);
}

TEST_F(Published, SpfThatCannotBeFollowedIsNotTested) {
  set_up(zone(R"("TXT":["v=spf1 include:slow.example.net -all"])", R"("slow.example.net":"TIMEOUT")"));
  run(check_spf);
  EXPECT_EQ(outcome("spf.include"), not_tested);
  EXPECT_EQ(outcome("spf.lookups"), not_tested);
  EXPECT_EQ(outcome("spf.void"), not_tested);
  EXPECT_EQ(outcome("spf.all"), pass);
  // What is known breaks the limit whatever the rest says
  std::string terms;
  for (int i = 0; i < 10; ++i) terms += " a:mx.example.org";
  set_up(zone(R"("TXT":["v=spf1)" + terms + R"( include:slow.example.net -all"])", R"("slow.example.net":"TIMEOUT")"));
  run(check_spf);
  EXPECT_EQ(outcome("spf.lookups"), fail);
  // Addresses that are not known may be void, and are no further terms
  set_up(zone(R"("TXT":["v=spf1 a:slow.example.net -all"])", R"("slow.example.net":"TIMEOUT")"));
  run(check_spf);
  EXPECT_EQ(outcome("spf.lookups"), pass);
  EXPECT_EQ(outcome("spf.void"), not_tested);
  set_up(zone(R"("TXT":"TIMEOUT")"));
  run(check_spf);
  EXPECT_EQ(outcome("spf.record"), not_tested);
}

TEST_F(Published, SpfBreadthAtItsLimits) {
  const auto with = [&](const std::string& term) {
    set_up(zone(R"("TXT":["v=spf1 )" + term + R"( -all"])"));
    run(check_spf);
    return outcome("spf.breadth");
  };
  EXPECT_EQ(with("ip4:11.0.0.0/7"), fail);
  EXPECT_EQ(with("ip4:11.0.0.0/8"), warn);
  EXPECT_EQ(with("ip4:11.0.0.0/15"), warn);
  EXPECT_EQ(with("ip4:11.0.0.0/16"), pass);
  EXPECT_EQ(with("ip6:2a02::/31"), fail);
  EXPECT_EQ(with("ip6:2a02::/32"), warn);
  EXPECT_EQ(with("ip6:2a02::/47"), warn);
  EXPECT_EQ(with("ip6:2a02::/48"), pass);
  EXPECT_EQ(context_->target.spf_senders_v6, std::vector<std::string>{"2a02::/48"});
}

TEST_F(Published, SpfRecordInALoopOfManyEnds) {
  std::string more;
  for (int i = 0; i < 100; ++i) {
    more += (i == 0 ? "" : ",") + std::string("\"r") + std::to_string(i) +
            R"(.example.net":{"TXT":["v=spf1 include:r)" + std::to_string(i + 1) + R"(.example.net include:r)" +
            std::to_string(i + 1) + R"(.example.net -all"]})";
  }
  set_up(zone(R"("TXT":["v=spf1 include:r0.example.net -all"])", more));
  run(check_spf);
  EXPECT_EQ(outcome("spf.lookups"), fail);
  EXPECT_LT(resolver_->asked(), 200U);
}

TEST_F(Published, SpfOfManyTermsIsNotFollowedFarBeyondItsLimit) {
  std::string terms;
  for (int i = 0; i < 300; ++i) terms += " a:h" + std::to_string(i) + ".example.net";
  set_up(zone(R"("TXT":["v=spf1)" + terms + R"( -all"])"));
  run(check_spf);
  EXPECT_EQ(outcome("spf.lookups"), fail);
  EXPECT_TRUE(finding("spf.lookups").evidence.starts_with("more than 20 of 10")) << finding("spf.lookups").evidence;
  EXPECT_LT(resolver_->asked(), 200U);
}

TEST_F(Published, DmarcOfTheOrganisationCounts) {
  set_up(zone("", R"("_dmarc.example.org":"TIMEOUT")"));
  run(check_dmarc);
  EXPECT_EQ(outcome("dmarc.record"), not_tested);
  set_up(zone("", R"("_dmarc.example.org":{"TXT":["v=DMARC1; p=quarantine; t=y; rua=mailto:a@example.org"]})"));
  run(check_dmarc);
  EXPECT_EQ(outcome("dmarc.record"), pass);
  EXPECT_EQ(outcome("dmarc.policy"), fail);
  EXPECT_EQ(outcome("dmarc.rua"), pass);
  EXPECT_EQ(outcome("dmarc.external"), pass);
}

TEST_F(Published, WhereNothingValidatesDnssecIsNotTested) {
  options_.validates = false;
  set_up(zone(""));
  EXPECT_EQ(outcome("dnssec.mx"), not_tested);
  run(find_zone);
  run(check_dnssec);
  for (const char* id : {"domain", "algorithm", "digest", "nsec3", "signatures", "denial"}) {
    EXPECT_EQ(outcome("dnssec." + std::string(id)), not_tested) << id;
  }
}

TEST_F(Published, DmarcReceiverThatDoesNotAnswerIsNotTested) {
  set_up(zone(
      "",
      R"("_dmarc.example.org":{"TXT":["v=DMARC1; p=reject; rua=mailto:a@example.net"]},"example.net":{"MX":[[1,"mx.example.org"]]},
                     "example.org._report._dmarc.example.net":"SERVFAIL")"));
  run(check_dmarc);
  EXPECT_EQ(outcome("dmarc.external"), not_tested);
}

TEST_F(Published, DkimAsksNothingThatAWildcardWouldAnswer) {
  set_up(zone(
      "",
      R"("postern-check-nobody._domainkey.example.org":{"TXT":["hello"]},"_domainkey.example.org":{}, "default._domainkey.example.org":{"TXT":["hello"]})"));
  run(check_dkim);
  EXPECT_EQ(outcome("dkim.record"), info) << "no selector seems to be there";
}

// MTA-STS, with the web played.
Task<HttpsResult> give(HttpsResult result) { co_return result; }

TEST_F(Published, PolicyIsFetchedOverEachFamily) {
  constexpr const char* kPolicy = "version: STSv1\nmode: enforce\nmax_age: 604800\nmx: mx.example.org\n";
  const std::string records = zone(
      "",
      R"("_mta-sts.example.org":{"TXT":["v=STSv1; id=1"]},"mta-sts.example.org":{"AAAA":["2a02::80"],"A":["11.0.0.80"]})");
  Doors doors;
  std::vector<std::string> asked;
  doors.fetch = [&](outbound::HttpsRequest request) {
    asked.push_back(request.addresses.at(0).text());
    return give(outbound::HttpsAnswer{200, "text/plain; charset=utf-8", kPolicy});
  };
  set_up(records, doors);
  run(check_mta_sts);
  EXPECT_EQ(asked, (std::vector<std::string>{"2a02::80", "11.0.0.80"}));
  for (const char* id : {"record", "policy", "families", "type", "mode", "max_age", "mx", "patterns"}) {
    EXPECT_EQ(outcome("mta_sts." + std::string(id)), pass) << id;
  }
  ASSERT_TRUE(context_->target.sts);
  EXPECT_EQ(context_->target.sts->mode, mtasts::Mode::enforce);

  doors.fetch = [&](outbound::HttpsRequest request) {
    return request.addresses.at(0).is_v6() ? give(std::unexpected(outbound::HttpsFailure{false, "connection refused"}))
                                           : give(outbound::HttpsAnswer{200, "text/plain", kPolicy});
  };
  set_up(records, doors);
  run(check_mta_sts);
  EXPECT_EQ(outcome("mta_sts.policy"), pass);
  EXPECT_EQ(outcome("mta_sts.families"), fail);

  doors.fetch = [&](const outbound::HttpsRequest&) { return give(outbound::HttpsAnswer{301, "text/plain", ""}); };
  set_up(records, doors);
  run(check_mta_sts);
  EXPECT_EQ(outcome("mta_sts.policy"), fail);
  EXPECT_TRUE(finding("mta_sts.policy").evidence.contains("redirects are not followed"));
  EXPECT_FALSE(context_->target.sts);
}

TEST_F(Published, APolicyHostWithoutAWayFromHereIsNotTested) {
  const std::string hosts = R"("_mta-sts.example.org":{"TXT":["v=STSv1; id=1"]},"mta-sts.example.org":)";
  const std::string records = zone("", hosts + R"({"AAAA":["2a02::80"],"A":["11.0.0.80"]})");
  bool four_answers = true;
  Doors doors;
  doors.has_way_to = [](const ip::Address& to) { return to.is_v4(); };
  doors.fetch = [&](const outbound::HttpsRequest& request) {
    return request.addresses.at(0).is_v4() && four_answers
               ? give(outbound::HttpsAnswer{200, "text/plain",
                                            "version: STSv1\nmode: enforce\nmax_age: 604800\nmx: mx.example.org\n"})
               : give(std::unexpected(outbound::HttpsFailure{false, "Could not connect"}));
  };
  set_up(records, doors);
  run(check_mta_sts);
  EXPECT_EQ(outcome("mta_sts.policy"), pass);
  EXPECT_EQ(outcome("mta_sts.families"), not_tested);
  four_answers = false;  // to that there is a way
  set_up(records, doors);
  run(check_mta_sts);
  EXPECT_EQ(outcome("mta_sts.policy"), fail);
  set_up(zone("", hosts + R"({"AAAA":["2a02::80"]})"), doors);
  run(check_mta_sts);
  EXPECT_EQ(outcome("mta_sts.policy"), not_tested);
}

TEST_F(Published, TheLogoIsFetchedInDeepRunsFromThePortOfHttpsAlone) {
  std::vector<std::string> asked;
  Doors doors;
  doors.fetch = [&](const outbound::HttpsRequest& request) {
    asked.push_back(request.host + ":" + std::to_string(request.port));
    return give(outbound::HttpsAnswer{200, "image/svg+xml", R"(<svg baseProfile="tiny-ps" viewBox="0 0 9 9"></svg>)"});
  };
  const auto logo = [&](const std::string& at) {
    set_up(zone("", R"("default._bimi.example.org":{"TXT":["v=BIMI1; l=https://)" + at +
                        R"("]},"logo.example.net":{"A":["11.0.0.80"]})"),
           doors);
    run(check_bimi);
    return outcome("bimi.logo");
  };
  EXPECT_EQ(logo("logo.example.net/logo.svg"), not_tested);
  options_.deep = true;
  EXPECT_EQ(logo("logo.example.net:8443/logo.svg"), not_tested);
  EXPECT_TRUE(finding("bimi.logo").evidence.contains("8443"));
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(logo("logo.example.net/logo.svg"), pass);
  EXPECT_EQ(asked, std::vector<std::string>{"logo.example.net:443"});
  doors.has_way_to = [](const ip::Address& to) { return to.is_v6(); };
  doors.fetch = [](const outbound::HttpsRequest&) {
    return give(std::unexpected(outbound::HttpsFailure{false, "Could not connect"}));
  };
  EXPECT_EQ(logo("logo.example.net/logo.svg"), not_tested);
  doors.has_way_to = nullptr;
  EXPECT_EQ(logo("logo.example.net/logo.svg"), fail);
  options_.only_own_hosts = true;
  EXPECT_EQ(logo("logo.example.net/logo.svg"), not_tested);
  EXPECT_EQ(asked.size(), 1U);
}

// Name servers, played: an address of ours without a way is no fault of theirs.
Task<std::vector<resolver::DirectAnswer>> answer(std::vector<resolver::DirectAnswer> answers) { co_return answers; }

TEST_F(Published, NoWayToAFamilyIsOurOwnAffair) {
  const std::string records = zone(
      R"("NS":["ns1.example.org","ns2.example.org"])",
      R"("ns1.example.org":{"AAAA":["2a02:1::1"],"A":["11.0.1.1"]},"ns2.example.org":{"AAAA":["2a02:2::1"],"A":["11.0.2.1"]})");
  Doors doors;
  bool four_too = false;
  doors.ask_servers = [&](const std::vector<resolver::DirectQuestion>& questions) {
    std::vector<resolver::DirectAnswer> answers;
    for (const auto& question : questions) {
      resolver::DirectAnswer one;
      if (question.server.address.is_v6() || four_too) {
        one.problem = resolver::DirectAnswer::Problem::no_route;
        one.what = "Network is unreachable";
      } else {
        one.problem = resolver::DirectAnswer::Problem::none;
        one.packet.emplace();
        one.packet->authoritative = one.packet->edns = true;
      }
      answers.push_back(std::move(one));
    }
    return answer(std::move(answers));
  };
  set_up(records, doors);
  run(find_zone);
  EXPECT_EQ(context_->zone, name("example.org"));
  run(check_name_servers);
  EXPECT_EQ(outcome("dns.ns_reach"), pass);
  EXPECT_TRUE(finding("dns.ns_reach").evidence.contains("no way from here"));
  EXPECT_EQ(outcome("dns.ns_count"), pass);
  EXPECT_EQ(outcome("dns.ns_ipv6"), pass);
  four_too = true;
  set_up(records, doors);
  run(find_zone);
  run(check_name_servers);
  EXPECT_EQ(outcome("dns.ns_reach"), not_tested);
}

TEST_F(Published, AnAddressOfManyNameServersIsAskedOnceAndNotAllAddressesAtOnce) {
  std::string names, more;
  for (int i = 0; i < 13; ++i) {
    const std::string host = "ns" + std::to_string(i) + ".example.org";
    names += (i == 0 ? "\"" : ",\"") + host + "\"";
    more += (i == 0 ? "\"" : ",\"") + host + R"(":{"A":["11.0.0.1"],"AAAA":["2a02::)" + std::to_string(i + 1) + "\"]}";
  }
  std::map<std::string, std::size_t> asked;
  std::size_t most = 0;
  Doors doors;
  doors.ask_servers = [&](const std::vector<resolver::DirectQuestion>& questions) {
    most = std::max(most, questions.size());
    for (const auto& question : questions) ++asked[question.server.address.text()];
    std::vector<resolver::DirectAnswer> answers(questions.size());
    for (auto& one : answers) {
      one.problem = resolver::DirectAnswer::Problem::timeout;
      one.what = "no answer";
    }
    return answer(std::move(answers));
  };
  set_up(zone("\"NS\":[" + names + "]", more), doors);
  run(find_zone);
  EXPECT_EQ(context_->server_addresses.size(), 14U);
  run(check_name_servers);
  EXPECT_EQ(asked.size(), 14U);
  EXPECT_EQ(asked["11.0.0.1"], 4U);
  EXPECT_LE(most, 32U);
}

TEST_F(Published, EvidenceOfStrangersIsPrintableAndBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += R"(,"\u0001\u00ff)" + std::string(200, 'x') + "\"";
  set_up(zone(R"("TXT":["v=spf1 -all")" + many + "]"));
  run(check_spf);
  for (const Finding& one : context_->report.findings) {
    EXPECT_LE(one.evidence.size(), kEvidenceMax);
    EXPECT_FALSE(one.evidence.contains('\x01')) << one.id;
  }
}

TEST_F(Published, TextRecordsAreSplitForZoneFiles) {
  EXPECT_EQ(zone_record(name("_a.\"b;\x01.example"), "A", "11.0.0.1"), R"(_a.\034b\059\001.example. IN A 11.0.0.1)");
  EXPECT_EQ(zone_text(name("a.example"), "say \"x\\y\""), R"(a.example. IN TXT "say \"x\\y\"")");
  EXPECT_EQ(zone_text(name("a.example"), "x\x01\xff"), R"(a.example. IN TXT "x\001\255")");
  const std::string at_limit = zone_text(name("a.example"), std::string(255, 'x'));
  EXPECT_EQ(at_limit, "a.example. IN TXT \"" + std::string(255, 'x') + "\"");
  EXPECT_EQ(zone_text(name("a.example"), std::string(256, 'x')), at_limit + " \"x\"");
}

}  // namespace
}  // namespace postern::check
