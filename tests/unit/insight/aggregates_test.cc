#include "insight/aggregates.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

constexpr std::int64_t kMondayNumber = kMonday / kDayMs;

std::string one_session(const policy::Policy& policy, WallMs at, const std::string& who, value::Rdns rdns,
                        value::YesNo trap, const std::string& client = "192.0.2.1") {
  Session session(policy, at, client, "spf:" + who);
  session.with(Signal::rdns, rdns).with(Signal::trap, trap).with(Signal::known, value::Known::stranger).country("US");
  session.evidence().set_lists(1, trap == value::YesNo::yes ? 1 : 0);
  session.evidence().set_number(Signal::errors, 4);
  session.evidence().set_text(Signal::ja4, trap == value::YesNo::yes ? "t12i_bot" : "t13i_mta");
  session.evidence().set_text(Signal::rdns_domain, "somebody.example");
  return session.connect().mail("x@" + who).line();
}

Day day_of(const std::string& lines) {
  Outcomes outcomes;
  read_lines(lines, [&](const record::SessionView& session) { outcomes.add(session); });
  DayBuilder builder(outcomes, {"zen"});
  read_lines(lines, [&](const record::SessionView& session) { builder.add(session); });
  EXPECT_EQ(builder.days().size(), 1U);
  return builder.days().begin()->second;
}

TEST(Aggregates, ADayIsReadBack) {
  const auto policy = compile(preset("none"));
  const std::string lines =
      one_session(*policy, kMonday, "a.example", value::Rdns::generic, value::YesNo::yes) +
      one_session(*policy, kMonday + 1, "b.example", value::Rdns::generic, value::YesNo::no, "2001:db8::1") +
      one_session(*policy, kMonday + 2, "a.example", value::Rdns::none, value::YesNo::no);
  const Day day = day_of(lines);
  EXPECT_EQ(day.number, kMondayNumber);
  EXPECT_EQ(day.statistics.sessions, (PerFamily{2, 1}));
  EXPECT_EQ(day.tally.events.of(Truth::spam), 1);  // one a sender and day
  EXPECT_EQ(day.tally.events.of(Truth::unknown), 1);
  evidence::ListNames names{"zen"};
  const std::string line = day_line(day, names);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_NE(line.find(R"("rdns":{"generic":[1,0,0,0,0,1]})"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("lists":{"zen":[1,0,0,0,0,0],"not zen":[0,0,0,0,0,1]})"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("errors":{"3-9":[1,0,0,0,0,1]})"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("ja4":{"t12i_bot":[1,0,0,0,0,0],"t13i_mta":[0,0,0,0,0,1]})"), std::string::npos) << line;
  EXPECT_EQ(line.find("somebody"), std::string::npos) << "names of anybody are not kept";
  EXPECT_NE(line.find(R"(["unknown","generic","US","stranger",1,0,0,0,0,1])"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("countries":{"US":[2,1]})"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("traps":[1,0])"), std::string::npos) << line;
  evidence::ListNames others{"dbl"};
  const auto read = parse_day(line, others);
  ASSERT_TRUE(read);
  EXPECT_EQ(others, (evidence::ListNames{"dbl", "zen"}));
  EXPECT_EQ(day_line(*read, others), line);
  EXPECT_EQ(read->tally.events, day.tally.events);
  EXPECT_EQ(read->tally.cells, day.tally.cells);
}

TEST(Aggregates, WhatIsNoDayIsRefused) {
  evidence::ListNames names;
  for (const char* line : {"", "{}", "[1]", R"({"schema":"postern.day/1","day":"yesterday"})",
                           R"({"schema":"postern.day/2","day":"2026-11-23"})",
                           R"({"schema":"postern.day/1","day":"2026-11-23T01:00Z","events":[0,0,0,0,0,0]})",
                           R"({"schema":"postern.day/1","day":"2026-11-23","events":[0,0,0]})",
                           R"({"schema":"postern.day/1","day":"2026-11-23","events":[0,0,0,-1,0,0]})"}) {
    EXPECT_FALSE(parse_day(line, names)) << line;
  }
  const auto later =
      parse_day(R"({"schema":"postern.day/1","day":"2026-11-23","events":[1,0,0,0,0,0],)"
                R"("signals":{"aura":{"dark":[1,0,0,0,0,0]},"rdns":{"magic":[1,0,0,0,0,0]}},"cells":[[1]]})",
                names);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->tally.events.of(Truth::spam), 1);
  EXPECT_TRUE(later->tally.cells.empty());
}

Row events_of(double spam) {
  Row row;
  row.add(Truth::spam, false, spam);
  return row;
}

TEST(Aggregates, OfTextsTheFrequentOnesStay) {
  TextRows texts;
  // One in a hundred is the same, among ever new ones that come first.
  for (int i = 0; i < 1000; ++i) texts.add("junk" + std::to_string(i), events_of(1));
  for (int i = 1000; i < 20'000; ++i) texts.add(i % 100 == 0 ? "same" : "junk" + std::to_string(i), events_of(1));
  const TextRows::Rows kept = texts.kept();
  EXPECT_EQ(kept.size(), kTextsKept + 1);
  ASSERT_TRUE(kept.contains("same"));
  EXPECT_GE(kept.at("same").of(Truth::spam), 190 - 20'000.0 / kTextsHeld);
  EXPECT_LE(kept.at("same").of(Truth::spam), 190);
  double sum = 0;
  for (const auto& [text, row] : kept) sum += row.of(Truth::spam);
  EXPECT_EQ(sum, 20'000) << "nothing is lost, and nothing counted twice";
}

TEST(Aggregates, AtTheLimitsOfTexts) {
  TextRows texts;
  for (std::size_t i = 0; i < kTextsKept; ++i) texts.add("v" + std::to_string(i), events_of(2));
  EXPECT_EQ(texts.kept().size(), kTextsKept);
  EXPECT_FALSE(texts.kept().contains(kOthers));
  texts.add("w", events_of(1));
  EXPECT_EQ(texts.kept().at(std::string(kOthers)).of(Truth::spam), 1);
  texts.add("\x01", events_of(1));
  texts.add("\xC3\xA9", events_of(1));
  texts.add(std::string(evidence::kTextMax + 1, 'a'), events_of(1));
  EXPECT_EQ(texts.kept().at(std::string(kOthers)).of(Truth::spam), 4);
  EXPECT_EQ(texts.kept().size(), kTextsKept + 1);
}

TEST(Aggregates, OldLinesWithoutTextsAreReadAndLongOnesAreCut) {
  evidence::ListNames names;
  const std::string head = R"({"schema":"postern.day/1","day":"2026-11-23","events":[1,0,0,0,0,0],"signals":{)";
  const auto old = parse_day(head + R"("rdns":{"generic":[1,0,0,0,0,0]}}})", names);
  ASSERT_TRUE(old);
  EXPECT_TRUE(std::ranges::all_of(old->tally.texts, &TextRows::empty));
  std::string many = head + R"("ja4":{)";
  for (int i = 0; i < 400; ++i)
    many += (i > 0 ? "," : "") + ("\"j" + std::to_string(i)) + "\":[1000000000000,0,0,0,0,0]";
  const auto day = parse_day(many + "}}}", names);
  ASSERT_TRUE(day);
  EXPECT_EQ(day->tally.texts.at(*counted_text(Signal::ja4)).kept().size(), kTextsKept + 1);
  const std::string line = day_line(*day, names);
  const auto again = parse_day(line, names);
  ASSERT_TRUE(again);
  EXPECT_EQ(day_line(*again, names), line);
}

TEST(Aggregates, ADayIsWrittenWhenItIsOverAndOnceMoreWhenItHasSettled) {
  const Folder folder;
  const auto policy = compile(preset("none"));
  // The sender's trap is hit three days later.
  std::string lines = one_session(*policy, kMonday - 3 * kDay, "first.example", value::Rdns::none, value::YesNo::no) +
                      one_session(*policy, kMonday, "a.example", value::Rdns::generic, value::YesNo::no);
  folder.write("records/current.jsonl", lines);
  const auto aggregate = [&](WallMs now) {
    const auto count = aggregate_days(folder.at("records"), folder.at("aggregates"), {}, now);
    EXPECT_TRUE(count) << count.error().what;
    return count ? count->written : 999;
  };
  EXPECT_EQ(aggregate(kMonday - 3 * kDay + kHour), 0U);  // nothing is over
  EXPECT_EQ(aggregate(kMonday + kHour), 2U);             // its night is not: sessions may go on
  EXPECT_EQ(aggregate(kMonday + kDay + kGraceMs), 2U);   // Sunday and Monday
  EXPECT_EQ(aggregate(kMonday + kDay + kGraceMs), 0U);   // again: nothing
  evidence::ListNames names;
  auto days = read_days(folder.at("aggregates"), names);
  ASSERT_TRUE(days);
  ASSERT_EQ(days->size(), 4U);
  EXPECT_EQ(days->at(kMondayNumber).tally.events.of(Truth::unknown), 1);
  EXPECT_EQ(days->at(kMondayNumber).tally.events.of(Truth::spam), 0);
  EXPECT_FALSE(days->at(kMondayNumber).settled);
  EXPECT_EQ(days->at(kMondayNumber - 1).statistics.sessions, PerFamily{});  // a day without sessions is a day

  lines += one_session(*policy, kMonday + 3 * kDay, "a.example", value::Rdns::generic, value::YesNo::yes);
  folder.write("records/current.jsonl", lines);
  EXPECT_GT(aggregate(kMonday + (kSettledDays + 1) * kDay + kGraceMs), 0U);
  days = read_days(folder.at("aggregates"), names);
  EXPECT_TRUE(days->at(kMondayNumber).settled);
  EXPECT_EQ(days->at(kMondayNumber).tally.events.of(Truth::spam), 1);
  const std::string before = folder.read("aggregates/2026-11.jsonl");

  // The records go; the days stay.
  folder.write("records/current.jsonl",
               one_session(*policy, kMonday + 20 * kDay, "z.example", value::Rdns::none, value::YesNo::no));
  aggregate(kMonday + 22 * kDay);
  days = read_days(folder.at("aggregates"), names);
  EXPECT_EQ(days->at(kMondayNumber).tally.events.of(Truth::spam), 1);
  EXPECT_EQ(folder.read("aggregates/2026-11.jsonl"), before);
  EXPECT_TRUE(days->contains(kMondayNumber + 20));
}

TEST(Aggregates, StoppedItWritesNothing) {
  const Folder folder;
  const auto policy = compile(preset("none"));
  folder.write("records/current.jsonl",
               one_session(*policy, kMonday, "a.example", value::Rdns::generic, value::YesNo::no));
  const std::atomic<bool> stop = true;
  const auto count = aggregate_days(folder.at("records"), folder.at("aggregates"), {}, kMonday + 2 * kDay, {}, &stop);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().kind, ErrorKind::cancelled);
  evidence::ListNames names;
  const auto days = read_days(folder.at("aggregates"), names);
  EXPECT_TRUE(!days || days->empty());
  EXPECT_EQ(aggregate_days(folder.at("records"), folder.at("aggregates"), {}, kMonday + 2 * kDay)->written, 1U);
}

TEST(Aggregates, WithoutRecordsThereIsNothingToDo) {
  const Folder folder;
  folder.write("records/current.jsonl", "");
  EXPECT_EQ(aggregate_days(folder.at("records"), folder.at("aggregates"), {}, kMonday)->written, 0U);
  EXPECT_FALSE(aggregate_days(folder.at("nowhere"), folder.at("aggregates"), {}, kMonday));
}

}  // namespace
}  // namespace postern::insight
