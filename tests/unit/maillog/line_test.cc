#include "maillog/line.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::maillog {
namespace {

constexpr WallMs kNow = 1795392000000;  // 2026-11-23T00:00:00Z

std::string when(std::string_view text, TimeRule rule = {.now = kNow}) {
  const auto time = time_of(split_line(text), rule);
  return time ? iso8601(*time) : "none";
}

TEST(Line, Classic) {
  const Line line = split_line("Oct  9 08:53:20 mx1 postfix/smtpd[911]: connect from a.example[192.0.2.1]");
  EXPECT_EQ(line.origin, Origin::postfix);
  EXPECT_EQ(line.daemon, Daemon::smtpd);
  EXPECT_EQ(line.form, StampForm::classic);
  EXPECT_EQ(line.stamp, "Oct  9 08:53:20");
  EXPECT_EQ(line.host, "mx1");
  EXPECT_EQ(line.program, "postfix/smtpd");
  EXPECT_EQ(line.pid, "911");
  EXPECT_EQ(line.message, "connect from a.example[192.0.2.1]");
}

TEST(Line, StampsAreOneTime) {
  struct Case {
    std::string_view stamp, fraction;
  };
  for (const auto& [stamp, fraction] :
       {Case{"Oct  9 08:53:20", ".000"}, Case{"<22>Oct  9 08:53:20", ".000"}, Case{"Oct 09 08:53:20", ".000"},
        Case{"Oct  9 2026 08:53:20", ".000"},
        // Of the old form a fraction is read over
        Case{"Oct 09 08:53:20.764590", ".000"}, Case{"2026-10-09T08:53:20Z", ".000"},
        Case{"2026-10-09T08:53:20+00:00", ".000"}, Case{"2026-10-09T10:53:20+02:00", ".000"},
        Case{"2026-10-09T04:53:20-0400", ".000"}, Case{"2026-10-09T08:53:20", ".000"},
        Case{"2026-10-09T08:53:20.764590+00:00", ".764"}, Case{"2026-10-09T10:53:20,7+02:00", ".700"},
        Case{"2026-10-09T08:53:20.05Z", ".050"}, Case{"Fri 2026-10-09 08:53:20 UTC", ".000"},
        Case{"Fri 2026-10-09 08:53:20.764590 CEST", ".764"}, Case{"1791536000.764590", ".764"},
        Case{"1791536000.7", ".700"}, Case{"1791536000.07", ".070"}, Case{"1791536000.0009", ".000"}}) {
    const std::string text = std::string(stamp) + " mx1 postfix/qmgr[1]: 4104E3D: removed";
    EXPECT_EQ(when(text), "2026-10-09T08:53:20" + std::string(fraction) + "Z") << stamp;
    const Line line = split_line(text);
    EXPECT_EQ(day_of(line, {.now = kNow}), 20735) << stamp;
    EXPECT_EQ(line.origin, Origin::postfix) << stamp;
    EXPECT_EQ(line.host, "mx1") << stamp;
    EXPECT_EQ(line.message, "4104E3D: removed") << stamp;
  }
}

TEST(Line, StructuredSyslog) {
  for (const std::string_view data : {"-", "[a b=\"c\"]", "[a b=\"]\\\"]\"][d]"}) {
    const std::string text =
        "<22>1 2026-10-09T08:53:20Z mx1 postfix-out/smtp 911 ID1 " + std::string(data) + " \xEF\xBB\xBFhello";
    const Line line = split_line(text);
    EXPECT_EQ(line.origin, Origin::postfix) << data;
    EXPECT_EQ(line.daemon, Daemon::smtp);
    EXPECT_EQ(line.program, "postfix-out/smtp");
    EXPECT_EQ(line.pid, "911");
    EXPECT_EQ(line.message, "hello") << data;
    EXPECT_EQ(when(text), "2026-10-09T08:53:20.000Z");
  }
  EXPECT_EQ(split_line("<22>1 2026-10-09T08:53:20Z mx1 postfix/smtp - - - x").pid, "");
  EXPECT_EQ(split_line("<22>1 2026-10-09T08:53:20Z mx1 postfix/smtp 1 - [a b=\"] x").origin, Origin::none);
}

TEST(Line, NamesOfInstances) {
  const auto of = [](std::string_view program) {
    const std::string text = "Oct  9 08:53:20 mx1 " + std::string(program) + "[9]: connect from a[192.0.2.1]";
    const Line line = split_line(text);
    return std::pair(line.origin, line.daemon);
  };
  for (const std::string_view program :
       {"postfix/smtpd", "postfix/submission/smtpd", "postfix-out/smtpd", "mta-in/smtpd", "postfix/smtps/smtpd"})
    EXPECT_EQ(of(program), std::pair(Origin::postfix, Daemon::smtpd)) << program;
  EXPECT_EQ(of("postfix/lmtp").second, Daemon::smtp);
  EXPECT_EQ(of("postfix/policy-spf").first, Origin::other);
  EXPECT_EQ(of("dovecot"), std::pair(Origin::other, Daemon::quiet));
  EXPECT_EQ(of("opendkim/x").first, Origin::other);
  EXPECT_EQ(of("smtpd").first, Origin::other);  // OpenSMTPD's
  EXPECT_EQ(split_line("Oct  9 08:53:20 mx1 kernel: x").origin, Origin::other);
}

TEST(Line, Exim) {
  const Line line = split_line("2026-10-09 08:53:20 1abcde-000000-AB <= a@b.example H=x [192.0.2.1]");
  EXPECT_EQ(line.origin, Origin::exim);
  EXPECT_EQ(line.message, "1abcde-000000-AB <= a@b.example H=x [192.0.2.1]");
  EXPECT_EQ(when("2026-10-09 08:53:20 x"), "2026-10-09T08:53:20.000Z");
  EXPECT_EQ(when("2026-10-09 10:53:20.250 +0200 [4711] x"), "2026-10-09T08:53:20.250Z");
  EXPECT_EQ(split_line("2026-10-09 10:53:20 +0200 [4711] x").pid, "4711");
  const Line syslog = split_line("Oct  9 08:53:20 mx1 exim[12]: 2026-10-09 08:53:20 1abcde-000000-AB Completed");
  EXPECT_EQ(syslog.origin, Origin::exim);
  EXPECT_EQ(syslog.message, "1abcde-000000-AB Completed");
}

TEST(Line, YearIsTheNewestThatIsNotInTheFuture) {
  const std::string_view rest = " 08:53:20 mx1 postfix/qmgr[1]: x";
  EXPECT_EQ(when("Nov 23" + std::string(rest)), "2026-11-23T08:53:20.000Z");
  EXPECT_EQ(when("Nov 24" + std::string(rest)), "2026-11-24T08:53:20.000Z");  // a clock ahead, or another zone
  EXPECT_EQ(when("Nov 25" + std::string(rest)), "2025-11-25T08:53:20.000Z");
  EXPECT_EQ(when("Jan  1" + std::string(rest)), "2026-01-01T08:53:20.000Z");
  // New year's day: December was last year
  EXPECT_EQ(when("Dec 31" + std::string(rest), {.now = 1798761600000 + 3600000}), "2026-12-31T08:53:20.000Z");
  EXPECT_EQ(when("Feb 29" + std::string(rest), {.now = 1709251200000}), "2024-02-29T08:53:20.000Z");
  // A year that has such a day
  EXPECT_EQ(when("Feb 29" + std::string(rest)), "2024-02-29T08:53:20.000Z");
  EXPECT_EQ(when("Feb 29" + std::string(rest), {.now = 4108060800000}), "2096-02-29T08:53:20.000Z");  // 2100 has none
  EXPECT_EQ(when("Feb 28" + std::string(rest)), "2026-02-28T08:53:20.000Z");
  // New year's eve, and a log of who is ahead
  EXPECT_EQ(when("Jan  1" + std::string(rest), {.now = 1798761600000 - 3600000}), "2027-01-01T08:53:20.000Z");
}

TEST(Line, DaysThatAreNone) {
  const std::string rest = " 08:53:20 mx1 postfix/qmgr[1]: x";
  for (const std::string stamp : {"Feb 30", "Nov 31", "Nov 99", "Nov  0", "Foo  3", "Feb 29 2026", "Apr 31 2026"})
    EXPECT_FALSE(day_of(split_line(stamp + rest), {.now = kNow})) << stamp;
  for (const std::string stamp : {"2026-02-29", "2026-13-01", "2026-00-01", "2026-04-31", "2100-02-29"})
    EXPECT_FALSE(day_of(split_line(stamp + "T08:53:20Z mx1 postfix/qmgr[1]: x"), {.now = kNow})) << stamp;
  EXPECT_TRUE(day_of(split_line("2024-02-29T08:53:20Z mx1 postfix/qmgr[1]: x"), {.now = kNow}));
}

TEST(Line, Repeated) {
  const auto of = [](const std::string& message) {
    const std::string text = "Nov 20 08:53:20 mx1 postfix/smtpd[1]: " + message;
    Line line = split_line(text);
    const std::uint32_t times = take_repeated(line);
    return std::pair(times, std::string(line.message));
  };
  EXPECT_EQ(of("message repeated 3 times: [ connect from a[192.0.2.1]]"),
            std::pair(3U, std::string("connect from a[192.0.2.1]")));
  EXPECT_EQ(of("message repeated 2 times: [ cut"), std::pair(2U, std::string("cut")));
  EXPECT_EQ(of("message repeated 99999999999 times: [ x]").first, kRepeatedMax);
  for (const std::string none :
       {"message repeated 0 times: [ x]", "message repeated x times: [ x]", "message repeated 3 times", "x"})
    EXPECT_EQ(of(none), std::pair(0U, none));
}

TEST(Line, LocalTime) {
  const TimeRule ahead{.now = kNow, .utc_offset_s = 7200};
  EXPECT_EQ(when("Oct  9 08:53:20 mx1 a: b", ahead), "2026-10-09T06:53:20.000Z");
  EXPECT_EQ(when("2026-10-09 08:53:20 x", ahead), "2026-10-09T06:53:20.000Z");
  EXPECT_EQ(when("2026-10-09T08:53:20Z mx1 a: b", ahead), "2026-10-09T08:53:20.000Z");
}

TEST(Line, WhatIsNone) {
  for (const std::string_view text :
       {"", " ", "hello", "Oct  9", "Oct  9 08:53:20", "Oct  9 08:53:20 ", "Oct  9 08:53:20 mx1",
        "Oct  9 08:53:20 mx1 ", "Oct  9 08:53:20 mx1 postfix/smtpd", "Oct  9 08:53:20 mx1 postfix/smtpd[1",
        "Oct  9 08:53:20 mx1 postfix/smtpd[1]", "<", "<22", "<22>", "<22>1 2026-10-09T08:53:20Z", "2026-10-09",
        "2026-10-09T08:53:20Z", "2026-10-09 08:53:20", "1 2026-10-09T08:53:20Z mx1 postfix/smtp 1 -"})
    EXPECT_EQ(split_line(text).origin, Origin::none) << text;
  for (const std::string_view text :
       {"Oxt  9 08:53:20 mx1 a: b", "Oct 39 08:53:20 mx1 a: b", "Oct  9 28:53:20 mx1 a: b"})
    EXPECT_EQ(when(text), "none") << text;
}

TEST(Line, NoPidAndCarriageReturn) {
  const Line line = split_line("Oct  9 08:53:20 mx1 postfix/postfix-script: starting the Postfix mail system\r");
  EXPECT_EQ(line.daemon, Daemon::script);
  EXPECT_EQ(line.pid, "");
  EXPECT_EQ(line.message, "starting the Postfix mail system");
}

}  // namespace
}  // namespace postern::maillog
