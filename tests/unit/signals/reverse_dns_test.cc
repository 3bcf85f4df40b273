#include "signals/reverse_dns.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "dns/fixture.h"
#include "suffixes.h"
#include "waiting_resolver.h"

namespace postern::signals {
namespace {

using evidence::value::Rdns;
using test::address_of;
using test::name_of;

constexpr std::string_view kV4 = "198.51.100.7";
constexpr std::string_view kV6 = "2001:db8:1::7";
const std::string kPtr4 = "7.100.51.198.in-addr.arpa";
const std::string kPtr6 = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";

struct LookedUp {
  ReverseDns found;
  std::uint32_t asked = 0;
};

LookedUp looked_up(std::string_view client, const std::string& zone, std::uint32_t lookups = dns::Budget::kLookups) {
  auto parsed = dns::Zone::from_json(json::parse(zone).value());
  EXPECT_TRUE(parsed) << parsed.error().what;
  dns::FixtureResolver resolver(std::move(*parsed));
  dns::Budget budget(lookups);
  ReverseDns found = run_ready(look_up(address_of(client), test::suffixes(), resolver, budget));
  return {std::move(found), budget.asked()};
}

std::string pointers(std::string_view names) { return "\"" + kPtr4 + "\": {\"PTR\": [" + std::string(names) + "]}"; }

TEST(ReverseDns, StatesOfBothFamilies) {
  struct Case {
    std::string_view client;
    std::string zone;
    Rdns state;
    std::string_view name, organisation;
  };
  const std::string to_mail = R"(": {"PTR": ["mx.firm.example"]}, "mx.firm.example": )";
  const std::array cases = std::to_array<Case>({
      {kV4, "{}", Rdns::none, "", ""},
      {kV6, "{}", Rdns::none, "", ""},
      {kV4, "{\"" + kPtr4 + "\": {}}", Rdns::none, "", ""},
      {kV4, "{" + pointers("\".\"") + "}", Rdns::none, "", ""},
      {kV4, "{\"" + kPtr4 + to_mail + R"({"A": ["198.51.100.7"]}})", Rdns::mail, "mx.firm.example", "firm.example"},
      {kV6, "{\"" + kPtr6 + to_mail + R"({"AAAA": ["2001:db8:1::7"]}})", Rdns::mail, "mx.firm.example", "firm.example"},
      {kV4, "{\"" + kPtr4 + to_mail + R"({"A": ["198.51.100.8"]}})", Rdns::unconfirmed, "mx.firm.example", ""},
      {kV4, "{\"" + kPtr4 + to_mail + R"({"AAAA": ["2001:db8:1::7"]}})", Rdns::unconfirmed, "mx.firm.example", ""},
      {kV4, "{\"" + kPtr4 + "\": {\"PTR\": [\"mx.firm.example\"]}}", Rdns::unconfirmed, "mx.firm.example", ""},
      {kV4,
       "{" + pointers("\"alpha.firm.co.uk\"") + R"(, "alpha.firm.co.uk": {"A": ["198.51.100.8", "198.51.100.7"]}})",
       Rdns::confirmed, "alpha.firm.co.uk", "firm.co.uk"},
      {kV4, "{" + pointers("\"firm.example\"") + R"(, "firm.example": {"A": ["198.51.100.7"]}})", Rdns::confirmed,
       "firm.example", "firm.example"},
      // a CNAME, as RFC 2317 has it
      {kV4, "{\"" + kPtr4 + R"(": {"CNAME": "7.0-25.100.51.198.in-addr.arpa"},
                              "7.0-25.100.51.198.in-addr.arpa": {"PTR": ["mx.firm.example"]},
                              "mx.firm.example": {"CNAME": "h.firm.example"}, "h.firm.example": {"A": ["198.51.100.7"]}})",
       Rdns::mail, "mx.firm.example", "firm.example"},
  });
  for (const Case& c : cases) {
    const LookedUp got = looked_up(c.client, c.zone);
    EXPECT_EQ(got.found.state, c.state) << c.zone;
    EXPECT_EQ(got.found.name.text(), c.name) << c.zone;
    EXPECT_EQ(got.found.organisation.value_or(dns::Name()).text(), c.organisation) << c.zone;
    EXPECT_EQ(got.found.confirmed, !c.organisation.empty()) << c.zone;
    EXPECT_EQ(got.found.problem, "") << c.zone;
  }
}

TEST(ReverseDns, AGenericNameIsGenericWhetherItIsConfirmedOrNot) {
  const std::string name = "198-51-100-7.dsl.isp.example";
  for (const std::string answer : {R"({"A": ["198.51.100.7"]})", "{}", R"({"A": "SERVFAIL"})", R"({"A": "TIMEOUT"})"}) {
    const LookedUp got = looked_up(kV4, "{" + pointers("\"" + name + "\"") + ", \"" + name + "\": " + answer + "}");
    EXPECT_EQ(got.found.state, Rdns::generic) << answer;
    EXPECT_EQ(got.found.form.why, "encodes_ipv4");
    EXPECT_EQ(got.found.confirmed, answer.contains("198")) << answer;
  }
}

TEST(ReverseDns, OfSeveralNamesTheBestConfirmedOneCounts) {
  const std::string names = R"("198-51-100-7.isp.example", "www.firm.example", "mx.firm.example")";
  const std::string good = R"({"A": ["198.51.100.7"]})";
  const auto zone = [&](const std::string& generic, const std::string& www, const std::string& mx) {
    return "{" + pointers(names) + ", \"198-51-100-7.isp.example\": " + generic + ", \"www.firm.example\": " + www +
           ", \"mx.firm.example\": " + mx + "}";
  };
  EXPECT_EQ(looked_up(kV4, zone(good, good, good)).found.name.text(), "mx.firm.example");
  EXPECT_EQ(looked_up(kV4, zone(good, good, "{}")).found.state, Rdns::confirmed);
  EXPECT_EQ(looked_up(kV4, zone(good, good, "{}")).found.name.text(), "www.firm.example");
  EXPECT_EQ(looked_up(kV4, zone(good, "{}", "{}")).found.state, Rdns::generic);
  EXPECT_EQ(looked_up(kV4, zone("{}", "{}", "{}")).found.state, Rdns::unconfirmed);
  EXPECT_EQ(looked_up(kV4, zone("{}", "{}", "{}")).found.names.size(), 3U);
  // A failure counts where it could have decided, and nowhere else.
  EXPECT_EQ(looked_up(kV4, zone(good, good, R"("SERVFAIL")")).found.state, Rdns::confirmed);
  EXPECT_EQ(looked_up(kV4, zone(good, R"("SERVFAIL")", good)).found.state, Rdns::mail);
  EXPECT_EQ(looked_up(kV4, zone(R"("SERVFAIL")", good, "{}")).found.state, Rdns::confirmed);
  EXPECT_EQ(looked_up(kV4, zone(good, R"("SERVFAIL")", "{}")).found.state, Rdns::unknown);
  EXPECT_EQ(looked_up(kV4, zone(R"("TIMEOUT")", "{}", "{}")).found.state, Rdns::unknown);
}

TEST(ReverseDns, AFailureAtEachLookUpIsUnknown) {
  for (const std::string_view failure : {"SERVFAIL", "TIMEOUT", "REFUSED", "BOGUS"}) {
    const std::string text = "\"" + std::string(failure) + "\"";
    const std::string word = lower(failure);
    const LookedUp pointer = looked_up(kV4, "{\"" + kPtr4 + "\": " + text + "}");
    EXPECT_EQ(pointer.found.state, Rdns::unknown);
    EXPECT_EQ(pointer.found.problem, word);
    for (const std::string_view other : {"", ", \"www.firm.example\""}) {
      const LookedUp forward = looked_up(
          kV4, "{" + pointers("\"mx.firm.example\"" + std::string(other)) + ", \"mx.firm.example\": " + text + "}");
      EXPECT_EQ(forward.found.state, Rdns::unknown);
      EXPECT_EQ(forward.found.problem, word);
      EXPECT_EQ(forward.found.name.text(), "mx.firm.example");
      EXPECT_FALSE(forward.found.confirmed);
    }
  }
}

TEST(ReverseDns, ASpentBudgetIsUnknown) {
  const std::string zone = "{" + pointers("\"mx.firm.example\"") + R"(, "mx.firm.example": {"A": ["198.51.100.7"]}})";
  for (const std::uint32_t lookups : {0U, 1U}) {
    const LookedUp got = looked_up(kV4, zone, lookups);
    EXPECT_EQ(got.found.state, Rdns::unknown);
    EXPECT_EQ(got.found.problem, "limit");
    EXPECT_EQ(got.asked, lookups);
  }
  EXPECT_EQ(looked_up(kV4, zone, 2).found.state, Rdns::mail);
}

TEST(ReverseDns, TenNamesAreLookedAtAndNoMore) {
  const auto zone = [](std::size_t names, std::size_t good) {
    std::string list;
    for (std::size_t i = 0; i < names; ++i) list += (i == 0 ? "\"h" : ", \"h") + std::to_string(i) + ".firm.example\"";
    return "{" + pointers(list) + ", \"h" + std::to_string(good) + R"(.firm.example": {"A": ["198.51.100.7"]}})";
  };
  EXPECT_EQ(looked_up(kV4, zone(10, 9)).found.state, Rdns::confirmed);
  EXPECT_EQ(looked_up(kV4, zone(10, 10)).found.state, Rdns::unconfirmed);
  EXPECT_EQ(looked_up(kV4, zone(150, 0)).found.state, Rdns::confirmed);
  const LookedUp got = looked_up(kV4, zone(11, 10));
  EXPECT_EQ(got.found.state, Rdns::unknown);
  EXPECT_EQ(got.found.problem, "too_many");
  EXPECT_EQ(got.found.names.size(), kNamesMax);
  EXPECT_EQ(got.asked, kReverseLookupsMax);
}

TEST(ReverseDns, WhatIsNoHostNameIsNotAskedFor) {
  dns::Zone zone;
  dns::Answer odd;
  odd.status = dns::Status::ok;
  for (const std::string_view text :
       {"a b.firm.example", "x\r\n250 ok.firm.example", "\xff\xfe.example", "a\"b.example"})
    odd.names.push_back(name_of(text));
  odd.names.push_back(name_of(std::string_view("nul\0.example", 12)));
  zone.set(name_of(kPtr4), dns::Type::ptr, odd);
  dns::FixtureResolver resolver(std::move(zone));
  dns::Budget budget;
  const ReverseDns found = run_ready(look_up(address_of(kV4), test::suffixes(), resolver, budget));
  EXPECT_EQ(found.state, Rdns::unconfirmed);
  EXPECT_EQ(found.names.size(), 5U);
  EXPECT_EQ(budget.asked(), 1U);
  EXPECT_TRUE(is_host_name(name_of("a_b-1.example")));
  EXPECT_FALSE(is_host_name(dns::Name()));
}

TEST(ReverseDns, AllNamesAreUnderWayBeforeTheFirstIsWaitedFor) {
  const std::string zone = "{" + pointers(R"("a.firm.example", "b.firm.example", "c.firm.example")") +
                           R"(, "c.firm.example": {"A": ["198.51.100.7"]}})";
  test::WaitingResolver resolver(*dns::Zone::from_json(*json::parse(zone)));
  dns::Budget budget;
  auto task = look_up(address_of(kV4), test::suffixes(), resolver, budget);
  task.start();
  EXPECT_TRUE(resolver.prefetched.empty());
  ASSERT_TRUE(resolver.answer_next());
  EXPECT_EQ(resolver.prefetched, (std::vector<std::string>{"a.firm.example", "b.firm.example", "c.firm.example"}));
  EXPECT_EQ(resolver.asked.size(), 2U);
  while (resolver.answer_next()) {
  }
  ASSERT_TRUE(task.done());
  EXPECT_EQ(task.take().name.text(), "c.firm.example");
}

TEST(ReverseDns, EveryFailureHasAWord) {
  for (int status = 0; status <= static_cast<int>(dns::Status::cancelled); ++status) {
    const auto value = static_cast<dns::Status>(status);
    EXPECT_EQ(problem_word(value).empty(), !dns::is_temporary(value)) << status;
  }
}

}  // namespace
}  // namespace postern::signals
