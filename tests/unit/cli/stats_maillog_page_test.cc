#include "cli/stats_maillog_page.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/table.h"

namespace postern::cli {
namespace {

using maillog::Family;
using maillog::Tally;

constexpr std::int32_t kDay = 20777;  // 2026-11-20
const std::string kLong = "Recipient address rejected: User unknown in virtual mailbox table of the second kind";

// A log of two days with `n` of everything.
Tally tally_of(std::uint64_t n) {
  Tally tally;
  tally.connects = {.v4 = n, .v6 = n};
  tally.tls_errors = tally.auth_failures = {.v4 = n / 10, .v6 = n / 10};
  tally.received = tally.delivered = tally.forwarded = tally.deferrals = tally.bounced = n;
  tally.expired = tally.rejected = tally.warned = tally.held = tally.discarded = n;
  tally.delays = {n, n, n, n, n, n, n};
  for (const std::int32_t day : {kDay, kDay + 1}) {
    maillog::Day& of = tally.days[day];
    of.connects = {.v4 = n / 2, .v6 = n / 2};
    of.tls = {.v4 = n / 4, .v6 = n / 4};
    of.received = of.delivered = of.rejected = n / 2;
  }
  for (maillog::NameTable* const table :
       {&tally.tls_versions, &tally.ciphers, &tally.reasons, &tally.postscreen, &tally.problems, &tally.failures}) {
    table->add("TLSv1.3", Family::v4, n);
    table->add(kLong, Family::v6, n);
  }
  tally.lines.total = n;
  tally.lines.unknown = 1;
  return tally;
}

std::size_t widest(const std::string& text) {
  std::size_t out = 0;
  for (const std::string_view line : split(text, '\n')) out = std::max(out, columns_of(line));
  return out;
}

TEST(MaillogPage, FitsTheTerminal) {
  for (const std::uint64_t n : {20ULL, 1'000'000ULL, 20'000'000'000ULL}) {
    for (const bool all : {false, true}) {
      const Tally tally = tally_of(n);
      for (std::size_t width = 60; width <= 200; ++width) {
        const std::string text = tally_text(tally, {}, {.all = all, .utf8 = true, .width = width});
        EXPECT_LE(widest(text), width) << n << "\n" << text;
        EXPECT_EQ(text.find(" \n"), std::string::npos) << text;
        EXPECT_NE(text.find("2026-11-20"), std::string::npos) << text;
      }
    }
  }
}

TEST(MaillogPage, WhatGivesWayDayByDay) {
  const Tally tally = tally_of(1000);
  const auto days = [&](std::optional<std::size_t> width) {
    const std::string text = tally_text(tally, {}, {.width = width});
    const std::size_t begin = text.find("day ");
    return text.substr(begin, text.find("\n\n") == std::string::npos ? 0 : text.find("\n\n", begin) - begin);
  };
  const std::string bars =
      "day         connections    IPv6  encrypted  received  delivered  rejected\n"
      "2026-11-20         1000  50.0 %     50.0 %       500        500       500  ####################\n"
      "2026-11-21         1000  50.0 %     50.0 %       500        500       500  ####################";
  EXPECT_EQ(days({}), bars);
  EXPECT_EQ(days(95), bars);
  EXPECT_EQ(days(80),
            "day         connections    IPv6  encrypted  received  delivered  rejected\n"
            "2026-11-20         1000  50.0 %     50.0 %       500        500       500  #####\n"
            "2026-11-21         1000  50.0 %     50.0 %       500        500       500  #####");
  EXPECT_EQ(days(60),
            "day         connections    IPv6  encrypted  rejected\n"
            "2026-11-20         1000  50.0 %     50.0 %       500  ######\n"
            "2026-11-21         1000  50.0 %     50.0 %       500  ######");
}

TEST(MaillogPage, SharesNameWhatTheyAreOf) {
  Tally tally;
  tally.connects = {.v4 = 75, .v6 = 25};
  tally.days[kDay].connects = tally.connects;
  tally.days[kDay].tls = {.v4 = 30, .v6 = 20};
  tally.auth_failures = {.v4 = 15, .v6 = 0};
  const std::string text = tally_text(tally, {}, {});
  EXPECT_TRUE(
      text.starts_with("             all  of all  IPv4        of IPv4  IPv6        of IPv6\n"
                       "connections  100            75  75.0 % of all    25  25.0 % of all\n"
                       "encrypted     50  50.0 %    30         40.0 %    20         80.0 %\n"
                       "AUTH failed   15  15.0 %    15         20.0 %     0          0.0 %\n"))
      << text;
}

TEST(MaillogPage, NamesAreWholeWithoutATerminal) {
  const Tally tally = tally_of(1000);
  EXPECT_NE(tally_text(tally, {}, {}).find(kLong.substr(0, 70) + "...  1000  50.0 %"), std::string::npos);
  const std::string narrow = tally_text(tally, {}, {.width = 80});
  EXPECT_EQ(narrow.find(kLong.substr(0, 60)), std::string::npos) << narrow;
  EXPECT_NE(narrow.find(".."), std::string::npos);
  EXPECT_NE(tally_text(tally, {}, {}).find("  ##########\n"), std::string::npos);
  EXPECT_NE(tally_text(tally, {}, {.utf8 = true}).find("  ▇▇▇▇▇▇▇▇▇▇\n"), std::string::npos);
}

}  // namespace
}  // namespace postern::cli
