#include "insight/simulated_state.h"

#include <gtest/gtest.h>

#include "insight/replay.h"
#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

policy::RuleOptions rule(std::string name, std::string when, evidence::Action action) {
  policy::RuleOptions out;
  out.name = std::move(name);
  out.when = std::move(when);
  out.action = action;
  return out;
}

ReplayReport resimulate(const policy::Policy& policy, const std::string& lines) {
  const auto state = simulate({});
  Replay run(policy, {}, {}, state.get());
  read_lines(lines, [&](const record::SessionView& session) { run.add(session); });
  return run.finish({});
}

// A server whose greylist was never asked: everybody stood there as a stranger on his first attempt.
std::string attempt(const policy::Policy& recorded, WallMs at, const std::string& client, const std::string& who) {
  Session one(recorded, at, client, "spf:" + who);
  one.with(Signal::known, value::Known::stranger).with(Signal::greylist, value::Greylist::first);
  one.with(Signal::budget, value::Budget::within).connect().mail("x@" + who);
  return one.line();
}

TEST(SimulatedState, TheGreylistLetsInWhoComesBack) {
  const auto recorded = compile(preset("none"));
  const auto grey = compile(preset(
      "none", {rule("strangers", "known == stranger and greylist in [first, early]", evidence::Action::greylist)}));
  const std::string lines = attempt(*recorded, kMonday, "192.0.2.1", "a.example") +
                            attempt(*recorded, kMonday + 60'000, "192.0.2.1", "a.example") +      // too early
                            attempt(*recorded, kMonday + 300'000, "192.0.2.77", "a.example") +    // another machine
                            attempt(*recorded, kMonday + 400'000, "198.51.100.1", "b.example") +  // somebody else
                            attempt(*recorded, kMonday + 5 * kHour, "192.0.2.1", "a.example");    // seen
  const ReplayReport report = resimulate(*grey, lines);
  EXPECT_TRUE(report.simulated);
  EXPECT_EQ(report.both().newly_delayed, 3U);
  ASSERT_EQ(report.newly_delayed.listed.size(), 2U);
  EXPECT_EQ(report.newly_delayed.listed[0].sessions, 2U);
  // As recorded, without the simulation, each is a first attempt.
  Replay plain(*grey, {});
  read_lines(lines, [&](const record::SessionView& session) { plain.add(session); });
  EXPECT_EQ(plain.finish({}).both().newly_delayed, 5U);
  EXPECT_EQ(report.warm.greylist, kMonday + 4 * kHour);
  EXPECT_EQ(report.warm.budgets, kMonday + kHour);
  EXPECT_EQ(report.warm.known, std::nullopt);
}

TEST(SimulatedState, BudgetsFillAndSparesAreKnown) {
  const auto recorded = compile(preset("none"));
  const auto budget = compile(preset("none", {rule("budget", "budget == over", evidence::Action::throttle)}));
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += attempt(*recorded, kMonday + i * 1000, "2001:db8::1", "loud.example");
  const ReplayReport report = resimulate(*budget, lines);
  // A connection and a message each: after ten the address has spent its twenty.
  EXPECT_GT(report.both().newly_delayed, 80U);
  EXPECT_LT(report.both().newly_delayed, 95U);
  EXPECT_EQ(report.families[0].newly_delayed, 0U);
}

TEST(SimulatedState, TwoRunsSayTheSameAndWhatWasNotMeasuredStaysUnknown) {
  const auto recorded = compile(preset("none"));
  const auto grey = compile(preset("none", {rule("g", "greylist == first", evidence::Action::greylist)}));
  Session unmeasured(*recorded, kMonday, "192.0.2.1", "spf:a.example");
  unmeasured.connect().mail("x@a.example");
  const std::string lines = unmeasured.line() + attempt(*recorded, kMonday, "192.0.2.1", "b.example");
  const ReplayReport one = resimulate(*grey, lines);
  const ReplayReport two = resimulate(*grey, lines);
  EXPECT_EQ(one.both().newly_delayed, 1U);
  EXPECT_EQ(two.both().newly_delayed, 1U);
  EXPECT_EQ(one.newly_delayed.listed[0].identity, "spf:b.example");
}

TEST(SimulatedState, MailOfOursToASenderStays) {
  const auto recorded = compile(preset("none"));
  const auto grey = compile(preset("none", {rule("g", "known != replied_to", evidence::Action::greylist)}));
  Session friendly(*recorded, kMonday, "192.0.2.1", "spf:a.example");
  friendly.with(Signal::known, value::Known::replied_to).connect().mail("x@a.example");
  EXPECT_EQ(resimulate(*grey, friendly.line()).both().newly_delayed, 0U);
}

}  // namespace
}  // namespace postern::insight
