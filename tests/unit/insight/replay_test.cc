#include "insight/replay.h"

#include <gtest/gtest.h>

#include <random>

#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

ReplayReport replay(const policy::Policy& policy, const std::string& lines, Marks marks = {}) {
  Replay run(policy, {"zen"}, std::move(marks));
  LineCount count;
  read_lines(lines, [&](const record::SessionView& session) {
    run.add(session);
    ++count.sessions;
  });
  return run.finish(count);
}

policy::Options with_list(policy::Options options) {
  options.lists = {"zen"};
  return options;
}

policy::RuleOptions rule(std::string name, std::string when, evidence::Action action) {
  policy::RuleOptions out;
  out.name = std::move(name);
  out.when = std::move(when);
  out.action = action;
  return out;
}

// Traffic of every kind that the signals allow.
std::string random_traffic(const policy::Policy& policy, unsigned seed, int sessions) {
  std::mt19937 random(seed);
  std::string lines;
  for (int i = 0; i < sessions; ++i) {
    const std::string sender = "s" + std::to_string(random() % 20);
    Session session(
        policy, kMonday + i * 10'000,
        random() % 2 == 0 ? "192.0.2." + std::to_string(random() % 250) : "2001:db8::" + std::to_string(random() % 999),
        random() % 4 == 0 ? "" : "spf:" + sender + ".example");
    for (const evidence::SignalInfo& info : evidence::signals()) {
      if (random() % 3 == 0 || info.stage == evidence::Stage::data) continue;
      if (info.type == evidence::Type::category)
        session.evidence().set_number(info.signal, static_cast<std::int64_t>(random() % info.values.size()));
      else if (info.type == evidence::Type::number)
        session.evidence().set_number(info.signal, static_cast<std::int64_t>(random() % 12) - 2);
    }
    session.country(std::array{"US", "BR", "CN", "DE"}.at(random() % 4));
    session.evidence().set_text(Signal::helo_name, "h\"é" + std::to_string(random() % 5));
    session.evidence().set_lists(static_cast<std::uint32_t>(random() % 2), static_cast<std::uint32_t>(random() % 2));
    session.connect();
    for (unsigned mails = random() % 3; mails > 0; --mails) {
      session.evidence().set_number(Signal::dkim, static_cast<std::int64_t>(random() % 8));
      session.evidence().set_number(Signal::dmarc, static_cast<std::int64_t>(random() % 6));
      session.evidence().set_number(Signal::dmarc_policy, static_cast<std::int64_t>(random() % 4));
      session.evidence().set_number(Signal::greylist, static_cast<std::int64_t>(random() % 5));
      session.mail(random() % 5 == 0 ? "" : "a@" + sender + ".example",
                   std::array{"alice@example.org", "Bob@Example.org", "postmaster@example.org"}.at(random() % 3));
    }
    lines += session.line();
  }
  return lines;
}

TEST(Replay, TheSamePolicyReproducesEveryVerdict) {
  for (const char* const name : {"personal", "organisation", "provider", "strict", "none"}) {
    policy::Options options =
        with_list(preset(name, {rule("windows", "os == windows and country not in home", evidence::Action::greylist),
                                rule("bulk", "errors > 3", evidence::Action::tag),
                                rule("try", "lists has zen", evidence::Action::reject)}));
    options.rules[0].recipients = {"bob@example.org"};
    options.rules[1].label = "erratic";
    options.rules[2].shadow = true;
    options.choices.home = {evidence::country_code('U', 'S')};
    const auto policy = compile(options);
    ASSERT_TRUE(policy);
    const std::string lines = random_traffic(*policy, 5, 400);
    const ReplayReport report = replay(*policy, lines);
    EXPECT_EQ(report.both().sessions, 400U);
    EXPECT_GT(report.decisions, 500U);
    EXPECT_EQ(report.decisions_changed, 0U) << name;
    EXPECT_EQ(report.reasons_changed, 0U) << name;
    EXPECT_EQ(report.scores_changed, 0U) << name;
    EXPECT_EQ(report.both().changed, 0U) << name;
    EXPECT_EQ(report.by_this_policy, 400U);
    EXPECT_EQ(report.skipped, 0U);
    EXPECT_TRUE(report.newly_refused.listed.empty() && report.newly_accepted.listed.empty());
  }
}

TEST(Replay, NamesWhoWouldNewlyBeRefusedAndWhatBecameOfHim) {
  const auto lenient = compile(preset("none"));
  const auto harsh = compile(preset("none", {rule("windows", "os == windows", evidence::Action::reject)}));
  std::string lines;
  // A correspondent, whom one of ours writes to later; a spammer, who hits a trap later; one of whom nothing is known.
  const auto session = [&](WallMs at, const std::string& client, const std::string& who, auto... signals) {
    Session one(*lenient, at, client, "spf:" + who);
    (one.with(signals.first, signals.second), ...);
    one.connect().mail("x@" + who);
    lines += one.line();
    return one.id();
  };
  const auto windows = std::pair(Signal::os, value::Os::windows);
  const std::string first = session(kMonday, "192.0.2.1", "friend.example", windows);
  session(kMonday + kHour, "192.0.2.2", "friend.example", windows, std::pair(Signal::known, value::Known::replied_to));
  session(kMonday, "2001:db8::1", "spammer.example", windows);
  session(kMonday + kHour, "2001:db8::1", "spammer.example", windows, std::pair(Signal::trap, value::YesNo::yes));
  session(kMonday, "192.0.2.3", "stranger.example", windows);
  session(kMonday, "192.0.2.4", "linux.example", std::pair(Signal::os, value::Os::linux));

  const ReplayReport report = replay(*harsh, lines);
  EXPECT_EQ(report.both().sessions, 6U);
  EXPECT_EQ(report.both().changed, 5U);
  EXPECT_EQ(report.families[0].newly_refused, 3U);
  EXPECT_EQ(report.families[1].newly_refused, 2U);
  EXPECT_EQ(report.newly_refused.sessions, 5U);
  ASSERT_EQ(report.newly_refused.listed.size(), 3U);
  const ChangedSender& friendly = report.newly_refused.listed[0];
  EXPECT_EQ(friendly.identity, "spf:friend.example");
  EXPECT_EQ(friendly.sender_domain, "friend.example");
  EXPECT_EQ(friendly.client, "192.0.2.1");
  EXPECT_EQ(friendly.session, first);
  EXPECT_EQ(friendly.sessions, 2U);
  EXPECT_EQ(friendly.first, kMonday);
  EXPECT_EQ(friendly.last, kMonday + kHour);
  EXPECT_EQ(friendly.before, Fate::accepted);
  EXPECT_EQ(friendly.rule, "windows");
  EXPECT_EQ(friendly.later, Truth::ham);
  EXPECT_EQ(text_of(friendly.signs), "replied to");
  EXPECT_EQ(report.newly_refused.listed[1].later, Truth::spam);
  EXPECT_EQ(report.newly_refused.listed[2].later, Truth::unknown);
  const Confusion& sessions = report.both().sessions_by_truth;
  EXPECT_EQ(sessions.before(Truth::ham, Fate::accepted), 2U);
  EXPECT_EQ(sessions.after(Truth::ham, Fate::refused), 2U);
  EXPECT_EQ(sessions.after(Truth::spam, Fate::refused), 2U);
  EXPECT_EQ(sessions.after(Truth::unknown, Fate::accepted), 1U);
  // One vote a sender and day.
  EXPECT_EQ(report.both().sender_days.total(Truth::ham), 1U);
  EXPECT_EQ(report.both().sender_days.total(Truth::spam), 1U);

  std::string text;
  json::Writer writer(text);
  append_json(report, writer);
  const auto value = json::parse(text);
  ASSERT_TRUE(value) << text;
  EXPECT_EQ(value->at("sessions").integer(), 6);
  EXPECT_EQ(value->at("changed").integer(), 5);
  EXPECT_EQ(value->at("newly_refused").array().size(), 3U);
  EXPECT_EQ(value->at("newly_refused").array()[0].at("later").string(), "ham");
  EXPECT_EQ(value->at("newly_accepted").array().size(), 0U);
  EXPECT_EQ(value->at("ipv6").at("sessions").integer(), 2);
  EXPECT_EQ(value->at("sender_days").at("ham").at("after").at("refused").at("count").integer(), 1);
}

TEST(Replay, WhatWasRefusedAndWouldComeInIsSaidToBeUnfinished) {
  const auto harsh = compile(preset("none", {rule("windows", "os == windows", evidence::Action::reject),
                                             rule("big", "size > 5", evidence::Action::reject)}));
  const auto lenient = compile(preset("none"));
  Session at_rcpt(*harsh, kMonday, "192.0.2.1", "spf:a.example");
  at_rcpt.with(Signal::os, value::Os::windows).connect().mail("x@a.example");
  Session at_data(*harsh, kMonday, "192.0.2.2", "spf:b.example");
  at_data.evidence().set_number(Signal::size, 9);
  at_data.connect().mail("x@b.example");
  ASSERT_EQ(at_data.record().decisions.back().stage, evidence::Stage::data);
  ASSERT_EQ(at_data.record().decisions.back().action, evidence::Action::reject);
  const ReplayReport report = replay(*lenient, at_rcpt.line() + at_data.line());
  ASSERT_EQ(report.newly_accepted.listed.size(), 2U);
  EXPECT_TRUE(report.newly_accepted.listed[0].unfinished);
  EXPECT_FALSE(report.newly_accepted.listed[1].unfinished);
  EXPECT_EQ(report.newly_accepted.listed[0].before, Fate::refused);
  EXPECT_EQ(report.by_this_policy, 0U);
}

// The end of DATA has one verdict: that of the first recipient who was taken, whoever was named after him.
TEST(Replay, TheMessageIsJudgedForItsFirstRecipient) {
  policy::RuleOptions big = rule("big", "size > 5", evidence::Action::reject);
  big.recipients = {"bob@example.org"};
  const auto policy = compile(preset("none", {big}));
  std::string lines;
  for (const auto& [first, second] :
       {std::pair("alice@example.org", "bob@example.org"), std::pair("bob@example.org", "alice@example.org")}) {
    Session session(*policy, kMonday, "192.0.2.1", "spf:a.example");
    session.evidence().set_number(Signal::size, 9);
    lines += session.connect().mail("x@a.example", first, second).line();
    EXPECT_EQ(session.record().decisions.back().action,
              first == std::string("bob@example.org") ? evidence::Action::reject : evidence::Action::accept);
  }
  const ReplayReport report = replay(*policy, lines);
  EXPECT_EQ(report.decisions, 8U);
  EXPECT_EQ(report.decisions_changed + report.reasons_changed + report.scores_changed, 0U);
}

// A record keeps 200 decisions at RCPT and 250 in all, and lists 100 transactions; those beyond have one number.
TEST(Replay, SessionsWithMoreThanARecordKeepsAreExact) {
  policy::RuleOptions big = rule("big", "size > 5", evidence::Action::reject);
  big.recipients = {"bob@example.org"};
  const auto policy = compile(preset("none", {big}));
  const auto none = compile(preset("none"));
  std::string lines;
  for (unsigned seed = 0; seed < 4; ++seed) {
    Session session(*policy, kMonday, "192.0.2.1", "spf:a.example");
    session.evidence().set_number(Signal::size, 9);
    std::mt19937 random(seed);
    for (int i = 0; i < 180; ++i) {
      if (seed > 1 && random() % 4 == 0) session.guess("x@a.example", value::Recipient::no_such_user, 1);
      const bool bob = random() % 2 == 0;
      session.evidence().set(Signal::recipient, value::Recipient::mailbox);
      session.mail("x@a.example", bob ? "bob@example.org" : "alice@example.org",
                   seed % 2 == 0 ? ""
                   : bob         ? "alice@example.org"
                                 : "bob@example.org");
    }
    ASSERT_GT(session.record().decisions_total, record::kDecisionsMax);
    ASSERT_EQ(session.record().decisions.size(), record::kDecisionsMax);
    ASSERT_EQ(session.record().decisions.back().transaction, 100);
    lines += session.line();
  }
  const ReplayReport same = replay(*policy, lines);
  EXPECT_EQ(same.decisions, 1000U);
  EXPECT_EQ(same.decisions_changed + same.reasons_changed + same.scores_changed, 0U);
  EXPECT_EQ(same.both().changed, 0U);
  EXPECT_EQ(replay(*none, lines).both().changed, 4U);
}

// Records of before the end of DATA had its recipient in the evidence.
TEST(Replay, WithoutARecipientInTheEvidenceTheFirstWhoWasTakenIsMeant) {
  using evidence::Stage;
  evidence::Evidence alice;
  evidence::Evidence nobody;
  alice.set_text(Signal::recipient_address, "alice@example.org");
  Whose whose;
  const auto next = [&](Stage stage, std::int32_t transaction, const evidence::Evidence& evidence,
                        std::uint16_t code = 250) {
    return std::string(whose
                           .next({.stage = stage,
                                  .transaction = transaction,
                                  .recipient = stage == Stage::data ? -1 : 0,
                                  .enforced = true,
                                  .action = evidence::Action::accept,
                                  .code = code},
                                 evidence)
                           .address);
  };
  whose.begin();
  EXPECT_EQ(next(Stage::rcpt, 0, alice), "alice@example.org");
  EXPECT_EQ(next(Stage::data, 0, nobody), "alice@example.org");
  EXPECT_EQ(next(Stage::data, 1, nobody), "");
  // Beyond those that are listed: a new transaction begins with its first recipient, and ends with its message.
  EXPECT_EQ(next(Stage::rcpt, 100, alice, 0), "alice@example.org");
  EXPECT_EQ(next(Stage::rcpt, 100, nobody, 550), "");
  EXPECT_EQ(next(Stage::data, 100, nobody), "");
  EXPECT_EQ(next(Stage::rcpt, 100, alice, 0), "alice@example.org");
  EXPECT_EQ(next(Stage::data, 100, nobody), "alice@example.org");
  EXPECT_EQ(next(Stage::data, 100, nobody), "");
}

// Of two transactions beyond those that are listed, the message of the one is not the fate of the other.
TEST(Replay, AMessageIsNotThatOfAnotherTransaction) {
  policy::RuleOptions big = rule("big", "size > 5", evidence::Action::reject);
  const auto policy = compile(preset("none", {big}));
  Session session(*policy, kMonday, "192.0.2.1", "spf:a.example");
  for (int i = 0; i < 100; ++i) session.guess("x@a.example", value::Recipient::unknown, 0);
  session.evidence().set(Signal::recipient, value::Recipient::mailbox);
  session.named("x@a.example", "alice@example.org");  // and no message
  session.evidence().set_number(Signal::size, 9);
  session.mail("x@a.example", "bob@example.org");
  std::vector<Delivery> deliveries;
  read_lines(session.line(), [&](const record::SessionView& view) {
    std::vector<evidence::Action> actions;
    for (const record::DecisionView& decision : view.decisions) actions.push_back(decision.action);
    deliveries_of(view, actions, deliveries);
  });
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[0].before, Fate::accepted);
  EXPECT_EQ(deliveries[1].before, Fate::refused);
}

TEST(Replay, WhatWasOnlyToldChangesNobodysMail) {
  const auto lenient = compile(preset("none"));
  const auto harsh = compile(preset("none", {rule("windows", "os == windows", evidence::Action::reject)}));
  Session role(*lenient, kMonday, "192.0.2.1", "spf:a.example");
  role.with(Signal::os, value::Os::windows).connect().mail("x@a.example").told_only();
  // Refused by the directory, whatever the policy says.
  Session nobody(*lenient, kMonday, "192.0.2.1", "spf:b.example");
  nobody.with(Signal::os, value::Os::windows).connect().mail("x@b.example");
  nobody.record().transactions[0].recipients[0].code = 550;
  nobody.record().transactions[0].recipients[0].reason = "unknown_user";
  nobody.record().decisions.resize(2);
  const ReplayReport report = replay(*harsh, role.line() + nobody.line());
  EXPECT_GT(report.decisions_changed, 0U);
  EXPECT_TRUE(report.newly_refused.listed.empty());
  EXPECT_EQ(report.both().newly_refused, 0U);
}

TEST(Replay, DelaysAreThoseOfSendersWhoCameBack) {
  const auto grey = compile(preset("none", {rule("strangers", "known == stranger", evidence::Action::greylist)}));
  std::string lines;
  const auto session = [&](WallMs at, const std::string& who, value::Known known, value::Greylist greylist) {
    Session one(*grey, at, "192.0.2.1", "spf:" + who);
    one.with(Signal::known, known).with(Signal::greylist, greylist).connect().mail("x@" + who);
    lines += one.line();
  };
  using value::Greylist;
  using value::Known;
  session(kMonday, "quick.example", Known::stranger, Greylist::first);
  session(kMonday + 60'000, "quick.example", Known::stranger, Greylist::early);
  session(kMonday + 240'000, "quick.example", Known::seen, Greylist::due);
  session(kMonday, "slow.example", Known::stranger, Greylist::first);
  session(kMonday + 2 * kHour, "slow.example", Known::seen, Greylist::due);
  session(kMonday, "gone.example", Known::stranger, Greylist::first);
  session(kMonday, "old.example", Known::known, Greylist::first);
  const ReplayReport same = replay(*grey, lines);
  EXPECT_EQ(same.delays_before.back, (std::array<std::uint64_t, 6>{1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(same.delays_before.not_back, 1U);
  EXPECT_EQ(same.delays_after.back, same.delays_before.back);
  EXPECT_EQ(same.delays_after.not_asked, 0U);
  const auto all = compile(preset("none", {rule("all", "family == ipv4", evidence::Action::greylist)}));
  const ReplayReport more = replay(*all, lines);
  EXPECT_GT(more.delays_after.not_asked, 0U);
}

TEST(Replay, WordsOfALaterVersionAreNotSaidToDiffer) {
  const auto none = compile(preset("none"));
  std::string line = Session(*none, kMonday, "192.0.2.1", "spf:a.example").connect().mail("x@a.example").line();
  const auto at = line.find(R"("action":"accept")");
  line.replace(at, 17, R"("action":"banish")");
  const ReplayReport report = replay(*none, line);
  EXPECT_EQ(report.not_understood, 1U);
  EXPECT_EQ(report.decisions_changed, 0U);
}

}  // namespace
}  // namespace postern::insight
