// What records know of a domain's signatures, and a report as metrics.
#include "cli/check_live.h"

#include <gtest/gtest.h>

#include <fstream>

#include "cli/check_tool.h"
#include "unit/temporary_folder.h"

namespace postern::cli {
namespace {

constexpr WallMs kNow = 1'795'000'000'000;

std::string session(const std::string& author, const std::string& dkim, bool aligned, WallMs when = kNow) {
  return R"({"schema":"postern.session/1","id":"M7YDGB6VQ0N6K727","time":")" + iso8601(when) +
         R"(","transactions":[{"authentication":{"dkim":[)" + dkim + R"(],"dmarc":{"author_domain":")" + author + "\"" +
         (aligned ? R"(,"dkim_aligned":true)" : "") + "}}}]}";
}
std::string signature(const std::string& domain, const std::string& selector, const std::string& result = "pass") {
  return R"({"result":")" + result + R"(","domain":")" + domain + R"(","selector":")" + selector + "\"}";
}

LiveMail count(const std::vector<std::string>& lines) {
  LiveMail out;
  for (const std::string& line : lines) count_live_mail(line, "example.org", kNow - kLiveMs, out);
  return out;
}

TEST(LiveMail, CountsWhatAligns) {
  const LiveMail mail = count({
      session("example.org", signature("example.org", "s1"), true),
      session("example.org", signature("esp.example", "k1") + "," + signature("mail.example.org", "s2"), true),
      session("example.org", signature("esp.example", "k1"), false),
      session("example.org", signature("example.org", "s3", "fail"), false),
      session("example.org", "", false),
      session("example.net", signature("example.net", "s1"), true),
      session("example.org", signature("example.org", "s9"), true, kNow - kLiveMs - 1),
      R"({"schema":"postern.delivery/1","x":{"author_domain":"example.org"}})",
      R"({"author_domain":"example.org")",
  });
  EXPECT_EQ(mail.messages, 5U);
  EXPECT_EQ(mail.signed_by_it, 2U);
  EXPECT_EQ(mail.selectors, (std::map<std::string, std::uint64_t, std::less<>>{{"s1", 1}, {"s2", 1}}));
}

TEST(LiveMail, SelectorsAreBounded) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i <= kLiveSelectorsMax; ++i)
    lines.push_back(session("example.org", signature("example.org", "s" + std::to_string(i)), true));
  const LiveMail mail = count(lines);
  EXPECT_EQ(mail.selectors.size(), kLiveSelectorsMax);
  EXPECT_EQ(mail.others, 1U);
}

TEST(LiveMail, WhatThereIsNoTimeForIsNotCountedAndSaid) {
  const testing::TemporaryFolder folder;
  const std::string line = session("example.org", signature("example.org", "s1"), true) + "\n";
  for (const char* const name : {"20261101T000000Z.jsonl", "current.jsonl"})
    std::ofstream(folder.path() + "/" + name) << line;
  const auto all = read_live_mail(folder.path(), "example.org", kNow, Deadline::after(milliseconds(60'000)));
  ASSERT_TRUE(all) << all.error().what;
  EXPECT_EQ(all->messages, 2U);
  EXPECT_FALSE(all->cut);
  const auto none = read_live_mail(folder.path(), "example.org", kNow, Deadline::after(milliseconds(-1)));
  ASSERT_TRUE(none) << none.error().what;
  EXPECT_EQ(none->messages, 0U);
  EXPECT_TRUE(none->cut);
}

TEST(LiveMail, IsJudgedInThePlaceOfWhatWasNotTested) {
  const auto judge = [](const Result<LiveMail>& mail) {
    check::Report report;
    report.domain = "example.org";
    report.findings.push_back({"dkim.live", check::Outcome::not_tested, "example.org", "", "", ""});
    judge_live(report, mail, "postmaster@example.com");
    EXPECT_EQ(report.findings.size(), 1U);
    return report.findings.front();
  };
  EXPECT_EQ(judge(count({session("example.org", signature("example.org", "s1"), true)})).outcome, check::Outcome::pass);
  EXPECT_EQ(judge(count({session("example.org", "", false)})).outcome, check::Outcome::warn);
  const auto none = judge(LiveMail{});
  EXPECT_EQ(none.outcome, check::Outcome::not_tested);
  EXPECT_EQ(none.fix, "send one to postmaster@example.com");
  EXPECT_EQ(judge(fail(ErrorKind::not_found, "no folder")).outcome, check::Outcome::not_tested);
}

TEST(CheckMetrics, AGaugeForEachCheckAndDomain) {
  check::Report one;
  one.domain = "example.org";
  one.complete = true;
  one.started = kNow;
  one.ended = kNow + 1005;
  one.findings = {{"mx.ipv6", check::Outcome::warn, "a", "", "", ""},
                  {"mx.ipv6", check::Outcome::pass, "b", "", "", ""},
                  {"dkim.age", check::Outcome::not_tested, "c", "", "", ""}};
  one.calendar = {{check::Ending::What::certificate, "a", kNow + 2000},
                  {check::Ending::What::certificate, "b", kNow + 1000}};
  check::Report two = one;
  two.domain = "example.net";
  const std::string text = prometheus_text({one, two});
  for (const char* const line :
       {"postern_check_result{domain=\"example.org\",check=\"mx.ipv6\"} 1\n",
        "postern_check_result{domain=\"example.net\",check=\"dkim.age\"} -1\n",
        "postern_check_worst{domain=\"example.org\"} 1\n",
        "postern_check_findings{domain=\"example.org\",outcome=\"fail\"} 0\n",
        "postern_check_duration_seconds{domain=\"example.org\"} 1.005\n",
        "postern_check_complete{domain=\"example.net\"} 1\n",
        "postern_check_ends_timestamp_seconds{domain=\"example.org\",what=\"certificate\"} 1795000001\n"})
    EXPECT_TRUE(text.contains(line)) << line << text;
  // Each family's lines stand together
  EXPECT_EQ(text.find("# TYPE postern_check_result gauge"), text.rfind("# TYPE postern_check_result gauge"));
}

}  // namespace
}  // namespace postern::cli
