// Which attempts hold a slot: times come in, nothing sleeps.
#include "delivery/slots.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern::delivery {
namespace {

constexpr Clock::time_point kStart{std::chrono::hours(1)};

TEST(Slots, WhatIsNotThroughInTimeLeavesItsSlot) {
  Slots slots(2);
  const auto first = slots.begin(kStart, true, true);
  ASSERT_TRUE(slots.room());
  EXPECT_FALSE(slots.room_for_doubtful()) << "three quarters of two are one";
  const auto second = slots.begin(kStart + milliseconds(10), true, false);
  EXPECT_FALSE(slots.room());
  EXPECT_EQ(slots.look_again(), kStart + Slots::kPrompt);
  EXPECT_FALSE(slots.step(kStart + Slots::kPrompt - milliseconds(1)));
  EXPECT_FALSE(slots.room());
  EXPECT_TRUE(slots.step(kStart + Slots::kPrompt));
  EXPECT_TRUE(slots.room_for_doubtful());
  EXPECT_EQ(slots.taken(), 1U);
  EXPECT_EQ(slots.waiting(), 1U);
  EXPECT_EQ(slots.look_again(), kStart + milliseconds(10) + Slots::kPrompt);
  slots.end(first);
  EXPECT_EQ(slots.waiting(), 0U);
  EXPECT_EQ(slots.taken(), 1U) << "its slot is not given back twice";
  slots.end(second);
  EXPECT_EQ(slots.taken(), 0U);
  EXPECT_FALSE(slots.look_again());
}

TEST(Slots, LocalDeliveryKeepsItsSlot) {
  Slots slots(1);
  const auto local = slots.begin(kStart, false, false);
  EXPECT_FALSE(slots.look_again());
  EXPECT_FALSE(slots.step(kStart + 10 * Slots::kPrompt));
  EXPECT_FALSE(slots.room());
  slots.end(local);
  EXPECT_TRUE(slots.room());
}

TEST(Slots, NoMoreWaitBesideThemThanTheBound) {
  Slots slots(2);
  Clock::time_point now = kStart;
  std::vector<Slots::Handle> waiting;
  while (waiting.size() < 2 * Slots::kWaitingPerSlot) {
    waiting.push_back(slots.begin(now, true, true));
    now += Slots::kPrompt;
    ASSERT_TRUE(slots.step(now));
    ASSERT_TRUE(slots.room_for_doubtful());
  }
  EXPECT_EQ(slots.waiting(), 2 * Slots::kWaitingPerSlot);
  const auto last = slots.begin(now, true, true);
  EXPECT_FALSE(slots.step(now + 10 * Slots::kPrompt)) << "one more keeps its slot";
  EXPECT_FALSE(slots.look_again());
  EXPECT_FALSE(slots.room_for_doubtful());
  EXPECT_TRUE(slots.room()) << "for those that are known to live";
  slots.end(waiting.front());
  EXPECT_TRUE(slots.step(now + Slots::kPrompt));
  EXPECT_TRUE(slots.room_for_doubtful());
  slots.end(last);
  EXPECT_EQ(slots.taken(), 0U);
  EXPECT_EQ(slots.waiting(), 2 * Slots::kWaitingPerSlot - 1);
}

TEST(Slots, DoubtfulOnesAreCountedWhileTheyWaitToo) {
  Slots slots(16);
  const auto one = slots.begin(kStart, true, true);
  EXPECT_FALSE(slots.many_doubtful());
  const auto two = slots.begin(kStart, true, true);
  EXPECT_TRUE(slots.many_doubtful()) << "an eighth of the slots";
  EXPECT_TRUE(slots.step(kStart + Slots::kPrompt));
  EXPECT_TRUE(slots.many_doubtful());
  slots.end(one);
  EXPECT_FALSE(slots.many_doubtful());
  slots.end(two);
}

}  // namespace
}  // namespace postern::delivery
