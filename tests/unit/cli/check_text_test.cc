// The report of `postern check`: folded for a terminal, whole for a pipe; what it says first and what it says once.
#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/check_tool.h"

namespace postern::cli {
namespace {

using enum check::Outcome;

check::Report sample() {
  check::Report report;
  report.domain = report.unicode = "example.org";
  report.complete = true;
  const std::string long_one =
      "AAAA mx.example.org: 2001:db8::1, TTL 300; A mx.example.org: 192.0.2.1, TTL 300; and many more words, so that "
      "no terminal has this in one line";
  report.findings = {
      {"dns.caa", warn, "example.org", "CAA: NODATA", "say who may issue", "example.org. IN CAA 0 issue \"ca\""},
      {"dns.soa", info, "example.org", "expire 3600", "two weeks are usual", ""},
      {"mx.resolves", fail, "mx.example.org", long_one, "give the host addresses", "mx.example.org. IN AAAA ADDRESS"},
      {"smtp.postmaster", not_tested, "example.org", "needs further connections", "--deep makes them", ""},
      {"smtp.abuse", not_tested, "example.org", "needs further connections", "--deep makes them", ""},
      {"tls.ciphers", not_tested, "example.org", "needs further connections", "--deep makes them", ""}};
  return report;
}

std::size_t times(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST(CheckText, WhatToMendFirstIsWhatDoesMostHarm) {
  const std::string text = report_text(sample(), false, false);
  EXPECT_NE(text.find("  1. FAIL mx.resolves  mx.example.org\n      AAAA mx.example.org"), std::string::npos) << text;
  EXPECT_NE(text.find("      mend: give the host addresses\n      mx.example.org. IN AAAA ADDRESS\n  2. WARN dns.caa  "
                      "example.org\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(times(text, "mend: two weeks"), 0U);
  EXPECT_EQ(times(text, "note: two weeks are usual"), 1U);
}

TEST(CheckText, WhatWasNotTestedForOneReasonSaysItOnceInACategory) {
  EXPECT_EQ(times(report_text(sample(), false, false), "needs further connections"), 2U);
  EXPECT_EQ(times(report_text(sample(), true, false), "needs further connections"), 3U);
}

TEST(CheckText, MonitoringKnowsWhatWasNotFoundOutFromWhatIsWrong) {
  const auto code = [](std::vector<check::Outcome> outcomes, bool complete) {
    check::Report report;
    report.complete = complete;
    for (const check::Outcome outcome : outcomes)
      report.findings.push_back({"dns.caa", outcome, "example.org", "", "", ""});
    return nagios_code(report);
  };
  EXPECT_EQ(code({pass, info, not_tested}, true), 0);
  EXPECT_EQ(code({pass, warn}, true), 1);
  EXPECT_EQ(code({fail, warn}, true), 2);
  // What fails does so whatever else was not asked; what only warns may hide what fails
  EXPECT_EQ(code({fail, pass}, false), 2);
  EXPECT_EQ(code({warn, pass}, false), 3);
  EXPECT_EQ(code({pass}, false), 3);
  EXPECT_EQ(code({}, false), 3);
  EXPECT_EQ(code({}, true), 3);
}

TEST(CheckText, LinesAreFoldedForATerminalAlone) {
  for (const std::size_t width : {60U, 80U, 140U}) {
    const std::string text = report_text(sample(), true, false, width);
    for (const std::string_view line : split(std::string_view(text).substr(text.find('\n')), '\n')) {
      const bool record = line.find(" IN ") != std::string_view::npos;
      EXPECT_TRUE(record || line.size() <= width ||
                  line.find(' ', line.find_first_not_of(' ')) == std::string_view::npos)
          << width << ": " << line;
    }
  }
  // In brief, and below
  EXPECT_EQ(times(report_text(sample(), true, false), "terminal has this in one line\n"), 2U);
}

}  // namespace
}  // namespace postern::cli
