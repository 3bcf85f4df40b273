#include "outbound/routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "dns/fixture.h"

namespace postern::outbound {
namespace {

dns::FixtureResolver zone(const std::string& text) {
  const auto parsed = json::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  auto made = dns::Zone::from_json(*parsed);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().what);
  return dns::FixtureResolver(std::move(*made));
}

RoutingRules rules() {
  RoutingRules out;
  out.own_names = {*dns::Name::parse("mx.ours.example")};
  out.own_endpoints = {{*ip::Address::parse("198.51.9.1"), 25}};
  return out;
}

smtp::Domain domain(const std::string& text) { return *smtp::parse_domain(text, true); }

Routing routed(const std::string& zone_text, const std::string& to, RoutingRules with = rules(),
               std::uint32_t seed = 1) {
  dns::FixtureResolver resolver = zone(zone_text);
  dns::Budget budget(kRoutingLookups);
  return run_ready(route_by_mx(resolver, std::move(with), domain(to), seed, budget));
}

std::string names(const Routing& routing) {
  std::string out;
  for (const MxHost& host : routing.hosts) out += (out.empty() ? "" : " ") + host.name.text();
  return out;
}

std::string line(const Routing& routing) { return routing.refusal ? routing.refusal->line() : std::string("none"); }

bool dropped(const Routing& routing, const std::string& words) {
  return std::ranges::any_of(routing.dropped, [&](const std::string& l) { return l.find(words) != std::string::npos; });
}

constexpr const char* kThree = R"({
  "a.example": {"MX": [[20, "c.a.example"], [10, "a.a.example"], [10, "b.a.example"]]},
  "a.a.example": {"A": ["192.168.7.1"], "AAAA": ["2001:470::1"]},
  "b.a.example": {"A": ["192.168.7.2"]},
  "c.a.example": {"AAAA": ["2001:470::3"]}})";

TEST(Routing, AscendingPreferenceAndShuffledAmongEquals) {
  std::set<std::string> seen;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const Routing routing = routed(kThree, "a.example", rules(), seed);
    EXPECT_FALSE(routing.refusal);
    seen.insert(names(routing));
  }
  EXPECT_EQ(seen,
            (std::set<std::string>{"a.a.example b.a.example c.a.example", "b.a.example a.a.example c.a.example"}));
}

TEST(Routing, BothFamiliesOfAHost) {
  const Routing routing = routed(R"({"d.example": {"MX": [[10, "m.d.example"]]},
    "m.d.example": {"A": ["192.168.7.1"], "AAAA": ["2001:470::1", "2001:470::2"]}})",
                                 "d.example");
  ASSERT_EQ(routing.hosts.size(), 1U);
  EXPECT_EQ(routing.hosts[0].addresses.size(), 3U);
}

TEST(Routing, WithoutMxTheDomainIsItsHost) {
  EXPECT_EQ(names(routed(R"({"d.example": {"A": ["192.168.7.1"]}})", "d.example")), "d.example");
  // With one, its own addresses never count (RFC 5321 5.1)
  const Routing gone = routed(R"({"d.example": {"A": ["192.168.7.1"], "MX": [[10, "gone.d.example"]]}})", "d.example");
  EXPECT_EQ(line(gone).substr(0, 9), "550 5.4.4");
}

TEST(Routing, AliasesAreFollowed) {
  const char* const kZone = R"({"www.example": {"CNAME": "d.example"}, "d.example": {"MX": [[10, "m.example"]]},
    "m.example": {"CNAME": "real.example"}, "real.example": {"A": ["192.168.7.1"]},
    "plain.example": {"CNAME": "real.example"}})";
  EXPECT_EQ(names(routed(kZone, "www.example")), "m.example");
  EXPECT_EQ(names(routed(kZone, "plain.example")), "plain.example");
}

TEST(Routing, NullMxAndNamesThatAreNotThere) {
  EXPECT_EQ(line(routed(R"({"d.example": {"MX": [[0, "."]]}})", "d.example")).substr(0, 10), "556 5.1.10");
  EXPECT_EQ(line(routed("{}", "d.example")).substr(0, 9), "550 5.1.2");
  // A root among real hosts names none (RFC 7505 3)
  EXPECT_EQ(names(routed(R"({"d.example": {"MX": [[0, "."], [10, "m.example"]]}, "m.example": {"A": ["192.168.7.1"]}})",
                         "d.example")),
            "m.example");
}

TEST(Routing, WhatIsNotKnownIsTemporary) {
  for (const char* status : {"SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS"}) {
    const std::string zone_text = std::string(R"({"d.example": ")") + status + "\"}";
    EXPECT_EQ(line(routed(zone_text, "d.example")).substr(0, 9), "451 4.4.3") << status;
    const std::string host =
        std::string(R"({"d.example": {"MX": [[10, "m.example"]]}, "m.example": ")") + status + "\"}";
    EXPECT_EQ(line(routed(host, "d.example")).substr(0, 9), "451 4.4.3") << status;
  }
  // One family that answers is enough
  EXPECT_EQ(names(routed(R"({"d.example": {"MX": [[10, "m.example"]]},
    "m.example": {"A": ["192.168.7.1"], "AAAA": "SERVFAIL"}})",
                         "d.example")),
            "m.example");
  // and it alone says whether its zone is signed: a look-up that somebody makes fail does not switch DANE off
  for (const bool secure : {true, false}) {
    const std::string answered = std::string(R"({"d.example": {"MX": [[10, "m.example"]]}, "m.example": {"secure": )") +
                                 (secure ? "true" : "false") + R"(, "A": ["192.168.7.1"], "AAAA": "BOGUS"}})";
    const Routing routing = routed(answered, "d.example");
    ASSERT_EQ(routing.hosts.size(), 1U);
    EXPECT_EQ(routing.hosts[0].addresses_secure, secure);
  }
  // The look-ups of one attempt are counted
  dns::FixtureResolver resolver = zone(kThree);
  dns::Budget budget(1);
  const Routing routing = run_ready(route_by_mx(resolver, rules(), domain("a.example"), 1, budget));
  EXPECT_EQ(line(routing).substr(0, 9), "451 4.4.3");
}

TEST(Routing, OurselvesAndThoseBehindUsAreLeftOut) {
  const char* const kZone = R"({
    "n.example": {"MX": [[10, "good.example"], [20, "mx.ours.example"], [20, "equal.example"], [30, "worse.example"]]},
    "i.example": {"MX": [[10, "us.example"], [20, "good.example"]]},
    "good.example": {"A": ["192.168.7.1"]}, "equal.example": {"A": ["192.168.7.2"]}, "worse.example": {"A": ["192.168.7.3"]},
    "mx.ours.example": {"A": ["192.168.7.4"]}, "us.example": {"A": ["198.51.9.1"]}})";
  const Routing routing = routed(kZone, "n.example");
  EXPECT_EQ(names(routing), "good.example");
  EXPECT_TRUE(dropped(routing, "worse.example"));
  EXPECT_EQ(line(routed(kZone, "i.example")).substr(0, 9), "554 5.4.6") << "by its address";
  RoutingRules other = rules();
  other.port = 2525;
  EXPECT_EQ(names(routed(kZone, "i.example", other)), "us.example good.example") << "we do not listen there";
}

TEST(Routing, AddressesWhereNobodyIsAreDroppedWithAReason) {
  const struct {
    const char* type;
    const char* address;
    const char* why;
  } kCases[] = {{"A", "127.0.0.1", "loopback"},
                {"AAAA", "::1", "loopback"},
                {"A", "0.0.0.0", "unspecified"},
                {"AAAA", "::", "unspecified"},
                {"A", "169.254.1.1", "link-local"},
                {"AAAA", "fe80::1", "link-local"},
                {"A", "224.0.0.1", "multicast"},
                {"AAAA", "ff02::1", "multicast"},
                {"A", "192.0.2.1", "documentation"},
                {"AAAA", "2001:db8::1", "documentation"},
                {"AAAA", "::ffff:192.168.7.1", "v4-mapped"}};
  for (const auto& one : kCases) {
    const std::string text = std::string(R"({"d.example": {")") + one.type + R"(": [")" + one.address + "\"]}}";
    const Routing routing = routed(text, "d.example");
    EXPECT_EQ(line(routing).substr(0, 9), "550 5.4.4") << one.address;
    EXPECT_TRUE(dropped(routing, one.why)) << one.address;
  }
  RoutingRules loopback = rules();
  loopback.allow_loopback = true;
  EXPECT_EQ(names(routed(R"({"d.example": {"A": ["127.0.0.1"]}})", "d.example", loopback)), "d.example");
}

TEST(Routing, AddressLiterals) {
  const Routing routing = routed("{}", "[192.168.7.1]");
  ASSERT_EQ(routing.hosts.size(), 1U);
  EXPECT_EQ(routing.hosts[0].addresses.at(0).text(), "192.168.7.1");
  EXPECT_EQ(line(routed("{}", "[IPv6:fe80::1]")).substr(0, 9), "550 5.4.4");
  EXPECT_EQ(line(routed("{}", "[198.51.9.1]")).substr(0, 9), "554 5.4.6");
}

TEST(Routing, OneFamilyAlone) {
  RoutingRules six = rules();
  six.ipv4 = false;
  const char* const kZone =
      R"({"four.example": {"A": ["192.168.7.1"]}, "both.example": {"A": ["192.168.7.1"], "AAAA": ["2001:470::1"]}})";
  const Routing other = routed(kZone, "four.example", six);
  EXPECT_TRUE(other.only_other_family);
  EXPECT_EQ(line(other).substr(0, 9), "451 4.4.1");
  EXPECT_EQ(routed(kZone, "both.example", six).hosts.at(0).addresses.size(), 1U);
  six.nat64 = *ip::Prefix::parse("64:ff9b::/96");
  const Routing through = routed(kZone, "four.example", six);
  ASSERT_FALSE(through.refusal);
  EXPECT_EQ(through.hosts.at(0).addresses.at(0).text(), "64:ff9b::c0a8:701");
}

TEST(Routing, HostsAndAddressesAreBounded) {
  std::string hosts, zones;
  for (int i = 0; i < 40; ++i) {
    hosts +=
        std::string(i == 0 ? "" : ", ") + "[" + std::to_string(i) + R"(, "m)" + std::to_string(i) + R"(.example"])";
    zones += R"(, "m)" + std::to_string(i) + R"(.example": {"A": [)";
    for (int k = 1; k <= 9; ++k)
      zones += std::string(k == 1 ? "" : ", ") + "\"192.168." + std::to_string(i) + "." + std::to_string(k) + "\"";
    zones += "]}";
  }
  const Routing routing = routed(R"({"d.example": {"MX": [)" + hosts + "]}" + zones + "}", "d.example");
  ASSERT_EQ(routing.hosts.size(), kHostsMax);
  EXPECT_EQ(routing.hosts.front().name.text(), "m0.example") << "the best ones stay";
  for (const MxHost& host : routing.hosts) EXPECT_EQ(host.addresses.size(), kAddressesPerHostMax);
}

TEST(Routing, ValidatedAnswersAreTold) {
  const Routing secure = routed(R"({"d.example": {"secure": true, "MX": [[10, "s.example"], [20, "i.example"]]},
    "s.example": {"secure": true, "A": ["192.168.7.1"]}, "i.example": {"A": ["192.168.7.2"]}})",
                                "d.example");
  EXPECT_TRUE(secure.mx_secure);
  ASSERT_EQ(secure.hosts.size(), 2U);
  EXPECT_TRUE(secure.hosts[0].addresses_secure);
  EXPECT_FALSE(secure.hosts[1].addresses_secure);
  EXPECT_FALSE(routed(kThree, "a.example").mx_secure);
}

TEST(Routing, NextHopsOfTheOperator) {
  dns::FixtureResolver resolver =
      zone(R"({"smart.example": {"A": ["127.0.0.1"], "AAAA": ["2001:db8::1"], "MX": [[1, "no.example"]]}})");
  const auto to = [&](const std::string& text) {
    dns::Budget budget(kRoutingLookups);
    return run_ready(route_to(resolver, rules(), *NextHop::parse(text), 1, budget));
  };
  const Routing smart = to("smart.example:587");
  ASSERT_EQ(smart.hosts.size(), 1U) << "its MX records are not asked for";
  EXPECT_EQ(smart.hosts[0].addresses.size(), 2U) << "loopback and odd addresses are the operator's affair";
  EXPECT_EQ(smart.port, 587);
  EXPECT_EQ(line(to("gone.example:25")).substr(0, 3), "451") << "never a bounce: he mends it";
  EXPECT_EQ(line(to("198.51.9.1:25")).substr(0, 3), "451") << "ourselves";
  EXPECT_FALSE(to("198.51.9.1:26").refusal);
}

TEST(NextHop, Forms) {
  EXPECT_EQ(NextHop::parse("[2001:db8::1]:587")->text(), "[2001:db8::1]:587");
  EXPECT_EQ(NextHop::parse("SMTP.Example.NET:25")->text(), "smtp.example.net:25");
  for (const char* bad :
       {"smtp.example.net", "smtp.example.net:0", "smtp.example.net:65536", ":25", "", "[::1]", "a b:25"}) {
    EXPECT_FALSE(NextHop::parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace postern::outbound
