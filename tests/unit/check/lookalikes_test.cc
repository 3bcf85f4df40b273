// Names that look like a domain's: which ones, how many, and what is said where somebody has them.
#include "check/lookalikes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "dns/fixture.h"

namespace postern::check {
namespace {

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

TEST(Lookalikes, WhatIsTypedOrReadWrongly) {
  const auto names = lookalikes("google", "org");
  for (const char* const name :
       {"g0ogle.org", "go0gle.org", "goog1e.org", "googie.org", "google.com", "ogogle.org", "gogle.org"})
    EXPECT_TRUE(has(names, name)) << name;
  EXPECT_TRUE(has(names, "göogle.org"));
  EXPECT_TRUE(has(lookalikes("corner", "de"), "comer.de"));
  EXPECT_TRUE(has(lookalikes("cope", "com"), "соре.com"));  // in Cyrillic letters
  EXPECT_FALSE(has(names, "google.org"));
}

TEST(Lookalikes, BoundedAndEachOnce) {
  for (const std::string& label : {std::string("a"), std::string("ab"), std::string(63, 'm'), std::string(63, 'o'),
                                   std::string("xn--bcher-kva"), std::string("a-b")}) {
    const auto names = lookalikes(label, "example");
    EXPECT_LE(names.size(), kLookalikesMax);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
    for (const std::string& name : names) EXPECT_FALSE(name.starts_with('-') || name.starts_with('.')) << name;
  }
}

class Found : public ::testing::Test {
 protected:
  const Finding& look(const std::string& zone, bool asked = true) {
    resolver_ = std::make_unique<dns::FixtureResolver>(*dns::Zone::from_json(*json::parse(zone)));
    options_.lookalikes = asked;
    context_ = std::make_unique<Context>(options_, *resolver_, budget_, Doors{});
    context_->target.domain = *dns::Name::parse("cope.example.com");
    context_->report.domain = "cope.example.com";
    run_ready(check_lookalikes(*context_));
    EXPECT_EQ(context_->report.findings.size(), 1U);
    return context_->report.findings.front();
  }
  Options options_;
  dns::Budget budget_{0};  // it has its own
  std::unique_ptr<dns::FixtureResolver> resolver_;
  std::unique_ptr<Context> context_;
};

TEST_F(Found, OffUnlessAskedFor) { EXPECT_EQ(look("{}", false).outcome, Outcome::not_tested); }

TEST_F(Found, NobodyHasOne) { EXPECT_EQ(look("{}").outcome, Outcome::pass); }

TEST_F(Found, WhoHasMailOrAnAddressIsNamed) {
  const Finding& finding = look(
      R"({"examp1e.com":{"MX":[[10,"mx.example.net"]]},"exarnple.com":{"A":["192.0.2.1"]},"example.net":{"MX":[[0,"."]]}})");
  EXPECT_EQ(finding.outcome, Outcome::info);
  EXPECT_TRUE(finding.evidence.starts_with("2 of ")) << finding.evidence;
  EXPECT_TRUE(finding.evidence.contains("examp1e.com: mail to mx.example.net")) << finding.evidence;
  EXPECT_TRUE(finding.evidence.contains("exarnple.com: 192.0.2.1")) << finding.evidence;
}

}  // namespace
}  // namespace postern::check
