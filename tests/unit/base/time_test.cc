#include "base/time.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <ctime>

namespace postern {
namespace {

std::string by_the_c_library(WallMs time) {
  const WallMs second = time >= 0 ? time / 1000 : (time - 999) / 1000;
  const auto since = static_cast<std::time_t>(second);
  std::tm parts{};
  gmtime_r(&since, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(time - second * 1000));
  return text.data();
}

TEST(Time, EveryDayOfFourHundredYears) {
  constexpr WallMs kDay = 86'400'000;
  for (WallMs day = -146'097; day <= 146'097; ++day) {
    const WallMs time = day * kDay + (day * 7'654'321 % kDay + kDay) % kDay;  // and another time of each
    ASSERT_EQ(iso8601(time), by_the_c_library(time)) << time;
  }
}

TEST(Time, BordersOfDaysMonthsAndYears) {
  EXPECT_EQ(iso8601(1'709'164'799'999), "2024-02-28T23:59:59.999Z");
  EXPECT_EQ(iso8601(1'709'164'800'000), "2024-02-29T00:00:00.000Z");
  EXPECT_EQ(iso8601(4'107'542'400'000), "2100-03-01T00:00:00.000Z");  // no leap year
  EXPECT_EQ(iso8601(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(iso8601(253'402'300'800'000), "10000-01-01T00:00:00.000Z");
  EXPECT_EQ(iso8601(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc5322_date(1'795'243'208'123), "Sat, 21 Nov 2026 06:40:08 +0000");
  EXPECT_EQ(rfc5322_date(-86'400'000), "Wed, 31 Dec 1969 00:00:00 +0000");
}

TEST(Time, AnyNumberIsSomeTime) {
  for (const WallMs time : {INT64_MIN, INT64_MIN + 1, INT64_MAX}) {
    EXPECT_TRUE(iso8601(time).ends_with('Z')) << iso8601(time);
    EXPECT_LT(iso8601(time).size(), 40U);
    EXPECT_TRUE(rfc5322_date(time).ends_with("+0000")) << rfc5322_date(time);
  }
}

TEST(Time, IsReadBack) {
  for (WallMs time = 0; time < 253'402'300'799'999; time += 86'399'123'457)
    EXPECT_EQ(parse_iso8601(iso8601(time)), time);
  EXPECT_EQ(parse_iso8601("2026-11-21T06:40:08.123Z"), 1'795'243'208'123);
  EXPECT_EQ(parse_iso8601("2026-11-21T06:40:08Z"), 1'795'243'208'000);
  EXPECT_EQ(parse_iso8601("2026-11-21T06:40Z"), 1'795'243'200'000);
  EXPECT_EQ(parse_iso8601("2024-02-29"), 1'709'164'800'000);
}

TEST(Time, WhatIsNoTimeIsRefused) {
  for (const char* text : {"", "2026", "2026-11", "2026-11-31", "2023-02-29", "2026-13-01", "2026-00-01", "1969-12-31",
                           "2026-11-21T06:40:08", "2026-11-21 06:40:08Z", "2026-11-21T24:00Z", "2026-11-21T06:60Z",
                           "2026-11-21T06:40:61Z", "2026-11-21T06:40:08.12Z", "2026-11-21T06:40:08.1234Z",
                           "2026-11-21T06:40:08.123+01:00Z", "2026-1-21", "+026-11-21", "2026-11-21TZ"}) {
    EXPECT_EQ(parse_iso8601(text), std::nullopt) << text;
  }
}

TEST(Time, AppendsBehindWhatIsThere) {
  std::string out = "at ";
  append_iso8601(out, 0);
  EXPECT_EQ(out, "at 1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace postern
