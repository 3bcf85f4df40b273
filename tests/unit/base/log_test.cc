#include "base/log.h"

#include <gtest/gtest.h>

#include "base/counters.h"

namespace postern {
namespace {

TEST(Log, QuotesWhatNeedsIt) {
  EXPECT_EQ(log::format("started", {}), "started");
  EXPECT_EQ(log::format("e", {{"a", "plain"}, {"n", 5}, {"m", -1}, {"addr", "[2001:db8::1]:25"}}),
            "e a=plain n=5 m=-1 addr=[2001:db8::1]:25");
  EXPECT_EQ(log::format("e", {{"empty", ""}, {"space", "a b"}, {"eq", "a=b"}, {"quote", "a\"b"}, {"back", "a\\b"}}),
            R"(e empty="" space="a b" eq="a=b" quote="a\"b" back="a\\b")");
}

TEST(Log, AStrangerCannotMakeALine) {
  const std::string line = log::format("e", {{"helo", std::string_view("x\r\n<3>forged\0\x1b[31m\xff\xc2\x9b", 21)}});
  EXPECT_EQ(line, R"(e helo="x\r\n<3>forged\u0000\u001b[31m\u00ff\u009b")");
}

TEST(Log, ValuesAreCut) {
  EXPECT_EQ(log::format("e", {{"k", std::string(1024, 'x')}}).size(), 4U + 1024U);
  const std::string cut = log::format("e", {{"k", std::string(1025, 'x')}});
  EXPECT_EQ(cut, "e k=" + std::string(1024, 'x') + "...");
}

TEST(Log, LevelsFilterAndAreWritten) {
  testing::internal::CaptureStderr();
  log::set_level(log::Level::warning);
  EXPECT_FALSE(log::enabled(log::Level::info));
  log::info("hidden");
  log::debug("hidden");
  log::error("shown", {{"k", "v w"}});
  log::set_level(log::Level::info);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("hidden"), std::string::npos);
  EXPECT_TRUE(text.ends_with("shown k=\"v w\"\n")) << text;
}

TEST(Counters, AreListedSortedAndSummedByName) {
  static Counter b("test_b_total");
  static Counter a("test_a_total");
  static Counter again("test_a_total");
  a.add();
  again.add(4);
  b.add(2);
  std::vector<std::pair<std::string, std::int64_t>> mine;
  for (const auto& entry : counter_values()) {
    if (entry.first.starts_with("test_")) mine.push_back(entry);
  }
  EXPECT_EQ(mine, (std::vector<std::pair<std::string, std::int64_t>>{{"test_a_total", 5}, {"test_b_total", 2}}));
}

}  // namespace
}  // namespace postern
