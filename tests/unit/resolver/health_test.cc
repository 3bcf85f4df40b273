#include "resolver/health.h"

#include <gtest/gtest.h>

namespace postern::resolver {
namespace {

using Act = Health::Act;
constexpr milliseconds kPatience{1000};

class HealthTest : public testing::Test {
 protected:
  static Clock::time_point at(int ms) { return Clock::time_point() + seconds(1000) + milliseconds(ms); }
  // Runs until `end`, calling poll() whenever it says it wants to be; returns what it did.
  std::string run(int from, int end) {
    std::string acts;
    for (auto now = at(from); now <= at(end); now = std::max(now, health_.next())) {
      const Act act = health_.poll(now);
      if (act == Act::nothing && health_.next() <= now) {
        ADD_FAILURE() << "next() lies in the past, and nothing is to be done";
        break;
      }
      if (act == Act::nothing) continue;
      acts += act == Act::probe ? "p" : "D";
      acts += std::to_string((now - at(0)) / milliseconds(1)) + " ";
    }
    return acts;
  }
  // The first look-up ever sends a probe, to learn whether servers answer them.
  void learn(bool answered) {
    health_.lookup_started(at(0));
    EXPECT_EQ(health_.poll(at(0)), Act::probe);
    if (answered) health_.server_answered(at(1));
    health_.lookup_ended(at(10), at(0), true);
  }
  Health health_{kPatience};
};

TEST_F(HealthTest, NobodyAsksNobodyIsProbed) {
  EXPECT_EQ(health_.next(), Clock::time_point::max());
  EXPECT_EQ(run(0, 5000), "");
  learn(true);
  EXPECT_EQ(run(20, 100000), "");
}

TEST_F(HealthTest, SilenceIsProbedTwiceAndThenDeath) {
  learn(true);
  health_.lookup_started(at(100));
  EXPECT_EQ(run(100, 1500), "p600 p850 D1100 ");
  EXPECT_TRUE(health_.dead());
  EXPECT_EQ(run(1500, 4200), "p2100 p3100 p4100 ");
  EXPECT_FALSE(health_.probes_are_futile());
}

TEST_F(HealthTest, AProbeThatIsAnsweredKeepsItAlive) {
  learn(true);
  health_.lookup_started(at(100));
  EXPECT_EQ(run(100, 600), "p600 ");
  health_.server_answered(at(650));
  EXPECT_EQ(run(650, 1149), "");
  EXPECT_EQ(run(1149, 2000), "p1150 p1400 D1650 ");
}

TEST_F(HealthTest, AnyAnswerRevives) {
  learn(true);
  health_.lookup_started(at(100));
  run(100, 1500);
  ASSERT_TRUE(health_.dead());
  health_.server_answered(at(1600));
  EXPECT_FALSE(health_.dead());
  health_.lookup_ended(at(1601), at(100), false);
}

TEST_F(HealthTest, AnswersOutOfTheLibrarysCacheAreNoLife) {
  learn(true);
  health_.lookup_started(at(100));
  health_.lookup_started(at(200));
  health_.lookup_ended(at(201), at(200), true);  // one millisecond
  EXPECT_EQ(run(201, 1200), "p600 p850 D1100 ");
}

TEST_F(HealthTest, AnswersThatTookTheirTimeAre) {
  learn(true);
  health_.lookup_started(at(100));
  health_.lookup_started(at(200));
  health_.lookup_ended(at(205), at(200), true);
  EXPECT_EQ(run(205, 1204), "p705 p955 ");
  EXPECT_EQ(run(1204, 1300), "D1205 ");
}

TEST_F(HealthTest, WhereProbesAreNeverAnsweredEveryAnswerCounts) {
  learn(false);
  EXPECT_TRUE(health_.probes_are_futile());
  health_.lookup_started(at(100));
  health_.lookup_started(at(900));
  health_.lookup_ended(at(901), at(900), true);
  EXPECT_EQ(run(901, 1500), "p1401 ");
}

TEST_F(HealthTest, FailuresThatTheLibraryMakesUpAreSilence) {
  learn(true);
  health_.lookup_started(at(100));
  health_.lookup_ended(at(400), at(100), false);
  health_.lookup_started(at(400));
  health_.lookup_ended(at(700), at(400), false);
  EXPECT_EQ(run(700, 1200), "p700 p850 D1100 ");
}

TEST_F(HealthTest, AThreadThatWasHeldUpAsksBeforeItJudges) {
  learn(true);
  health_.lookup_started(at(100));
  EXPECT_EQ(run(9000, 9400), "p9000 p9000 D9250 ");
}

TEST_F(HealthTest, LearnsAgainNowAndThen) {
  learn(true);
  const int later = 300'000;
  health_.lookup_started(at(later));
  EXPECT_EQ(run(later, later + 100), "p300000 ");
}

}  // namespace
}  // namespace postern::resolver
