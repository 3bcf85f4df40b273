// How old a key is, as far as kept reports tell; and that they keep it.
#include <gtest/gtest.h>

#include "base/json.h"
#include "check/watch.h"

namespace postern::check {
namespace {

constexpr std::int64_t kDay = 86'400'000;
constexpr WallMs kBegin = 1'795'000'000'000;

Report report(WallMs when, std::vector<KeySeen> keys) {
  Report out;
  out.domain = "example.org";
  out.judged = out.keys_since = when;
  out.keys = std::move(keys);
  out.findings.push_back({"dkim.age", Outcome::not_tested, "example.org", "not yet", "", ""});
  return out;
}

Report kept(const Report& report) {
  std::string text;
  json::Writer writer(text);
  append_json(report, writer);
  return *parse_report(*json::parse(text));
}

std::vector<Outcome> ages(const Report& report) {
  std::vector<Outcome> out;
  for (const Finding& finding : report.findings) {
    if (finding.id == "dkim.age") out.push_back(finding.outcome);
  }
  return out;
}

Report next(const Report& before, WallMs when, std::vector<KeySeen> keys) {
  Report after = report(when, std::move(keys));
  judge_key_ages(kept(before), after);
  return after;
}

TEST(KeyAge, WhatWasThereAtTheBeginningIsKnownAfterAYear) {
  const Report first = report(kBegin, {{"s1", "aa", kBegin}});
  const Report second = next(first, kBegin + 10 * kDay, {{"s1", "aa", kBegin + 10 * kDay}});
  EXPECT_EQ(ages(second), std::vector<Outcome>{Outcome::not_tested});
  EXPECT_EQ(ages(next(second, kBegin + 365 * kDay, {{"s1", "aa", kBegin + 365 * kDay}})),
            std::vector<Outcome>{Outcome::not_tested});
  EXPECT_EQ(ages(next(second, kBegin + 366 * kDay, {{"s1", "aa", kBegin + 366 * kDay}})),
            std::vector<Outcome>{Outcome::info});
}

TEST(KeyAge, AKeyThatCameLaterIsYoungUntilAYearHasGone) {
  const Report first = report(kBegin, {{"s1", "aa", kBegin}});
  const Report second = next(first, kBegin + 400 * kDay, {{"s1", "bb", kBegin + 400 * kDay}});
  EXPECT_EQ(ages(second), std::vector<Outcome>{Outcome::pass});
  EXPECT_EQ(ages(next(second, kBegin + 800 * kDay, {{"s1", "bb", kBegin + 800 * kDay}})),
            std::vector<Outcome>{Outcome::info});
}

TEST(KeyAge, AKeyThatWasNotSeenOnceKeepsItsAge) {
  const Report first = report(kBegin, {{"s1", "aa", kBegin}});
  const Report second = next(first, kBegin + 200 * kDay, {});
  EXPECT_EQ(ages(second), std::vector<Outcome>{Outcome::not_tested});
  const Report third = next(second, kBegin + 400 * kDay, {{"s1", "aa", kBegin + 400 * kDay}});
  EXPECT_EQ(ages(third), std::vector<Outcome>{Outcome::info});
  EXPECT_FALSE(third.keys.front().gone);
}

}  // namespace
}  // namespace postern::check
