#include "insight/signal_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "policy/counts_file.h"
#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

class Study : public ::testing::Test {
 protected:
  // One sender more: spam by a trap, or ham by a mark (which rests on no signal).
  void add(bool spam, value::Rdns rdns, value::Os os = value::Os::linux, WallMs at = kMonday, bool ipv6 = false,
           const std::string& ja4 = {}) {
    const std::string who = "s" + std::to_string(++senders_) + ".example";
    Session session(*policy_, at + senders_, ipv6 ? "2001:db8::1" : "192.0.2.1", "spf:" + who);
    session.with(Signal::rdns, rdns).with(Signal::os, os).country("US");
    session.with(Signal::trap, spam ? value::YesNo::yes : value::YesNo::no).with(Signal::known, value::Known::stranger);
    session.evidence().set_text(Signal::ja4, ja4);
    session.connect().mail("x@" + who);
    if (!spam) marks_.add(session.record().id, MarkWord::ham);
    lines_ += session.line();
  }
  SignalReport study(WallMs now = kMonday) {
    Outcomes outcomes(marks_);
    read_lines(lines_, [&](const record::SessionView& session) { outcomes.add(session); });
    SignalStudy study(*policy_, {}, {evidence::country_code('U', 'S')}, outcomes);
    read_lines(lines_, [&](const record::SessionView& session) { study.add(session); });
    if (!aggregates_.empty()) EXPECT_TRUE(study.add_aggregates(aggregates_));
    return study.finish({}, now);
  }
  static const SignalRow& row(const SignalReport& report, Signal signal, const std::string& value) {
    static const SignalRow none;
    const auto found = std::ranges::find_if(
        report.rows, [&](const SignalRow& row) { return row.signal == signal && row.value == value; });
    EXPECT_NE(found, report.rows.end()) << value;
    return found == report.rows.end() ? none : *found;
  }
  std::shared_ptr<const policy::Policy> policy_ = compile(preset("none"));
  std::string lines_, aggregates_;
  Marks marks_;
  int senders_ = 0;
};

TEST_F(Study, CountsAreWeighedAsThePolicyWeighsThem) {
  for (int i = 0; i < 60; ++i) add(true, i < 36 ? value::Rdns::generic : value::Rdns::mail, value::Os::windows);
  for (int i = 0; i < 50; ++i)
    add(false, i < 2 ? value::Rdns::generic : value::Rdns::mail, value::Os::linux, kMonday, i % 2 == 0);
  const SignalReport report = study();
  EXPECT_EQ(report.events, 110U);
  EXPECT_EQ(report.spam, 60);
  EXPECT_EQ(report.ham, 50);
  const SignalRow& generic = row(report, Signal::rdns, "generic");
  EXPECT_EQ(generic.seen.spam, 36);
  EXPECT_EQ(generic.seen.spam_events, 60);
  EXPECT_EQ(generic.seen.ham, 2);
  EXPECT_EQ(generic.seen.ham_events, 50);
  EXPECT_NEAR(generic.weight.nats, std::log(36.5 / 61) - std::log(2.5 / 51), 1e-9);
  EXPECT_NEAR(generic.lift, std::exp(generic.weight.nats), 1e-9);
  EXPECT_EQ(generic.needed, 0U);
  EXPECT_GT(generic.gain, 0.2);
  EXPECT_FALSE(generic.left_out);
  EXPECT_EQ(generic.by_family[1].ham_events, 25);
  // Everybody is alike in these: they say nothing, however many there are.
  EXPECT_EQ(row(report, Signal::country, "US").needed, kNever);
  // The trap is the truth: without it nobody is known to be spam.
  const SignalRow& trap = row(report, Signal::trap, "yes");
  EXPECT_TRUE(trap.left_out);
  EXPECT_EQ(trap.seen.spam, 0);
}

TEST_F(Study, LittleDataIsNoEvidence) {
  for (int i = 0; i < 10; ++i) add(true, i < 7 ? value::Rdns::generic : value::Rdns::mail);
  for (int i = 0; i < 10; ++i) add(false, value::Rdns::mail);
  const SignalRow generic = row(study(), Signal::rdns, "generic");
  EXPECT_EQ(generic.weight.nearest_zero(), 0);
  EXPECT_GE(generic.needed, 1U);
  EXPECT_LT(generic.needed, 10U);
}

TEST_F(Study, CountsHalveInThirtyDays) {
  add(true, value::Rdns::generic, value::Os::linux, kMonday - 30 * kDay);
  add(true, value::Rdns::generic);
  EXPECT_NEAR(study().spam, 1.5, 1e-9);
  EXPECT_EQ(study().events, 2U);
  EXPECT_NEAR(study(kMonday + 30 * kDay).spam, 0.75, 1e-9);
}

TEST_F(Study, CatchAndHarmAreWhatTheSignalAloneDoes) {
  policy::RuleOptions windows;
  windows.name = "windows";
  windows.when = "os == windows";
  windows.action = evidence::Action::reject;
  policy::RuleOptions both;
  both.name = "both";
  both.when = "os == windows or rdns == generic";
  both.action = evidence::Action::reject;
  policy_ = compile(preset("none", {windows, both}));
  add(true, value::Rdns::generic, value::Os::windows);  // either would do
  add(true, value::Rdns::mail, value::Os::windows);     // os alone
  add(true, value::Rdns::mail, value::Os::windows);
  add(false, value::Rdns::mail, value::Os::windows);  // harm
  add(false, value::Rdns::mail, value::Os::linux);
  const SignalReport report = study();
  EXPECT_EQ(row(report, Signal::os, "windows").unique_catch[0], 2U);
  EXPECT_EQ(row(report, Signal::os, "windows").unique_harm[0], 1U);
  EXPECT_EQ(row(report, Signal::rdns, "generic").unique_catch[0], 0U);
}

TEST_F(Study, TextsOfAClientsSoftwareHaveTheirWorth) {
  policy::RuleOptions bot;
  bot.name = "bot";
  bot.when = "ja4 == \"t12i_bot\"";
  bot.action = evidence::Action::reject;
  policy_ = compile(preset("none", {bot}));
  for (int i = 0; i < 60; ++i) add(true, value::Rdns::mail, value::Os::linux, kMonday, i % 2 == 0, "t12i_bot");
  for (int i = 0; i < 50; ++i) add(false, value::Rdns::mail, value::Os::linux, kMonday, false, "t13i_mta");
  add(false, value::Rdns::mail, value::Os::linux, kMonday, false, "t12i_bot");
  add(false, value::Rdns::mail);  // without TLS: not asked
  const SignalReport report = study();
  const SignalRow& row_of_bot = row(report, Signal::ja4, "t12i_bot");
  EXPECT_EQ(row_of_bot.seen.spam, 60);
  EXPECT_EQ(row_of_bot.seen.spam_events, 60);
  EXPECT_EQ(row_of_bot.seen.ham, 1);
  EXPECT_EQ(row_of_bot.seen.ham_events, 51);
  EXPECT_EQ(row_of_bot.needed, 0U);
  EXPECT_NEAR(row_of_bot.weight.nats, std::log(60.5 / 61) - std::log(1.5 / 52), 1e-9);
  EXPECT_GT(row_of_bot.gain, 0.5);
  EXPECT_EQ(row_of_bot.by_family[1].spam, 30);
  EXPECT_EQ(row_of_bot.unique_catch, (std::array<std::uint64_t, 2>{30, 30}));
  EXPECT_EQ(row_of_bot.unique_harm, (std::array<std::uint64_t, 2>{1, 0}));
  EXPECT_LT(row(report, Signal::ja4, "t13i_mta").weight.high, 0);
  std::string text;
  json::Writer writer(text);
  append_json(report, writer);
  EXPECT_NE(text.find(R"({"signal":"ja4","value":"t12i_bot","spam":60)"), std::string::npos) << text;
  // The score does not know them: they are not in its counts.
  EXPECT_TRUE(std::ranges::none_of(report.counts.rows, [](const auto& of) { return of.signal == "ja4"; }));
}

TEST_F(Study, RareTextsAreOneRow) {
  for (int i = 0; i < 300; ++i) add(true, value::Rdns::mail, value::Os::linux, kMonday, false, "j" + std::to_string(i));
  for (int i = 0; i < 20; ++i) add(false, value::Rdns::mail, value::Os::linux, kMonday, false, "t13i_mta");
  const SignalReport report = study();
  EXPECT_EQ(std::ranges::count(report.rows, Signal::ja4, &SignalRow::signal),
            static_cast<std::ptrdiff_t>(kTextsKept + 1));
  EXPECT_EQ(row(report, Signal::ja4, "t13i_mta").seen.ham, 20);
  const SignalRow& others = row(report, Signal::ja4, "(others)");
  EXPECT_EQ(others.seen.spam, 300 - (static_cast<double>(kTextsKept) - 1));
  EXPECT_EQ(others.seen.spam_events, 300);
}

TEST_F(Study, WhatIsWrittenIsWhatThePolicyReads) {
  for (int i = 0; i < 400; ++i) add(true, value::Rdns::generic, value::Os::windows);
  for (int i = 0; i < 400; ++i) add(false, value::Rdns::mail, value::Os::linux);
  const SignalReport report = study();
  const auto counts = policy::parse_counts(policy::counts_text(report.counts, kMonday));
  ASSERT_TRUE(counts) << counts.error().what;
  EXPECT_EQ(counts->spam, 400);
  const auto cell =
      std::ranges::find(counts->cells, "os=windows rdns=generic country=home known=stranger", &policy::Count::value);
  ASSERT_NE(cell, counts->cells.end());
  EXPECT_EQ(cell->spam, 400);
  // A policy with these counts refuses what its priors alone would only delay.
  policy::Options options = preset("organisation");
  options.counts = *counts;
  options.choices.home = {evidence::country_code('U', 'S')};
  const auto measured = compile(options);
  Session spam(*measured, kMonday, "192.0.2.1", "spf:new.example");
  spam.with(Signal::rdns, value::Rdns::generic).with(Signal::os, value::Os::windows).country("US");
  spam.with(Signal::known, value::Known::stranger).with(Signal::greylist, value::Greylist::due);
  spam.connect().mail("x@new.example");
  const record::DecisionRecord& decision = spam.record().decisions.back();
  EXPECT_GT(decision.score_low, 3) << decision.rule << " " << decision.score;
}

TEST_F(Study, DaysWithoutRecordsComeFromTheirAggregates) {
  const Folder folder;
  aggregates_ = folder.at("aggregates");
  folder.write("aggregates/2026-11.jsonl",
               R"({"schema":"postern.day/1","day":"2026-11-23","sessions":[1,0],"events":[9,0,0,0,0,0]})"
               "\n"
               R"({"schema":"postern.day/1","day":"2026-11-22","sessions":[50,0],"events":[40,0,0,0,0,0],)"
               R"("signals":{"rdns":{"generic":[30,0,0,0,0,0],"mail":[10,0,0,0,0,0]}}})"
               "\n");
  add(true, value::Rdns::generic);
  add(true, value::Rdns::generic);
  const SignalReport report = study();
  EXPECT_EQ(report.days, 2U);
  EXPECT_EQ(report.days_of_aggregates, 1U);
  EXPECT_EQ(report.events, 42U);  // two of the records' Monday, and Sunday
  EXPECT_NEAR(row(report, Signal::rdns, "generic").seen.spam, 2 + 30 * std::exp2(-1 / 30.0), 1e-9);
}

TEST_F(Study, AFileOfAggregatesThatCannotBeReadIsAnError) {
  const Folder folder;
  std::filesystem::create_directories(folder.at("aggregates"));
  std::filesystem::create_symlink("2026-10.jsonl", folder.at("aggregates/2026-10.jsonl"));  // to itself
  const Outcomes outcomes(marks_);
  SignalStudy study(*policy_, {}, {}, outcomes);
  const auto added = study.add_aggregates(folder.at("aggregates"));
  ASSERT_FALSE(added);
  EXPECT_TRUE(added.error().what.contains("2026-10.jsonl")) << added.error().what;
  EXPECT_TRUE(study.add_aggregates(folder.at("nowhere"))) << "none were written yet";
}

}  // namespace
}  // namespace postern::insight
