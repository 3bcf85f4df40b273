// What is remembered: families, pace, and which replies mean what; the order in which addresses are tried.
#include <gtest/gtest.h>

#include "outbound/candidates.h"
#include "outbound/family_memory.h"
#include "outbound/pace.h"
#include "outbound/replies.h"
#include "outbound/smtp_remote.h"

namespace postern::outbound {
namespace {

using ip::Family;
using News = FamilyMemory::News;
constexpr WallMs kNow = 1'790'000'000'000;

TEST(FamilyMemory, ARefusalLastsADay) {
  FamilyMemory memory;
  EXPECT_EQ(memory.order("a.example", kNow).first, Family::v6);
  memory.note_refusal("a.example", Family::v6, kNow);
  EXPECT_EQ(memory.order("a.example", kNow).first, Family::v4);
  EXPECT_TRUE(memory.order("a.example", kNow).apart) << "IPv6 only when nothing else is left";
  EXPECT_EQ(memory.order("b.example", kNow).first, Family::v6);
  EXPECT_TRUE(memory.refused("a.example", Family::v6, kNow + kRefusedForMs - 1));
  EXPECT_FALSE(memory.refused("a.example", Family::v6, kNow + kRefusedForMs));
  EXPECT_FALSE(memory.refused("a.example", Family::v6, kNow - 2 * kRefusedForMs)) << "a clock that went back";
  memory.note_delivery("a.example", Family::v6);
  EXPECT_FALSE(memory.refused("a.example", Family::v6, kNow));
}

TEST(FamilyMemory, TheFamilyThatFailsComesSecond) {
  FamilyMemory memory;
  memory.connected("a.example", Family::v4, milliseconds(10), kNow);
  for (int i = 0; i < 4; ++i) memory.failed("a.example", Family::v6, kNow);
  EXPECT_EQ(memory.order("a.example", kNow).first, Family::v4);
  EXPECT_FALSE(memory.order("a.example", kNow).apart);
  memory.connected("a.example", Family::v6, milliseconds(10), kNow);
  memory.connected("a.example", Family::v6, milliseconds(10), kNow);
  EXPECT_EQ(memory.order("a.example", kNow).first, Family::v6);
}

TEST(FamilyMemory, ConnectTimes) {
  FamilyMemory memory;
  EXPECT_FALSE(memory.connect_time("a.example", Family::v6));
  memory.connected("a.example", Family::v6, milliseconds(100), kNow);
  EXPECT_EQ(memory.connect_time("a.example", Family::v6), milliseconds(100));
  EXPECT_EQ(memory.connect_time("b.example", Family::v6), milliseconds(100)) << "of the family, where it is not known";
  EXPECT_FALSE(memory.connect_time("a.example", Family::v4));
  memory.connected("a.example", Family::v6, milliseconds(200), kNow);
  EXPECT_EQ(memory.connect_time("a.example", Family::v6), milliseconds(130));
}

TEST(FamilyMemory, TheHostsOwnFamilyIsFoundBrokenAndWholeAgain) {
  FamilyMemory memory;
  const auto fail = [&](int destination, WallMs now) {
    return memory.failed("d" + std::to_string(destination) + ".example", Family::v6, now);
  };
  // All fail, and nothing works: that is the network
  for (int i = 0; i < 20; ++i) EXPECT_EQ(fail(i, kNow), News::none);
  memory.connected("x.example", Family::v4, milliseconds(5), kNow);
  EXPECT_EQ(fail(21, kNow), News::broken);
  EXPECT_EQ(fail(22, kNow), News::none) << "told once";
  EXPECT_EQ(memory.order("new.example", kNow).first, Family::v4);
  EXPECT_TRUE(memory.broken(Family::v6, kNow + kBrokenForMs - 1));
  EXPECT_FALSE(memory.broken(Family::v6, kNow + kBrokenForMs)) << "then it is tried";
  EXPECT_EQ(fail(23, kNow + kBrokenForMs), News::none);
  EXPECT_TRUE(memory.broken(Family::v6, kNow + kBrokenForMs)) << "one failure is enough now";
  EXPECT_EQ(memory.connected("y.example", Family::v6, milliseconds(5), kNow), News::whole);
  EXPECT_FALSE(memory.broken(Family::v6, kNow + 1));
}

TEST(FamilyMemory, OneDestinationBreaksNoFamily) {
  FamilyMemory memory;
  memory.failed("a.example", Family::v6, kNow);
  memory.connected("a.example", Family::v4, milliseconds(5), kNow);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(memory.failed("a.example", Family::v6, kNow), News::none);
}

TEST(FamilyMemory, IsKeptOverARestart) {
  FamilyMemory memory;
  memory.note_refusal("a.example", Family::v6, kNow);
  memory.connected("b.example", Family::v4, milliseconds(70), kNow);
  for (int i = 0; i < 5; ++i) memory.failed("b.example", Family::v6, kNow);
  EXPECT_TRUE(memory.changed());
  FamilyMemory again;
  again.load(memory.save(), kNow + 1000);
  EXPECT_FALSE(again.changed());
  EXPECT_EQ(again.save(), memory.save());
  EXPECT_TRUE(again.refused("a.example", Family::v6, kNow + 1000));
  EXPECT_EQ(again.order("b.example", kNow).first, Family::v4);
  EXPECT_EQ(again.connect_time("b.example", Family::v4), milliseconds(70));
}

TEST(FamilyMemory, WhatIsWrongWithALineCostsThatLine) {
  FamilyMemory memory;
  memory.load("nonsense\n{\"destination\":7}\n{}\n\n{\"destination\":\"" + std::string(301, 'a') +
                  "\"}\n{\"destination\":\"a.example\",\"ipv6\":{\"success\":-3,\"connect_ms\":1e300,\"refused_at\":" +
                  std::to_string(kNow + 1) + "}}\n{\"destination\":\"b.example\"",
              kNow);
  EXPECT_EQ(memory.size(), 1U);
  EXPECT_FALSE(memory.refused("a.example", Family::v6, kNow)) << "from the future";
  EXPECT_FALSE(memory.connect_time("a.example", Family::v6));
}

TEST(FamilyMemory, HoldsItsBound) {
  FamilyMemory memory;
  for (std::size_t i = 0; i <= kMemoryMax; ++i) memory.note_refusal(std::to_string(i), Family::v6, kNow);
  EXPECT_EQ(memory.size(), kMemoryMax);
  EXPECT_FALSE(memory.refused("0", Family::v6, kNow)) << "the oldest made room";
  EXPECT_TRUE(memory.refused("1", Family::v6, kNow));
}

TEST(Pace, GrowsWithSuccessAndHalvesUnderStrain) {
  Pace pace(10);
  const Clock::time_point now{seconds(100'000)};
  EXPECT_EQ(pace.window("a"), 4U);
  EXPECT_TRUE(pace.doubtful("a", now));
  for (int i = 0; i < 200; ++i) pace.delivered("a", now);
  EXPECT_EQ(pace.window("a"), 10U) << "the operator's limit";
  EXPECT_FALSE(pace.doubtful("a", now));
  EXPECT_TRUE(pace.doubtful("a", now + Pace::kProvenFor + seconds(1)));
  pace.strained("a");
  EXPECT_EQ(pace.window("a"), 5U);
  for (int i = 0; i < 10; ++i) pace.strained("a");
  EXPECT_EQ(pace.window("a"), 1U) << "never nothing at all";
  pace.unreachable("a");
  EXPECT_TRUE(pace.doubtful("a", now));
  EXPECT_EQ(Pace(2).window("new"), 2U);
}

TEST(Pace, RestsGrowUntilSomethingIsDelivered) {
  Pace pace(10);
  EXPECT_EQ(pace.slow_down("a"), seconds(60));
  EXPECT_EQ(pace.slow_down("a"), seconds(120));
  for (int i = 0; i < 10; ++i) static_cast<void>(pace.slow_down("a"));
  EXPECT_EQ(pace.slow_down("a"), seconds(3600));
  pace.delivered("a", Clock::time_point{seconds(100'000)});
  EXPECT_EQ(pace.slow_down("a"), seconds(60));
}

TEST(Replies, WhichBlameTheFamily) {
  using smtp::Reply;
  for (const Reply& reply :
       {Reply(550, {5, 7, 25}, "no"), Reply(550, {5, 7, 26}, "no"),
        Reply(550, {5, 7, 1}, "Our system has detected that this message does not meet IPv6 sending guidelines"),
        Reply(554, {5, 7, 1}, "no PTR record"), Reply(550, {5, 7, 1}, "fix your reverse DNS"),
        Reply(554, {}, "Bad rDNS"), Reply(450, {4, 7, 25}, "Client host rejected: cannot find your hostname"),
        Reply(451, {4, 7, 1}, "no PTR record")}) {
    EXPECT_TRUE(blames_family(reply)) << reply.line();
  }
  for (const Reply& reply :
       {Reply(421, {4, 7, 26}, "rate limited: unauthenticated"), Reply(451, {4, 4, 2}, "IPv6"),
        Reply(550, {5, 7, 1}, "spam"), Reply(550, {5, 1, 1}, "no IPv6 here"), Reply(250, {2, 7, 25}, "IPv6"),
        Reply(550, {5, 7, 1}, "scriptptrue"), Reply(550, {}, "go away")}) {
    EXPECT_FALSE(blames_family(reply)) << reply.line();
  }
}

TEST(Replies, WhichAskToSlowDown) {
  using smtp::Reply;
  EXPECT_TRUE(asks_to_slow_down(Reply(421, {4, 7, 28}, "Our system has detected an unusual rate of mail")));
  EXPECT_TRUE(asks_to_slow_down(Reply(450, {4, 7, 1}, "Rate limit exceeded")));
  EXPECT_TRUE(asks_to_slow_down(Reply(451, {}, "Too many connections from your host")));
  EXPECT_FALSE(asks_to_slow_down(Reply(451, {4, 7, 1}, "Greylisted, try again later")));
  EXPECT_FALSE(asks_to_slow_down(Reply(452, {4, 5, 3}, "Too many recipients")));
  EXPECT_FALSE(asks_to_slow_down(Reply(550, {5, 7, 1}, "rate limit")));
}

std::string order_text(const std::vector<std::vector<Candidate>>& levels) {
  std::string out;
  for (const auto& level : levels) {
    if (!out.empty()) out += " | ";
    for (const Candidate& one : level) out += (out.empty() || out.ends_with(' ') ? "" : " ") + one.address.text();
  }
  return out;
}

TEST(Candidates, FamiliesTakeTurnsWithinAPreference) {
  const auto host = [](std::uint16_t preference, std::initializer_list<const char*> addresses) {
    MxHost out;
    out.preference = preference;
    for (const char* text : addresses) out.addresses.push_back(*ip::Address::parse(text));
    return out;
  };
  const std::vector<MxHost> hosts = {host(10, {"2001:470::1", "2001:470::2", "10.0.0.1"}),
                                     host(10, {"2001:470::3", "10.0.0.3"}), host(20, {"10.0.0.9"})};
  EXPECT_EQ(order_text(order_candidates(hosts, {})),
            "2001:470::1 10.0.0.1 2001:470::3 10.0.0.3 2001:470::2 | 10.0.0.9");
  EXPECT_EQ(order_text(order_candidates(hosts, {Family::v4, false})),
            "10.0.0.1 2001:470::1 10.0.0.3 2001:470::3 2001:470::2 | 10.0.0.9");
  EXPECT_EQ(order_text(order_candidates(hosts, {Family::v4, true})),
            "10.0.0.1 10.0.0.3 2001:470::1 2001:470::3 2001:470::2 | 10.0.0.9");
  EXPECT_TRUE(order_candidates({}, {}).empty());
}

TEST(Routes, TheMostExactOneCounts) {
  Options options;
  const auto route = [](std::vector<std::string> domains, const char* via) {
    RouteOptions out;
    out.domains = std::move(domains);
    out.via = *NextHop::parse(via);
    return out;
  };
  const auto via = [&](const char* to) {
    const RouteOptions* const found = find_route(options, *smtp::parse_domain(to, true));
    return found == nullptr ? std::string("mx") : found->via->text();
  };
  EXPECT_EQ(via("a.example"), "mx");
  options.smarthost = route({}, "smart.example:25");
  EXPECT_EQ(via("a.example"), "smart.example:25");
  options.routes = {route({"*"}, "all.example:25"), route({".example"}, "below.example:25"),
                    route({".a.example"}, "deep.example:25"), route({"a.example", "[192.0.2.1]"}, "exact.example:25")};
  EXPECT_EQ(via("a.example"), "exact.example:25");
  EXPECT_EQ(via("b.a.example"), "deep.example:25");
  EXPECT_EQ(via("c.example"), "below.example:25");
  EXPECT_EQ(via("c.test"), "all.example:25");
  EXPECT_EQ(via("[192.0.2.1]"), "exact.example:25");
}

}  // namespace
}  // namespace postern::outbound
