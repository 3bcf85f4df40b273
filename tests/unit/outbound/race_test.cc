#include "outbound/race.h"

#include <gtest/gtest.h>

namespace postern::outbound {
namespace {

constexpr Clock::time_point kStart{seconds(1000)};
Clock::time_point at(int ms) { return kStart + milliseconds(ms); }

std::vector<milliseconds> starts(std::size_t count) { return std::vector<milliseconds>(count, kHeadStartMin); }

TEST(Race, TheFirstBeginsAtOnceAndTheSecondAfterItsHeadStart) {
  Race race(starts(3));
  EXPECT_EQ(race.step(at(0)).start, 0U);
  const Race::Step wait = race.step(at(0));
  EXPECT_FALSE(wait.start);
  EXPECT_EQ(wait.look_again, at(250));
  EXPECT_FALSE(race.step(at(249)).start);
  EXPECT_EQ(race.step(at(250)).start, 1U);
}

TEST(Race, NeverMoreThanTwoAreInFlight) {
  Race race(starts(4));
  EXPECT_EQ(race.step(at(0)).start, 0U);
  EXPECT_EQ(race.step(at(250)).start, 1U);
  EXPECT_EQ(race.in_flight(), kInFlightMax);
  const Race::Step full = race.step(at(100'000));
  EXPECT_FALSE(full.start);
  EXPECT_EQ(full.look_again, Clock::time_point::max()) << "only an event changes it";
  race.failed(0);
  EXPECT_FALSE(race.step(at(300)).start) << "the second has a head start of its own";
  EXPECT_EQ(race.step(at(500)).start, 2U);
}

TEST(Race, ARefusalBeginsTheNextAtOnce) {
  Race race(starts(2));
  EXPECT_EQ(race.step(at(0)).start, 0U);
  race.failed(0);
  EXPECT_EQ(race.step(at(1)).start, 1U);
  race.failed(1);
  EXPECT_TRUE(race.over());
  EXPECT_FALSE(race.winner());
}

TEST(Race, WhoHasConnectedHasTimeToGreet) {
  Race race(starts(2));
  EXPECT_EQ(race.step(at(0)).start, 0U);
  race.connected(0, at(20));
  const Race::Step wait = race.step(at(20));
  EXPECT_FALSE(wait.start);
  EXPECT_EQ(wait.look_again, at(5020));
  EXPECT_FALSE(race.step(at(5019)).start);
  EXPECT_EQ(race.step(at(5020)).start, 1U) << "it may connect beside it then";
  race.greeted(0);
  EXPECT_EQ(race.winner(), 0U);
  EXPECT_TRUE(race.over());
  EXPECT_TRUE(race.is_in_flight(1)) << "to be let go";
}

TEST(Race, ConnectingAloneDoesNotWin) {
  Race race(starts(2));
  EXPECT_EQ(race.step(at(0)).start, 0U);
  EXPECT_EQ(race.step(at(250)).start, 1U);
  race.connected(1, at(260));
  EXPECT_FALSE(race.winner());
  race.connected(0, at(270));
  race.greeted(1);
  race.greeted(0);
  EXPECT_EQ(race.winner(), 1U) << "the first to greet";
  EXPECT_FALSE(race.step(at(400)).start) << "nobody begins after the end";
}

TEST(Race, WhatIsNotInFlightChangesNothing) {
  Race race(starts(2));
  race.failed(1);
  race.greeted(0);
  race.connected(1, at(0));
  EXPECT_EQ(race.in_flight(), 0U);
  EXPECT_FALSE(race.winner());
  EXPECT_EQ(race.step(at(0)).start, 0U);
  race.failed(0);
  race.failed(0);
  EXPECT_EQ(race.in_flight(), 0U);
  Race none({});
  EXPECT_TRUE(none.over());
}

TEST(Race, TheHeadStartFollowsTheFamilyWithinBounds) {
  EXPECT_EQ(head_start(std::nullopt), milliseconds(250));
  EXPECT_EQ(head_start(milliseconds(10)), milliseconds(250));
  EXPECT_EQ(head_start(milliseconds(125)), milliseconds(250));
  EXPECT_EQ(head_start(milliseconds(126)), milliseconds(252));
  EXPECT_EQ(head_start(milliseconds(60'000)), milliseconds(5000));
}

// Whatever happens in whatever order: at most two at once, each begun once, and in the end it is over.
TEST(Race, EveryOrderOfEventsKeepsTheRules) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    unsigned state = seed * 2654435761U + 1;
    const auto random = [&state](unsigned below) {
      state = state * 1664525U + 1013904223U;
      return (state >> 16) % below;
    };
    const std::size_t count = 1 + random(6);
    Race race(starts(count));
    std::vector<int> begun(count, 0);
    int now = 0;
    for (int turn = 0; turn < 400 && !race.over(); ++turn) {
      const Race::Step step = race.step(at(now));
      if (step.start) ++begun.at(*step.start);
      ASSERT_LE(race.in_flight(), kInFlightMax);
      const std::size_t who = random(static_cast<unsigned>(count));
      if (race.is_in_flight(who)) {
        const unsigned what = random(12);
        if (what < 2) race.connected(who, at(now));
        if (what == 2) race.failed(who);
        if (what == 3) race.greeted(who);
      }
      now += static_cast<int>(random(700));
    }
    ASSERT_TRUE(race.over()) << seed;
    for (const int times : begun) ASSERT_LE(times, 1);
  }
}

}  // namespace
}  // namespace postern::outbound
