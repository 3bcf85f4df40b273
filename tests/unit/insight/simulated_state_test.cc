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

ReplayReport resimulate(const policy::Policy& policy, const std::string& lines, const SimulationOptions& options = {}) {
  const auto state = simulate(options);
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

// As the server has it: three delays for sender and recipient alone, and a quarter of an hour at most.
TEST(SimulatedState, TheWeakKeyWaitsNoLongerThanAQuarterOfAnHour) {
  const auto recorded = compile(preset("none"));
  const auto grey = compile(preset("none", {rule("all", "greylist in [first, early]", evidence::Action::greylist)}));
  SimulationOptions options;
  options.greylist.delay = 900;
  const auto from = [&](WallMs at, const std::string& client) {
    Session one(*recorded, at, client, "net:" + client + "/32");
    one.with(Signal::known, value::Known::stranger).with(Signal::greylist, value::Greylist::first);
    one.with(Signal::budget, value::Budget::within).connect().mail("x@a.example");
    return one.line();
  };
  const std::string lines = from(kMonday, "192.0.2.1") + from(kMonday + 840'000, "198.51.100.1") +  // too early
                            from(kMonday + 900'000, "203.0.113.1");
  EXPECT_EQ(resimulate(*grey, lines, options).both().newly_delayed, 2U);
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

// What a session is charged shows itself in how many of them the budget lets in. The address can do 20 units at once,
// and a second is too short to get any back.
class Prices : public ::testing::Test {
 protected:
  using Recipient = value::Recipient;
  Session session() {
    Session out(*recorded_, kMonday + 1000 * number_, "2001:db8::1", "spf:loud.example");
    out.with(Signal::known, value::Known::stranger).with(Signal::greylist, value::Greylist::first);
    out.with(Signal::budget, value::Budget::within);
    ++number_;
    return out;
  }
  void add(const Session& session) { lines_ += session.line(); }
  // Sessions of one harmless message until the first is delayed: 2 units each.
  std::uint64_t delayed_of(int harmless, const SimulationOptions& options = {}) {
    for (int i = 0; i < harmless; ++i) add(session().mail("x@loud.example"));
    return resimulate(*judge_, lines_, options).both().newly_delayed;
  }
  static policy::RuleOptions throttle() { return rule("budget", "budget == over", evidence::Action::throttle); }

  std::shared_ptr<const policy::Policy> recorded_ = compile(preset("none"));
  std::shared_ptr<const policy::Policy> judge_ = compile(preset("none", {throttle()}));
  std::string lines_;
  int number_ = 0;
};

TEST_F(Prices, HarmlessMessagesAreTwoUnitsEach) { EXPECT_EQ(delayed_of(10), 0U); }
TEST_F(Prices, WhoSendsOnIsOverHisBudget) { EXPECT_EQ(delayed_of(12), 2U); }
TEST_F(Prices, UnknownUsersAreFourUnits) {
  add(session().guess("x@loud.example", Recipient::no_such_user, 3));  // 1 + 3 x 4, and 1 without a message
  EXPECT_EQ(delayed_of(6), 3U);
}
TEST_F(Prices, ARetiredMailboxIsAnUnknownUserAndNoTrap) {
  add(session().guess("x@loud.example", Recipient::retired, 3));
  EXPECT_EQ(delayed_of(6), 3U);
}
TEST_F(Prices, ATrapIsMoreThanAWholeBudget) {
  add(session().guess("x@loud.example", Recipient::trap, 1));
  EXPECT_EQ(delayed_of(6), 6U);
}
TEST_F(Prices, AForeignRecipientIsARefusedOne) {
  add(session().guess("x@loud.example", Recipient::unknown, 3));  // 1 + 3 x 2 + 1
  EXPECT_EQ(delayed_of(7), 1U);
}
TEST_F(Prices, HangingUpAndAFailedHandshakeCost) {
  for (const char* const end : {"eof", "reset", "timeout", "tls_failed"}) {
    Session one = session();
    one.connect().told_only().record().end = end;
    add(one);
  }
  EXPECT_EQ(delayed_of(7), 1U);  // 4 x 2 before
}
TEST_F(Prices, WhoSentMailMayHangUp) {
  for (int i = 0; i < 5; ++i) {
    Session one = session();
    one.mail("x@loud.example").record().end = "eof";
    add(one);
  }
  EXPECT_EQ(delayed_of(6), 1U);
}
TEST_F(Prices, ARefusalAtTheEndOfDataIsOne) {
  judge_ = compile(preset("none", {throttle(), rule("big", "size > 5", evidence::Action::reject)}));
  for (int i = 0; i < 2; ++i) {
    Session one = session();
    one.evidence().set_number(Signal::size, 9);
    add(one.mail("x@loud.example"));  // 1 + 2, and 1 without a message
  }
  EXPECT_EQ(delayed_of(7), 1U);
}
TEST_F(Prices, AnAttemptIsOneUnitAndNotNotedWhereThereIsNone) {
  judge_ = compile(preset("none", {rule("strangers", "greylist in [first, early]", evidence::Action::greylist)}));
  const auto attempts = [&] {
    for (int i = 0; i < 8; ++i) add(session().mail("x@loud.example", "user" + std::to_string(i) + "@example.org"));
  };
  // 1 for the connection, 1 for the attempt, 1 without a message: after the seventh there is nothing left.
  attempts();
  number_ += 3600;
  attempts();
  EXPECT_EQ(resimulate(*judge_, lines_).both().newly_delayed, 8U + 1);
}
TEST_F(Prices, OthersAreTheConfigurations) {
  add(session().guess("x@loud.example", Recipient::no_such_user, 3));
  EXPECT_EQ(delayed_of(6, {.unknown_user = 1}), 0U);  // 1 + 3 + 1, and 12
}
// The look before a recipient asks for a unit, whichever decision of the session it is.
TEST_F(Prices, LaterDecisionsOfASessionSeeTheBudget) {
  add(session().guess("x@loud.example", Recipient::no_such_user, 5).mail("x@loud.example"));
  EXPECT_EQ(resimulate(*judge_, lines_).both().newly_delayed, 1U);
}

TEST(SimulatedState, WhoGuessesUsersIsOverHisBudgetAfterSomeSessions) {
  const auto recorded = compile(preset("none"));
  const auto budget = compile(preset("none", {rule("budget", "budget == over", evidence::Action::throttle)}));
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    Session one(*recorded, kMonday + i * 60'000, "192.0.2.1", "net:192.0.2.0/24");
    one.with(Signal::known, value::Known::stranger).with(Signal::budget, value::Budget::within);
    lines += one.mail("x@loud.example").guess("x@loud.example", value::Recipient::no_such_user, 10).line();
  }
  const ReplayReport report = resimulate(*budget, lines);
  EXPECT_GT(report.both().newly_delayed, 30U);
  EXPECT_LT(report.both().newly_delayed, 60U);  // the first came in
}

TEST(SimulatedState, AProvidersScaleDelaysNobodyHarmless) {
  const auto recorded = compile(preset("none"));
  const auto provider = compile(preset("none", {rule("budget", "budget == over", evidence::Action::throttle)}));
  std::string lines;
  for (int i = 0; i < 200; ++i) lines += attempt(*recorded, kMonday + i * 1000, "2001:db8::1", "peer.example");
  EXPECT_GT(resimulate(*provider, lines).both().newly_delayed, 0U);
  SimulationOptions options;
  options.budget.scale = 400;
  EXPECT_EQ(resimulate(*provider, lines, options).both().newly_delayed, 0U);
}

TEST(SimulatedState, ATrapTakesWhatWasEarned) {
  const auto recorded = compile(preset("none"));
  const auto strangers = compile(preset("none", {rule("s", "known != known", evidence::Action::reject)}));
  const auto all = compile(preset("none"));
  const auto session = [&](int hours) {
    Session out(*recorded, kMonday + hours * kHour, "192.0.2.1", "spf:a.example");
    out.with(Signal::known, value::Known::stranger).with(Signal::budget, value::Budget::within);
    return out;
  };
  std::string earned;
  for (int i = 0; i < 5; ++i) earned += session(i).mail("x@a.example").line();
  const auto known_after = [&](const std::string& lines) {
    const auto state = simulate({});
    Replay first(*all, {}, {}, state.get());
    read_lines(lines, [&](const record::SessionView& view) { first.add(view); });
    Replay then(*strangers, {}, {}, state.get());
    read_lines(session(9).mail("x@a.example").line(), [&](const record::SessionView& view) { then.add(view); });
    return then.finish({}).both().newly_refused == 0;
  };
  EXPECT_FALSE(known_after({}));
  EXPECT_TRUE(known_after(earned));
  EXPECT_FALSE(known_after(earned + session(6).guess("x@a.example", value::Recipient::trap, 1).line()));
  EXPECT_TRUE(known_after(earned + session(6).guess("x@a.example", value::Recipient::retired, 1).line()));
  // Nor do guesses leave it, many in a session or one in each
  const auto storm = [&](std::int64_t unknown, std::int64_t all) {
    Session out = session(6);
    out.evidence().set_number(Signal::unknown_recipients, unknown);
    out.evidence().set_number(Signal::recipients, all);
    return out.guess("x@a.example", value::Recipient::no_such_user, 1).line();
  };
  EXPECT_FALSE(known_after(earned + storm(5, 9)));
  EXPECT_TRUE(known_after(earned + storm(5, 10)));
  EXPECT_TRUE(known_after(earned + storm(4, 4)));
  std::string one_by_one;
  for (int i = 0; i < 4; ++i) one_by_one += session(6).guess("x@a.example", value::Recipient::no_such_user, 1).line();
  EXPECT_TRUE(known_after(earned + one_by_one));
  one_by_one += session(7).guess("x@a.example", value::Recipient::no_such_user, 1).line();
  EXPECT_FALSE(known_after(earned + one_by_one));
  // Messages of one hour earn as one
  std::string burst;
  for (int i = 0; i < 9; ++i) burst += session(0).mail("x@a.example").line();
  EXPECT_FALSE(known_after(burst));
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
