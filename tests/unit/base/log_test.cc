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

TEST(Log, ValuesAreCutBetweenCharacters) {
  const std::string umlauts = std::string(1023, 'x') + "\xc3\xbc";
  EXPECT_EQ(log::format("e", {{"k", umlauts}}), "e k=" + std::string(1023, 'x') + "...");
}

TEST(Log, ALineStaysUnderWhatAPipeTakesAtOnce) {
  const std::string stranger(1024, '\x01');  // six octets each once escaped
  const std::string line = log::format_line(log::Style::terminal, log::Level::error, 0, "e",
                                            {{"id", "X"},
                                             {"a", stranger},
                                             {"b", std::string(1024, 'b')},
                                             {"c", std::string(1024, 'c')},
                                             {"d", std::string(1024, 'd')},
                                             {"e", std::string(1024, 'e')},
                                             {"reason", "last"}});
  EXPECT_LT(line.size(), 4096U);
  // What does not fit is marked, what fits behind it still stands.
  EXPECT_NE(line.find(" id=X a=... b=bbb"), std::string::npos) << line;
  EXPECT_NE(line.find(" e=... reason=last\n"), std::string::npos) << line;
}

TEST(Log, EachStyleHasItsPrefix) {
  constexpr WallMs kTime = 951'782'400'007;
  const auto line = [](log::Style style, log::Level level) {
    return log::format_line(style, level, kTime, "started", {{"port", 25}});
  };
  // sd-daemon(3): the number is the syslog priority; the journal has its own time
  EXPECT_EQ(line(log::Style::journal, log::Level::debug), "<7>started port=25\n");
  EXPECT_EQ(line(log::Style::journal, log::Level::info), "<6>started port=25\n");
  EXPECT_EQ(line(log::Style::journal, log::Level::warning), "<4>started port=25\n");
  EXPECT_EQ(line(log::Style::journal, log::Level::error), "<3>started port=25\n");
  EXPECT_EQ(line(log::Style::plain, log::Level::warning), "2000-02-29T00:00:00.007Z warning started port=25\n");
  EXPECT_EQ(line(log::Style::terminal, log::Level::error),
            "2000-02-29T00:00:00.007Z \x1b[31merror\x1b[0m started port=25\n");
  EXPECT_EQ(line(log::Style::terminal, log::Level::info),
            "2000-02-29T00:00:00.007Z \x1b[32minfo\x1b[0m started port=25\n");
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
