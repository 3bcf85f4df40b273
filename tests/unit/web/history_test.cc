#include "web/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "repository.h"
#include "unit/temporary_folder.h"
#include "web/reason_texts.h"

namespace postern::web {
namespace {

constexpr WallMs kNow = 20'000LL * 86'400'000 + 12 * 3'600'000 + 30'000;

record::SessionView session(WallMs start, bool ipv6, bool tls, evidence::Action action) {
  record::SessionView out;
  out.id = "M7YDGB6VQ0N6K727";
  out.start = start;
  out.ipv6 = ipv6;
  out.tls = tls;
  out.client = ipv6 ? "2001:db8::1" : "192.0.2.1";
  out.decisions.push_back({.action = action, .enforced = true});
  return out;
}

TEST(History, SessionsAreCountedByTimeFamilyTlsAndVerdict) {
  History history;
  history.add(session(kNow - 1000, true, true, evidence::Action::accept));
  history.add(session(kNow - 1000, true, true, evidence::Action::accept));
  history.add(session(kNow - 3 * 60'000, false, false, evidence::Action::reject));
  history.add(session(kNow - 26LL * 3'600'000, false, true, evidence::Action::greylist));
  record::SessionView sunk = session(kNow - 1000, true, true, evidence::Action::reject);
  sunk.listener = "sinkhole";
  history.add(sunk);
  const Series hour = history.series(Range::hour, kNow);
  ASSERT_EQ(hour.points.size(), 60U);
  EXPECT_EQ(hour.points.back().sessions[1][1][static_cast<std::size_t>(Word::accept)], 2U);
  EXPECT_EQ(hour.points[56].of_word(Word::reject), 1U);
  EXPECT_EQ(hour.sum().total(), 3U);
  EXPECT_EQ(history.series(Range::day, kNow).sum().total(), 3U);
  const Counts week = history.series(Range::week, kNow).sum();
  EXPECT_EQ(week.total(), 4U);
  EXPECT_EQ(week.of_family(1), 2U);
  EXPECT_EQ(week.of_tls(Tls::ok), 3U);
  EXPECT_EQ(week.of_word(Word::greylist), 1U);
  EXPECT_EQ(history.series(Range::month, kNow).sum().total(), 4U);
  std::string text;
  json::Writer writer(text);
  append_json(hour, Range::hour, writer);
  const auto value = json::parse(text);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("series").array().size(), 2U);
}

TEST(History, OldOnesFallOutAndTheLatestRefusalsStayInOrder) {
  History history;
  for (std::size_t i = 0; i < History::kRecentMax + 10; ++i) {
    record::SessionView one = session(kNow + static_cast<WallMs>(i) * 1000, false, false, evidence::Action::reject);
    one.refusal = "budget";
    history.add(one);
  }
  ASSERT_EQ(history.recent().size(), History::kRecentMax);
  EXPECT_TRUE(std::ranges::is_sorted(history.recent(), std::greater(), &Refusal::time));
  EXPECT_EQ(history.recent().front().time, kNow + 59'000);
  EXPECT_EQ(history.recent().front().word, Word::reject);
  record::SessionView unknown = session(kNow + 100'000, true, true, evidence::Action::accept);
  unknown.recipients.push_back({.path = "x@example.org", .reason = "unknown_user", .code = 550});
  history.add(unknown);
  EXPECT_EQ(history.recent().front().reason, "unknown_user");
  EXPECT_EQ(history.recent().front().word, Word::reject);
  history.add(session(kNow - 40LL * 86'400'000, false, false, evidence::Action::accept));
  EXPECT_EQ(history.series(Range::month, kNow).sum().total(), History::kRecentMax + 11);
}

std::string line(std::string_view id, WallMs time) {
  return R"({"schema":"postern.session/1","id":")" + std::string(id) + R"(","time":")" + iso8601(time) +
         R"(","duration_ms":1,"listener":"mx","family":"ipv6","client":{"address":"2001:db8::1","port":1},)" +
         R"("server":{"address":"::1","port":25},"end":"quit"})" + "\n";
}

TEST(Follower, ReadsOnOverRotationsAndCutLines) {
  const testing::TemporaryFolder folder;
  Follower follower(folder.path());
  History history;
  EXPECT_FALSE(follower.follow(history));
  const WallMs now = wall_now();
  folder.write("current.jsonl", line("M7YDGB6VQ0N6K721", now));
  EXPECT_TRUE(follower.follow(history));
  EXPECT_EQ(history.sessions(), 1U);
  EXPECT_FALSE(follower.follow(history));
  const std::string second = line("M7YDGB6VQ0N6K722", now);
  for (std::size_t i = 0; i < second.size(); ++i) {
    std::ofstream(folder.at("current.jsonl"), std::ios::app) << second[i];
    EXPECT_EQ(follower.follow(history), i + 1 == second.size());
  }
  // Rotated between two looks: what was written before and after it is seen
  std::ofstream(folder.at("current.jsonl"), std::ios::app) << line("M7YDGB6VQ0N6K723", now);
  std::filesystem::rename(folder.at("current.jsonl"), folder.at("29991121T061328Z.jsonl"));
  folder.write("current.jsonl", line("M7YDGB6VQ0N6K724", now));
  EXPECT_TRUE(follower.follow(history));
  EXPECT_EQ(history.sessions(), 4U);
  // What was rotated before the first look is read once, by the other way
  folder.write("20000101T000000Z.jsonl", line("M7YDGB6VQ0N6K725", now));
  const std::atomic<bool> go_on{false};
  follower.read_older(history, 0, go_on);
  EXPECT_EQ(history.sessions(), 5U);
}

TEST(ReasonTexts, EveryReasonOfTheRefusalsHasOne) {
  std::ifstream page(postern::test::source_dir() / "docs/refusals.md");
  ASSERT_TRUE(page.good());
  std::size_t seen = 0;
  for (std::string text; std::getline(page, text);) {
    // | code | enhanced | `text` | `reason` | what to do here |
    std::vector<std::string> cells;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find(" | ", begin)) != std::string::npos; begin = end + 3)
      cells.push_back(text.substr(begin, end - begin));
    if (cells.size() < 4 || !cells[3].starts_with('`') || !text.starts_with("| ")) continue;
    const std::string word = cells[3].substr(1, cells[3].size() - 2);
    if (word == "reason") continue;
    EXPECT_EQ(reason_text(word).word, word);
    ++seen;
  }
  EXPECT_GT(seen, 50U);
  EXPECT_FALSE(reason_text("no such word").title.empty());
  // What would help to tune stands in none of them
  for (const ReasonText& text : reason_texts())
    for (const char* word : {"score", "threshold", "nats", "weight"})
      EXPECT_EQ((std::string(text.what) + std::string(text.change)).find(word), std::string::npos) << text.word;
}

}  // namespace
}  // namespace postern::web
