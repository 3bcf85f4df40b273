// What one user may send, and who hears that he wants more.
#include "inbound/user_limits.h"

#include <gtest/gtest.h>

#include "inbound/limit_notice.h"

namespace postern::inbound {
namespace {

constexpr WallMs kStart = 1'750'000'000'000;
constexpr WallMs kHour = 3600LL * 1000;

TEST(UserLimits, TheNthPassesAndTheNextWaits) {
  UserLimits limits;
  const SubmissionLimits three{
      .messages_per_hour = 3, .messages_per_day = 0, .new_recipients_per_hour = 1, .new_recipients_per_day = 0};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limits.message("a@x.example", three, kStart));
  const auto hit = limits.message("a@x.example", three, kStart);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->limit, "messages_per_hour");
  EXPECT_EQ(hit->value, 3U);
  EXPECT_FALSE(limits.message("b@x.example", three, kStart)) << "each has his own";
  EXPECT_FALSE(limits.new_recipient("a@x.example", three, kStart)) << "and each thing too";
  EXPECT_TRUE(limits.message("a@x.example", three, kStart + hit->wait_ms - 2));
  EXPECT_FALSE(limits.message("a@x.example", three, kStart + hit->wait_ms));
}

TEST(UserLimits, OneNoticeADay) {
  UserLimits limits;
  const SubmissionLimits one{
      .messages_per_hour = 1, .messages_per_day = 0, .new_recipients_per_hour = 1, .new_recipients_per_day = 0};
  EXPECT_FALSE(limits.message("a@x.example", one, kStart));
  EXPECT_TRUE(limits.message("a@x.example", one, kStart)->first);
  EXPECT_FALSE(limits.message("a@x.example", one, kStart)->first);
  EXPECT_FALSE(limits.new_recipient("a@x.example", one, kStart));
  EXPECT_FALSE(limits.new_recipient("a@x.example", one, kStart)->first) << "whichever limit it is";
  EXPECT_FALSE(limits.message("a@x.example", one, kStart + 23 * kHour));
  EXPECT_FALSE(limits.message("a@x.example", one, kStart + 23 * kHour)->first);
  EXPECT_FALSE(limits.message("a@x.example", one, kStart + 24 * kHour));
  EXPECT_TRUE(limits.message("a@x.example", one, kStart + 24 * kHour)->first);
}

TEST(UserLimits, FillAgainWithTime) {
  UserLimits limits;
  const SubmissionLimits rule{.messages_per_hour = 4, .messages_per_day = 6};
  WallMs now = 1'000'000'000'000;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(limits.message("a", rule, now)) << i;
  const auto hit = limits.message("a", rule, now);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->limit, "messages_per_hour");
  EXPECT_EQ(hit->wait_ms, 15 * 60 * 1000 + 1);
  EXPECT_FALSE(limits.message("b", rule, now));
  now += hit->wait_ms;
  EXPECT_FALSE(limits.message("a", rule, now));
  EXPECT_TRUE(limits.message("a", rule, now));
  now += 3600 * 1000;
  EXPECT_FALSE(limits.message("a", rule, now));
  const auto day = limits.message("a", rule, now);
  ASSERT_TRUE(day);
  EXPECT_EQ(day->limit, "messages_per_day");
  EXPECT_FALSE(limits.message("a", {.messages_per_hour = 0, .messages_per_day = 0}, now));
}

TEST(UserLimits, RemembersABoundedNumberOfUsers) {
  UserLimits limits;
  const SubmissionLimits rule{.messages_per_hour = 1, .messages_per_day = 0};
  const WallMs now = 1'000'000'000'000;
  for (std::size_t i = 0; i < UserLimits::kTracked; ++i)
    ASSERT_FALSE(limits.message("user" + std::to_string(i), rule, now));
  EXPECT_EQ(limits.tracked(), UserLimits::kTracked);
  // One too many is not limited, and those who are remembered still are
  EXPECT_FALSE(limits.message("late", rule, now));
  EXPECT_FALSE(limits.message("late", rule, now));
  EXPECT_TRUE(limits.message("user7", rule, now));
  EXPECT_FALSE(limits.message("late", rule, now + 3'600'001));
  EXPECT_EQ(limits.tracked(), 2U) << "that one, and user7, of whom there was a notice today";
}

TEST(LimitNotice, NamesTheAccountTheLimitAndWhatToDo) {
  const LimitNotice notice{.login = "al\r\nBcc: x@y.example",
                           .limit = "new_recipients_per_day",
                           .value = 500,
                           .client = "[2001:db8::1]:4711",
                           .session = Id::make(kStart),
                           .when = kStart};
  const std::string text =
      limit_notice_text(notice, "postmaster@x.example", "a@x.example", "mx.x.example", Id::make(kStart), kStart);
  EXPECT_NE(text.find("\r\nTo: <a@x.example>\r\n"), std::string::npos);
  EXPECT_NE(text.find("500 new recipients a day"), std::string::npos);
  EXPECT_NE(text.find("[2001:db8::1]:4711"), std::string::npos);
  EXPECT_NE(text.find(notice.session.text()), std::string::npos);
  EXPECT_EQ(text.find("\nBcc:"), std::string::npos) << "nothing that a login holds becomes a field";
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    EXPECT_EQ(text.at(at - 1), '\r');
}

}  // namespace
}  // namespace postern::inbound
