// The catalogue as an interface, and a report's way to JSON and back.
#include "check/catalogue.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/json.h"
#include "check/report.h"
#include "check/watch.h"
#include "repository.h"

namespace postern::check {
namespace {

TEST(Catalogue, IdsAreUniqueAndSayTheirCategory) {
  std::set<std::string_view> seen;
  for (const Check& check : catalogue()) {
    EXPECT_TRUE(seen.insert(check.id).second) << check.id;
    EXPECT_TRUE(check.id.starts_with(std::string(to_string(check.category)) + ".")) << check.id;
    EXPECT_FALSE(check.title.empty() || check.rule.empty() || check.reference.empty()) << check.id;
    EXPECT_FALSE(check.title.contains('|') || check.rule.contains('|')) << check.id;
    EXPECT_EQ(find_check(check.id), &check);
  }
  EXPECT_EQ(find_check("mx.nothing"), nullptr);
}

TEST(Catalogue, DocumentIsUpToDate) {
  const std::string path = postern::test::source_dir() / "docs/checks.md";
  if (std::getenv("POSTERN_WRITE_DOCS") != nullptr) std::ofstream(path) << catalogue_markdown();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == catalogue_markdown()) << "write it anew: postern check --list > docs/checks.md";
}

Report sample() {
  Report report;
  report.domain = report.unicode = "example.org";
  report.started = 1000;
  report.ended = 2000;
  report.complete = true;
  report.findings = {{"mx.ipv6", Outcome::fail, "example.org", "no AAAA record: mx.example.org, TTL 60", "give it one",
                      "mx.example.org. IN AAAA ADDRESS"},
                     {"mx.present", Outcome::pass, "example.org", "MX example.org: 10 mx.example.org., TTL 60", "", ""},
                     {"routing.roa", Outcome::not_tested, "example.org", "no", "", ""}};
  return report;
}

TEST(Report, WorstIsNoAverageAndWhatWasNotTestedNeverCounts) {
  const Report report = sample();
  EXPECT_EQ(worst(report), Outcome::fail);
  EXPECT_EQ(worst(report, Category::mx), Outcome::fail);
  EXPECT_EQ(worst(report, Category::routing), Outcome::not_tested);
  EXPECT_EQ(worst(report, Category::spf), Outcome::not_tested);
  Report tested = report;
  tested.findings.push_back({"routing.valid", Outcome::pass, "example.org", "", "", ""});
  EXPECT_EQ(worst(tested, Category::routing), Outcome::pass);
}

TEST(Report, ADeadResolverSaysNothingOfADomain) {
  Report report{.domain = "example.org", .unicode = "example.org"};
  report.findings = {{"name.syntax", Outcome::pass, "example.org", {}, {}, {}},
                     {"name.exists", Outcome::not_tested, "example.org", "timeout", {}, {}}};
  EXPECT_TRUE(nothing_known(report));
  EXPECT_EQ(worst(report), Outcome::not_tested);
  report.complete = true;
  EXPECT_FALSE(nothing_known(report));
  EXPECT_EQ(worst(report), Outcome::pass);
  report.complete = false;
  report.findings[1].outcome = Outcome::pass;
  EXPECT_FALSE(nothing_known(report));
}

TEST(Report, EachCategoryHasItsOwnWordAndTitle) {
  std::set<std::string_view> words, titles;
  for (std::size_t i = 0; i < kCategories; ++i) {
    words.insert(to_string(static_cast<Category>(i)));
    titles.insert(title(static_cast<Category>(i)));
  }
  EXPECT_EQ(words.size(), kCategories);
  EXPECT_EQ(titles.size(), kCategories);
  EXPECT_EQ(title(Category::parity), "Parity of IPv6 and IPv4");
  EXPECT_EQ(to_string(Category::mta_sts), "mta_sts");
}

TEST(Report, ReadsBackWhatItWrote) {
  const Report report = sample();
  std::string text;
  json::Writer writer(text);
  append_json(report, writer);
  const auto parsed = json::parse(text);
  ASSERT_TRUE(parsed) << text;
  EXPECT_EQ(parsed->at("worst").string(), "fail");
  EXPECT_EQ(parsed->at("categories").at("mx").string(), "fail");
  EXPECT_EQ(parsed->at("findings").array()[0].at("rule").string(), find_check("mx.ipv6")->rule);
  const auto read = parse_report(*parsed);
  ASSERT_TRUE(read);
  std::string again;
  json::Writer second(again);
  append_json(*read, second);
  EXPECT_EQ(again, text);
  EXPECT_FALSE(parse_report(*json::parse("[]")));
  EXPECT_FALSE(parse_report(*json::parse(R"({"domain":"x"})")));
  const auto strange = parse_report(*json::parse(
      R"({"domain":"x","findings":[{"id":"new.check","outcome":"fail"},{"id":"mx.null","outcome":"great"},{"id":"mx.null","outcome":"warn"}]})"));
  ASSERT_TRUE(strange);
  EXPECT_EQ(strange->findings.size(), 1U);
}

TEST(Report, IsSortedByTheCatalogue) {
  Report report = sample();
  std::swap(report.findings[0], report.findings[2]);
  sort_by_catalogue(report);
  EXPECT_EQ(report.findings[0].id, "mx.present");
  EXPECT_EQ(report.findings[1].id, "mx.ipv6");
  EXPECT_EQ(report.findings[2].id, "routing.roa");
}

TEST(Watch, TellsWorseBetterAndChanged) {
  const Report before = sample();
  EXPECT_TRUE(compare(before, before).empty());
  Report after = before;
  after.findings[0].outcome = Outcome::pass;
  after.findings[0].evidence = "every MX host has one";
  after.findings[1].evidence = "MX example.org: 10 other.example.org., TTL 60";
  after.findings.push_back({"mx.dangling", Outcome::fail, "other.example.org", "NS example.net: NXDOMAIN", "", ""});
  const auto changes = compare(before, after);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].id, "mx.dangling");
  EXPECT_EQ(changes[0].kind, Change::Kind::worse);
  EXPECT_EQ(changes[1].id, "mx.ipv6");
  EXPECT_EQ(changes[1].kind, Change::Kind::better);
  EXPECT_EQ(changes[2].id, "mx.present");
  EXPECT_EQ(changes[2].kind, Change::Kind::changed);
  Report ttl = before;
  ttl.findings[1].evidence = "MX example.org: 10 mx.example.org., TTL 7";
  EXPECT_TRUE(compare(before, ttl).empty()) << "what is left of a TTL is no change";
  Report silent = before;
  silent.findings[0].outcome = Outcome::not_tested;
  EXPECT_TRUE(compare(before, silent).empty()) << "what was not tested is not better";
  EXPECT_TRUE(compare(silent, before).empty());
}

TEST(Watch, AnOutageBetweenTwoRunsHidesNoChange) {
  Report good = sample();
  good.findings = {{"spf.record", Outcome::pass, "example.org", "a", "", ""},
                   {"reach.connect", Outcome::pass, "mx.example.org [192.0.2.1]", "b", "", ""},
                   {"reach.connect", Outcome::not_tested, "mx.example.org [2001:db8::1]", "no IPv6 here", "", ""},
                   {"smtp.relay", Outcome::fail, "mx.example.org [192.0.2.1]", "open", "", ""},
                   {"smtp.relay", Outcome::fail, "old.example.org [192.0.2.9]", "open", "", ""}};
  Report outage = good;
  for (Finding& one : outage.findings) one.outcome = Outcome::not_tested;
  outage.findings[3].subject = "mx.example.org";  // of the host as a whole
  outage.findings.pop_back();                     // a host that is gone
  EXPECT_TRUE(compare(good, outage).size() == 1U) << "the open relay that is gone";
  Report kept = outage;
  keep_tested(good, kept);
  Report bad = good;
  bad.findings.pop_back();
  bad.findings[0].outcome = Outcome::fail;
  const auto changes = compare(kept, bad);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].id, "spf.record");
  EXPECT_EQ(changes[0].before, Outcome::pass);
  EXPECT_TRUE(compare(kept, kept).empty());
  Report again = kept;
  keep_tested(kept, again);
  EXPECT_EQ(again.findings.size(), kept.findings.size());
  // A family that is never there hides nothing of the other
  bad = good;
  bad.findings.push_back({"reach.connect", Outcome::fail, "mx.example.org [192.0.2.2]", "refused", "", ""});
  const auto more = compare(good, bad);
  ASSERT_EQ(more.size(), 1U);
  EXPECT_EQ(more[0].subject, "mx.example.org [192.0.2.2]");
}

TEST(Watch, APolicyThatChangedNeedsAnotherId) {
  Report before = sample();
  before.findings.push_back(
      {"mta_sts.record", Outcome::pass, "example.org", "TXT _mta-sts.example.org: \"v=STSv1; id=1;\", TTL 60", "", ""});
  before.findings.push_back(
      {"mta_sts.policy", Outcome::pass, "https://mta-sts.example.org/", "version: STSv1; mode: testing", "", ""});
  const auto judged = [&](Report after) {
    judge_history(before, after);
    return after.findings.back();
  };
  Report after = before;
  EXPECT_EQ(judged(after).id, "mta_sts.id");
  EXPECT_EQ(judged(after).outcome, Outcome::pass);
  after.findings[4].evidence = "version: STSv1; mode: enforce";
  EXPECT_EQ(judged(after).outcome, Outcome::warn);
  after.findings[3].evidence = "TXT _mta-sts.example.org: \"v=STSv1; id=2;\", TTL 60";
  EXPECT_EQ(judged(after).outcome, Outcome::pass);
}

}  // namespace
}  // namespace postern::check
