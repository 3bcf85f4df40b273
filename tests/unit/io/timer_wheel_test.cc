#include "io/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>

namespace postern::io {
namespace {

struct Node final : TimerNode {
  std::function<void(Clock::time_point)> action;
  int fired = 0;
  void on_timer(Clock::time_point now) override {
    ++fired;
    if (action) action(now);
  }
};

const auto kStart = Clock::time_point(seconds(1000));

TEST(TimerWheel, FiresLateRatherThanEarly) {
  TimerWheel wheel(kStart);
  Node node;
  wheel.arm(node, kStart + milliseconds(25));
  wheel.advance(kStart + milliseconds(20));
  EXPECT_EQ(node.fired, 0);
  wheel.advance(kStart + milliseconds(29));
  EXPECT_EQ(node.fired, 0);
  wheel.advance(kStart + milliseconds(30));
  EXPECT_EQ(node.fired, 1);
  EXPECT_FALSE(node.armed());
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, WaitEndsWhenTheFirstIsDue) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.wait_ms(kStart), -1);
  Node late;
  Node early;
  wheel.arm(late, kStart + milliseconds(995));
  EXPECT_EQ(wheel.wait_ms(kStart), 1000);
  wheel.arm(early, kStart + milliseconds(95));
  EXPECT_EQ(wheel.wait_ms(kStart), 100);
  EXPECT_EQ(wheel.wait_ms(kStart + milliseconds(400)), 0);
  wheel.disarm(early);
  EXPECT_EQ(wheel.wait_ms(kStart), 1000);
  wheel.disarm(late);
  EXPECT_EQ(wheel.wait_ms(kStart), -1);
}

TEST(TimerWheel, ALaterDeadlineLeavesTheNodeWhereItIsAndAnEarlierOneMovesIt) {
  TimerWheel wheel(kStart);
  Node node;
  wheel.arm(node, kStart + milliseconds(95));
  wheel.arm(node, kStart + milliseconds(995));
  EXPECT_EQ(wheel.wait_ms(kStart), 100);
  wheel.arm(node, kStart + milliseconds(45));
  EXPECT_EQ(wheel.wait_ms(kStart), 50);
  wheel.disarm(node);
}

TEST(TimerWheel, GranularityBringsNodesTogether) {
  TimerWheel wheel(kStart);
  Node a;
  Node b;
  wheel.arm(a, kStart + milliseconds(11), 10);
  wheel.arm(b, kStart + milliseconds(88), 10);
  wheel.advance(kStart + milliseconds(99));
  EXPECT_EQ(a.fired + b.fired, 0);
  wheel.advance(kStart + milliseconds(100));
  EXPECT_EQ(a.fired + b.fired, 2);
}

TEST(TimerWheel, BeyondItsReachTheNodeComesRoundAgain) {
  TimerWheel wheel(kStart);
  Node node;
  const auto due = kStart + std::chrono::minutes(5);
  node.action = [&](Clock::time_point now) {
    if (now < due) wheel.arm(node, due);
  };
  wheel.arm(node, due);
  auto now = kStart;
  while (node.armed()) {
    now += milliseconds(wheel.wait_ms(now));
    wheel.advance(now);
  }
  EXPECT_GE(now, due);
  EXPECT_LT(now, due + milliseconds(20));
  EXPECT_LT(node.fired, 12);
}

TEST(TimerWheel, ALongGapFiresEachNodeOnceAndRearmingEndsTheSweep) {
  TimerWheel wheel(kStart);
  Node a;
  Node b;
  a.action = [&](Clock::time_point now) { wheel.arm(a, now + seconds(39)); };  // lands among the slots of the sweep
  wheel.arm(a, kStart + milliseconds(10));
  wheel.arm(b, kStart + seconds(30));
  wheel.advance(kStart + seconds(3600));
  EXPECT_EQ(a.fired, 1);
  EXPECT_EQ(b.fired, 1);
  EXPECT_TRUE(a.armed());
  wheel.disarm(a);
}

TEST(TimerWheel, OneNodeMayDisarmAnotherThatIsDueToo) {
  TimerWheel wheel(kStart);
  Node a;
  Node b;
  a.action = [&](Clock::time_point) { wheel.disarm(b); };
  b.action = [&](Clock::time_point) { wheel.disarm(a); };
  wheel.arm(a, kStart + milliseconds(10));
  wheel.arm(b, kStart + milliseconds(10));
  wheel.advance(kStart + seconds(1));
  EXPECT_EQ(a.fired + b.fired, 1);
  EXPECT_TRUE(wheel.empty());
}

}  // namespace
}  // namespace postern::io
