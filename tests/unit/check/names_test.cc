// Mail hosts and name servers whose names lead nowhere, or elsewhere, and names that fail validation.
#include "check/run.h"
#include "unit/check/published_fixture.h"

namespace postern::check {
namespace {

using enum Outcome;

class Names : public Published {
 protected:
  void host(const std::string& target, const std::string& more = "") {
    set_up(R"({"example.org":{"MX":[[10,")" + target + R"("]]})" + (more.empty() ? "" : "," + more) + "}");
  }
  void servers(const std::string& names, const std::string& more) {
    set_up(zone("\"NS\":[" + names + "]", more), doors_);
    run(find_zone);
    run(check_name_servers);
  }
  bool any(std::string_view id, Outcome outcome, std::string_view words) {
    return std::ranges::any_of(context_->report.findings, [&](const Finding& one) {
      return one.id == id && one.outcome == outcome && (one.evidence + one.fix + one.subject).contains(words);
    });
  }
  Doors doors_;
};

TEST_F(Names, AnAliasInACircleLeadsNowhere) {
  host("mx.example.org",
       R"("mx.example.org":{"CNAME":"two.example.org"},"two.example.org":{"CNAME":"mx.example.org"})");
  EXPECT_EQ(outcome("mx.alias"), fail);
  EXPECT_TRUE(finding("mx.alias").evidence.contains("mx.example.org -> two.example.org -> mx.example.org"));
  EXPECT_EQ(outcome("mx.resolves"), fail);
  EXPECT_EQ(outcome("mx.ipv6"), fail);
  EXPECT_EQ(outcome("mx.count"), std::nullopt) << "there is nothing to count";
}

TEST_F(Names, MailHostsThatAreNotLookedAtAreCounted) {
  const auto hosts = [&](std::size_t count) {
    std::string records, names;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string mx = "mx" + std::to_string(i) + ".example.org";
      records += std::string(i == 0 ? "" : ",") + "[" + std::to_string(i) + ",\"" + mx + "\"]";
      names += ",\"" + mx + "\":{\"A\":[\"11.25.0." + std::to_string(i + 1) + "\"]}";
    }
    // Named twice, one is still one
    set_up(R"({"example.org":{"MX":[[99,"mx0.example.org"],)" + records + "]}" + names + "}");
  };
  hosts(30);
  EXPECT_EQ(context_->target.hosts.size(), 30U);
  EXPECT_EQ(finding("mx.count").evidence, "30 addresses");
  hosts(32);
  EXPECT_EQ(context_->target.hosts.size(), 30U);
  EXPECT_EQ(context_->target.hosts.back().name.text(), "mx29.example.org");
  EXPECT_EQ(finding("mx.count").evidence, "30 addresses of the first 30 mail hosts; 2 more were not looked at");
  EXPECT_EQ(outcome("mx.count"), warn);
}

TEST_F(Names, StrippedSignaturesBlameNoZone) {
  const auto exists = [&](const std::string& why) {
    more_records_.clear();
    for (const dns::Type type : {dns::Type::mx, dns::Type::soa, dns::Type::ns}) put_bogus("example.org", type, why);
    set_up(R"({"other.example.org":{}})");
    EXPECT_FALSE(there_) << why;
    return outcome("name.exists");
  };
  EXPECT_EQ(exists("signature crypto failed"), fail);
  EXPECT_EQ(exists("no DNSKEY rrset from 192.0.2.53 for trust anchor . while building chain of trust"), std::nullopt);
  EXPECT_EQ(outcome("dnssec.domain"), std::nullopt);
}

TEST(MailDomain, IsANameInAsciiOrUnicodeAndNoAddress) {
  EXPECT_EQ(mail_domain("example.org")->text(), "example.org");
  EXPECT_EQ(mail_domain("b\u00fccher.example")->text(), "xn--bcher-kva.example");
  EXPECT_EQ(mail_domain("_dmarc.example.org")->text(), "_dmarc.example.org");
  for (const char* text :
       {"", ".", "192.0.2.4", "2001:db8::4", "a b.example", "postmaster@example.org", "https://a.org"})
    EXPECT_FALSE(mail_domain(text)) << text;
  EXPECT_TRUE(mail_domain("x@example.org").error().what.contains("the domain alone"));
}

TEST_F(Names, AHostThatDnsSaysNothingOfIsNoAliasForCertain) {
  host("mx.example.org", R"("mx.example.org":"TIMEOUT")");
  EXPECT_EQ(outcome("mx.alias"), not_tested);
  EXPECT_EQ(outcome("mx.resolves"), not_tested);
}

TEST_F(Names, ZonesThatNobodyServesCanBeTakenOver) {
  const auto dangling = [&](const std::string& owner) {
    host("mx.example.net", R"("mx.example.net":"SERVFAIL","example.net":)" + owner);
    return outcome("mx.dangling");
  };
  EXPECT_EQ(dangling("\"SERVFAIL\""), warn);
  EXPECT_EQ(dangling("\"REFUSED\""), warn);
  EXPECT_EQ(dangling("\"TIMEOUT\""), not_tested);
  EXPECT_EQ(dangling("\"BOGUS\""), fail);
  EXPECT_EQ(dangling(R"({"NS":["ns1.example.net"]})"), not_tested);
  host("mx.example.net");
  EXPECT_EQ(outcome("mx.dangling"), fail);
  host("mx.example.net", R"("mx.example.net":{"A":["11.25.0.1"]})");
  EXPECT_EQ(outcome("mx.dangling"), pass);
}

TEST_F(Names, AMappedAddressIsNoIpv6Address) {
  host("mx.example.org", R"("mx.example.org":{"AAAA":["::ffff:11.25.0.1"],"A":["11.25.0.2"]})");
  EXPECT_EQ(outcome("mx.address"), fail);
  EXPECT_EQ(finding("mx.address").subject, "mx.example.org [::ffff:11.25.0.1]");
  EXPECT_EQ(outcome("mx.ipv6"), fail);
  EXPECT_EQ(outcome("mx.ipv4"), pass);
  host("mx.example.org", R"("mx.example.org":{"AAAA":["::ffff:11.25.0.1"]})");
  EXPECT_EQ(outcome("mx.resolves"), fail);
}

TEST_F(Names, TargetsAreHostNames) {
  const auto target = [&](const std::string& name) {
    host(name);
    return outcome("mx.target");
  };
  EXPECT_EQ(target("mx.example.org"), pass);
  EXPECT_EQ(target("m-x1.example.org"), pass);
  EXPECT_EQ(target("my_mx.example.org"), warn);
  EXPECT_EQ(finding("mx.target").record, "example.org. IN MX 10 my-mx.example.org.");
  EXPECT_EQ(target("my_mx.example.net"), warn);
  EXPECT_EQ(finding("mx.target").record, "");
  EXPECT_EQ(target(R"(\u001b[evil.example.org)"), fail);
  EXPECT_FALSE(finding("mx.target").evidence.contains('\x1b'));
  EXPECT_EQ(target("-mx.example.org"), fail);
  EXPECT_EQ(target("mx-.example.org"), fail);
  EXPECT_EQ(target("11.25.0.1"), fail);
  EXPECT_EQ(finding("mx.target").record, "example.org. IN MX 10 mx.example.org.");
  EXPECT_TRUE(finding("mx.target").fix.contains("mx.example.org. IN A 11.25.0.1"));
}

TEST_F(Names, TheDomainIsOneOfMail) {
  const auto syntax = [&](std::string_view text) {
    set_up("{}");
    context_ = std::make_unique<Context>(options_, *resolver_, budget_, Doors{});
    context_->target.domain = name(text);
    (void)run_ready(check_name(*context_));
    return outcome("name.syntax");
  };
  EXPECT_EQ(syntax("x.example"), pass);
  EXPECT_EQ(syntax("x-y.example"), pass);
  EXPECT_EQ(syntax("x-.example"), fail);
  EXPECT_EQ(syntax("-x.example"), fail);
  EXPECT_EQ(syntax("_x.example"), fail);
}

TEST_F(Names, AnImplicitMxIsToldOfAsOneThatANullMxCouldEnd) {
  set_up(R"({"example.org":{"A":["11.25.0.1"]}})");
  EXPECT_EQ(outcome("mx.present"), warn);
  EXPECT_EQ(outcome("mx.null"), info);
  EXPECT_EQ(finding("mx.null").record, "") << "the domain may well take mail";
}

constexpr const char* kOne = R"("ns1.example.org":{"AAAA":["2a02:53:1::1"],"A":["11.53.1.1"]})";

TEST_F(Names, ANameServerThatDoesNotExistServesNothing) {
  servers(R"("ns1.example.org","ns9.example.net")", kOne);
  EXPECT_EQ(outcome("dns.ns_count"), warn);
  EXPECT_TRUE(any("dns.ns_reach", fail, "whoever registers example.net owns the zone"));
  servers(R"("ns1.example.org","ns9.example.net")", std::string(kOne) + R"(,"example.net":{"NS":["a.example.net"]})");
  EXPECT_EQ(outcome("dns.ns_reach"), warn);
  EXPECT_TRUE(any("dns.ns_reach", warn, "whoever runs example.net to do: give the name server addresses, or take"));
  servers(R"("ns1.example.org","ns2.example.org")", std::string(kOne) + R"(,"ns2.example.org":{"TXT":["nobody"]})");
  EXPECT_EQ(outcome("dns.ns_count"), warn);
  EXPECT_EQ(outcome("dns.ns_reach"), warn);
  servers(R"("ns1.example.org","ns2.example.org")", std::string(kOne) + R"(,"ns2.example.org":"TIMEOUT")");
  EXPECT_EQ(outcome("dns.ns_count"), pass) << "nobody knows";
}

TEST_F(Names, EachFamilyHasNameServersInTwoNetworks) {
  const auto networks = [&](const std::string& two) {
    servers(R"("ns1.example.org","ns2.example.org")", std::string(kOne) + R"(,"ns2.example.org":)" + two);
    return outcome("dns.ns_networks");
  };
  EXPECT_EQ(networks(R"({"AAAA":["2a02:53:2::2"],"A":["11.53.2.2"]})"), pass);
  EXPECT_EQ(networks(R"({"AAAA":["2a02:53:2::2"],"A":["11.53.1.1"]})"), warn);
  EXPECT_EQ(networks(R"({"AAAA":["2a02:53:1::2"],"A":["11.53.2.2"]})"), warn);
}

TEST_F(Names, AServerThatHasNotTheZoneIsToServeIt) {
  doors_.ask_servers =
      [](const std::vector<resolver::DirectQuestion>& questions) -> Task<std::vector<resolver::DirectAnswer>> {
    std::vector<resolver::DirectAnswer> answers(questions.size());
    for (auto& one : answers) {
      one.problem = resolver::DirectAnswer::Problem::none;
      one.packet.emplace();
      one.packet->rcode = 5;  // REFUSED
    }
    co_return answers;
  };
  servers(R"("ns1.example.org")", kOne);
  EXPECT_EQ(outcome("dns.ns_reach"), fail);
  EXPECT_TRUE(finding("dns.ns_reach").fix.contains("serve the zone"));
  EXPECT_FALSE(finding("dns.ns_reach").fix.contains("port 53"));
}

TEST_F(Names, WhatFailsValidationFails) {
  set_up(zone(R"("TXT":"BOGUS")", R"("_dmarc.example.org":"BOGUS","_smtp._tls.example.org":"BOGUS")"));
  run(check_spf);
  run(check_dmarc);
  run(check_tls_rpt);
  EXPECT_EQ(outcome("spf.record"), fail);
  EXPECT_EQ(outcome("dmarc.record"), fail);
  EXPECT_EQ(outcome("tls_rpt.record"), fail);
  EXPECT_TRUE(any("dnssec.domain", fail, "TXT example.org: bogus"));
  // Of somebody else's name the check itself
  set_up(zone(R"("TXT":["v=spf1 include:x.example.net -all"])", R"("x.example.net":"BOGUS")"));
  run(check_spf);
  EXPECT_EQ(outcome("spf.include"), fail);
  EXPECT_EQ(outcome("dnssec.domain"), std::nullopt);
  set_up(zone("", R"("_dmarc.example.org":"BOGUS","_mta-sts.example.org":"BOGUS")"));
  run(check_dmarc);
  run(check_mta_sts);
  EXPECT_TRUE(any("dnssec.domain", fail, "_dmarc.example.org"));
  EXPECT_TRUE(any("dnssec.domain", fail, "_mta-sts.example.org"));
  EXPECT_EQ(outcome("mta_sts.record"), fail);
}

TEST_F(Names, WhatFailsValidationElsewhereIsForItsOwner) {
  const auto owner = [&](std::string_view id, std::string_view whose) {
    return any(id, fail, "repair the signatures") && any(id, fail, whose);
  };
  set_up(zone(R"("TXT":["v=spf1 include:x.example.net -all"])", R"("x.example.net":"BOGUS")"));
  run(check_spf);
  EXPECT_TRUE(owner("spf.include", "whoever runs example.net"));
  EXPECT_TRUE(owner("spf.lookups", "whoever runs example.net"));
  host("mx.example.net", R"("mx.example.net":"BOGUS")");
  for (const char* id : {"mx.resolves", "mx.ipv6", "mx.ipv4", "dnssec.mx"})
    EXPECT_TRUE(owner(id, "whoever runs example.net")) << id;
  set_up(zone("", R"("0.1.2.0.0.0.0.0.ip6.arpa":{},"1.0.25.11.in-addr.arpa":"BOGUS")"));
  run(check_reverse);
  EXPECT_TRUE(owner("reverse.ptr", "whoever owns the network"));
  set_up(zone("", R"("_dmarc.example.org":{"TXT":["v=DMARC1; p=reject; rua=mailto:a@example.net"]},
                     "example.net":{"MX":[[10,"mx.example.net"]]},
                     "example.org._report._dmarc.example.net":"BOGUS")"));
  run(check_dmarc);
  EXPECT_TRUE(owner("dmarc.external", "whoever runs example.net"));
  // Above the domain: the walk ends there
  set_up(zone("", R"("_dmarc.org":"BOGUS","default._bimi.example.org":{"TXT":["v=BIMI1; l=; a=;"]})"));
  run(check_dmarc);
  run(check_bimi);
  EXPECT_TRUE(owner("dmarc.record", "whoever runs org"));
  EXPECT_TRUE(owner("bimi.policy", "whoever runs org"));
  doors_.ask_servers = [](const std::vector<resolver::DirectQuestion>&) -> Task<std::vector<resolver::DirectAnswer>> {
    co_return std::vector<resolver::DirectAnswer>();
  };
  servers(R"("ns1.example.net")", R"("ns1.example.net":"BOGUS")");
  for (const char* id : {"dns.ns_networks", "dns.ns_ipv6", "dns.ns_reach"})
    EXPECT_TRUE(owner(id, "whoever runs example.net")) << id;
  servers(R"("ns1.example.net")", R"("ns1.example.net":{"A":["10.0.0.1"]})");
  EXPECT_TRUE(any("dns.ns_reach", fail, "whoever runs example.net to do: give the name servers addresses"));
}

TEST_F(Names, EachRecordThatFailsValidationIsNamed) {
  set_up(zone(R"("TXT":"BOGUS")", R"("_dmarc.example.org":"BOGUS")"));
  run(check_spf);
  run(check_dmarc);
  EXPECT_TRUE(any("dnssec.domain", fail, "TXT example.org"));
  EXPECT_TRUE(any("dnssec.domain", fail, "TXT _dmarc.example.org"));
}

TEST_F(Names, AZoneThatFailsAsAWholeIsToldOfOnce) {
  set_up(
      R"({"example.org":{"MX":[[10,"mx.example.org"]],"NS":"BOGUS"},"mx.example.org":"BOGUS","_dmarc.example.org":"BOGUS"})");
  run(check_dmarc);
  EXPECT_EQ(std::ranges::count(context_->report.findings, std::string_view("dnssec.domain"), &Finding::id), 1);
}

TEST_F(Names, WhatStandsInSomebodyElsesZoneIsForHimToMend) {
  set_up(
      R"({"example.org":{"MX":[[10,"mx.example.net"]]},"mx.example.net":{"AAAA":["2a02:25::1"],"A":["11.25.0.1"]}})");
  run(find_zone);
  run(check_spf);
  run(check_zone_habits);
  EXPECT_TRUE(finding("spf.helo").fix.contains("whoever runs example.net"));
  EXPECT_TRUE(finding("dnssec.mx").fix.contains("whoever runs example.net"));
  for (const Finding& one : context_->report.findings) {
    if (one.id == "dns.caa" && one.subject == "mx.example.net") {
      EXPECT_EQ(one.record, "");
    }
  }
  judge_dane_present(*context_);
  EXPECT_TRUE(finding("dane.present").fix.contains("whoever runs example.net"));
  EXPECT_EQ(finding("dane.present").record, "") << "the key was never seen";
}

TEST_F(Names, TheKeyThatIsServedMakesTheTlsaRecord) {
  set_up(zone(""));
  auto& address = context_->target.hosts.front().addresses.front();
  address.server.emplace();
  address.server->tls.emplace();
  address.server->tls->chain.emplace_back().spki = "key";
  judge_dane_present(*context_);
  EXPECT_EQ(finding("dane.present").record,
            "_25._tcp.mx.example.org. IN TLSA 3 1 1 2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683");
}

}  // namespace
}  // namespace postern::check
