#include "insight/intervals.h"

#include <gtest/gtest.h>

namespace postern::insight {
namespace {

// The numbers are those of R's binom::binom.confint(method = "wilson").
TEST(Intervals, Wilson) {
  const Interval some = wilson(8, 10);
  EXPECT_NEAR(some.low, 0.4902, 0.0005);
  EXPECT_NEAR(some.high, 0.9433, 0.0005);
  const Interval none = wilson(0, 300);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.0126, 0.0003);
  EXPECT_EQ(wilson(5, 5).high, 1);
  EXPECT_NEAR(wilson(5, 5).low, 0.5655, 0.0005);
  EXPECT_EQ(wilson(0, 0).low, 0);
  EXPECT_EQ(wilson(0, 0).high, 1);
}

TEST(Intervals, InformationGain) {
  EXPECT_NEAR(information_gain({.spam = 100, .spam_events = 100, .ham = 0, .ham_events = 100}), 1, 1e-9);
  EXPECT_NEAR(information_gain({.spam = 30, .spam_events = 100, .ham = 30, .ham_events = 100}), 0, 1e-9);
  EXPECT_EQ(information_gain({.spam = 3, .spam_events = 10, .ham = 0, .ham_events = 0}), 0);
  // 1 - (0.575 h(45/115) + 0.425 h(55/85)): an SPF pass in 450 of 1000 and 700 of 1000
  EXPECT_NEAR(information_gain({.spam = 450, .spam_events = 1000, .ham = 700, .ham_events = 1000}), 0.0466, 0.0005);
}

TEST(Intervals, EventsNeeded) {
  const policy::Seen decided{.spam = 600, .spam_events = 1000, .ham = 40, .ham_events = 1000};
  EXPECT_EQ(events_needed(policy::weight_of(decided), decided), 0U);
  // 7 of 10 and 0 of 10: the interval is [-0.03, 5.4], a few more would do
  const policy::Seen few{.spam = 7, .spam_events = 10, .ham = 0, .ham_events = 10};
  const std::uint64_t needed = events_needed(policy::weight_of(few), few);
  EXPECT_GE(needed, 1U);
  EXPECT_LE(needed, 5U);
  const policy::Seen alike{.spam = 5, .spam_events = 10, .ham = 5, .ham_events = 10};
  EXPECT_EQ(events_needed(policy::weight_of(alike), alike), kNever);
  EXPECT_EQ(events_needed(policy::weight_of({}), {}), kNever);
}

}  // namespace
}  // namespace postern::insight
