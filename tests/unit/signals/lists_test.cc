#include "signals/lists.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/json.h"
#include "dns/fixture.h"
#include "suffixes.h"
#include "waiting_resolver.h"

namespace postern::signals {
namespace {

using test::address_of;
using test::name_of;

constexpr std::uint8_t bit(Subject subject) { return static_cast<std::uint8_t>(subject); }

ListOptions deny(std::string name, std::string zone, std::vector<AnswerWeight> answers = {}, int weight = 1) {
  ListOptions out;
  out.name = std::move(name);
  out.zone = std::move(zone);
  out.answers = std::move(answers);
  out.weight = weight;
  return out;
}

ListOptions of_domains(std::string name, std::string zone, std::uint8_t subjects) {
  ListOptions out = deny(std::move(name), std::move(zone));
  out.kind = ListKind::domain;
  out.subjects = subjects;
  return out;
}

Lists compiled(std::vector<ListOptions> options) {
  auto lists = Lists::compile(std::move(options));
  EXPECT_TRUE(lists) << lists.error().what;
  return lists ? *std::move(lists) : Lists();
}

struct Asked {
  ListVerdicts verdicts;
  std::uint32_t queries = 0;
};

Asked ask(const Lists& lists, const ListSubjects& subjects, const std::string& zone, ListVerdicts before = {}) {
  auto parsed = dns::Zone::from_json(json::parse(zone).value());
  EXPECT_TRUE(parsed) << parsed.error().what;
  dns::FixtureResolver resolver(std::move(*parsed));
  dns::Budget budget;
  Asked out{.verdicts = std::move(before)};
  run_ready(lists.ask(subjects, test::suffixes(), resolver, budget, out.verdicts));
  out.queries = budget.asked();
  return out;
}

ListSubjects client(std::string_view address) { return {.client = address_of(address)}; }

TEST(AnswerPattern, WhatMatches) {
  struct Case {
    std::string_view pattern, answer;
    bool matches;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"127.0.0.2", "127.0.0.2", true},
           {"127.0.0.2", "127.0.0.3", false},
           {"127.0.0.[2..11]", "127.0.0.2", true},
           {"127.0.0.[2..11]", "127.0.0.11", true},
           {"127.0.0.[2..11]", "127.0.0.12", false},
           {"127.0.0.[2;4..7]", "127.0.0.2", true},
           {"127.0.0.[2;4..7]", "127.0.0.3", false},
           {"127.0.0.[2;4..7]", "127.0.0.5", true},
           {"127.0.[0..255].[1..3]", "127.0.9.3", true},
           {"127.0.*.[1..3]", "127.0.9.4", false},
           {"127.0.0.&8", "127.0.0.10", true},
           {"127.0.0.&8", "127.0.0.6", false},
           {"127.0.0.&6", "127.0.0.4", true},
           {"127.0.0.4/32", "127.0.0.4", true},
           {"127.0.0.4/32", "127.0.0.5", false},
           {"127.0.0.0/24", "127.0.0.200", true},
           {"127.0.0.0/24", "127.0.1.200", false},
           {"127.0.0.64/26", "127.0.0.127", true},
           {"127.0.0.64/26", "127.0.0.128", false},
           {"127.0.0.0/8", "127.9.9.9", true},
           {"127.0.0.0/8", "128.0.0.1", false},
           {"127.0.0.2", "::7f00:2", false},
       }) {
    const auto pattern = AnswerPattern::parse(c.pattern);
    ASSERT_TRUE(pattern) << pattern.error().what;
    EXPECT_EQ(pattern->matches(address_of(c.answer)), c.matches) << c.pattern << " " << c.answer;
    EXPECT_EQ(pattern->text(), c.pattern);
  }
  for (const std::string_view bad : {"",
                                     "127",
                                     "127.0.0",
                                     "127.0.0.2.3",
                                     "127.0.0.256",
                                     "127.0.0.[2..]",
                                     "127.0.0.[..2]",
                                     "127.0.0.[5..4]",
                                     "127.0.0.[2..11",
                                     "127.0.0.2..11",
                                     "127.0.0.[]",
                                     "127.0.0.&0",
                                     "127.0.0.&256",
                                     "127.0.0.&",
                                     "10.0.0.2",
                                     "*.0.0.2",
                                     "[127..128].0.0.1",
                                     "0.0.0.0/0",
                                     "2001:db8::/32",
                                     "127.0.0.5/24",
                                     "127.0.0.0/33",
                                     "127.0.0.-1",
                                     "127.0.0.x",
                                     "127.0.0.2 "}) {
    EXPECT_FALSE(AnswerPattern::parse(bad)) << bad;
  }
  EXPECT_FALSE(AnswerPattern::parse(std::string(201, '1')));
}

TEST(Lists, WhatIsAskedFor) {
  ListOptions nets = deny("nets", "nets.example");
  nets.ipv6 = Ipv6Query::net64;
  ListOptions old = deny("old", "old.example");
  old.ipv6 = Ipv6Query::off;
  ListOptions whole = of_domains("whole", "whole.example", bit(Subject::helo));
  whole.full_name = true;
  const Lists lists =
      compiled({deny("zen", "zen.example"), nets, old, of_domains("dbl", "dbl.example", bit(Subject::helo)), whole});
  const auto text = [](const std::optional<dns::Name>& name) { return name ? name->text() : "none"; };
  const ip::Address v4 = address_of("203.0.113.9");
  const ip::Address v6 = address_of("2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(text(lists.query_name(0, v4)), "9.113.0.203.zen.example");
  EXPECT_EQ(text(lists.query_name(0, v6)),
            "6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zen.example");
  EXPECT_EQ(text(lists.query_name(1, v6)), "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.nets.example");
  EXPECT_EQ(text(lists.query_name(1, v4)), "9.113.0.203.nets.example");
  EXPECT_EQ(text(lists.query_name(2, v6)), "none");
  EXPECT_EQ(text(lists.query_name(2, v4)), "9.113.0.203.old.example");
  EXPECT_EQ(text(lists.query_name(3, v4)), "none");
  for (const std::string_view ours : {"127.0.0.1", "10.1.2.3", "::1", "fe80::1", "fd00::1", "169.254.1.1", "::"})
    EXPECT_EQ(text(lists.query_name(0, address_of(ours))), "none") << ours;
  const auto& suffixes = test::suffixes();
  EXPECT_EQ(text(lists.query_name(3, name_of("a.b.firm.co.uk"), suffixes)), "firm.co.uk.dbl.example");
  EXPECT_EQ(text(lists.query_name(4, name_of("a.b.firm.co.uk"), suffixes)), "a.b.firm.co.uk.whole.example");
  EXPECT_EQ(text(lists.query_name(3, name_of("co.uk"), suffixes)), "none");
  EXPECT_EQ(text(lists.query_name(4, name_of("uk"), suffixes)), "none");
  EXPECT_EQ(text(lists.query_name(4, name_of("a b.firm.co.uk"), suffixes)), "none");
  EXPECT_EQ(text(lists.query_name(0, name_of("firm.co.uk"), suffixes)), "none");
  std::string longest =
      std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + ".firm.example";
  EXPECT_NE(text(lists.query_name(4, name_of(longest), suffixes)), "none");
  longest.insert(0, std::string(40, 'd') + ".");
  EXPECT_EQ(text(lists.query_name(4, name_of(longest), suffixes)), "none");
}

TEST(Lists, ListedCleanAndWeighed) {
  ListOptions allow = deny("dwl", "dwl.example", {{"127.0.*.[1..2]", -2}, {"127.0.*.3", 5}});
  allow.kind = ListKind::address_allow;
  allow.weight = 0;
  const Lists lists = compiled({deny("zen", "zen.example", {{"127.0.0.[2..3]", 3}, {"127.0.0.[10..11]", 4}}),
                                deny("any", "any.example", {}, 2), allow});
  const std::string zone = R"({"9.113.0.203.zen.example": {"A": ["127.0.0.2", "127.0.0.3", "127.0.0.10", "127.0.0.4"]},
                               "9.113.0.203.any.example": {"A": ["127.0.0.2"]},
                               "9.113.0.203.dwl.example": {"A": ["127.0.5.3"]},
                               "8.113.0.203.zen.example": {"A": ["127.0.0.4"]},
                               "8.113.0.203.any.example": {"TXT": ["no A here"]}})";
  Asked got = ask(lists, client("203.0.113.9"), zone);
  EXPECT_EQ(got.verdicts.answered(), 7U);
  EXPECT_EQ(got.verdicts.listed(), 7U);
  EXPECT_EQ(lists.score(got.verdicts), 3 + 4 + 2 - 5);
  EXPECT_EQ(got.verdicts.lists[0].rules, 3U);
  EXPECT_EQ(got.verdicts.lists[0].said.size(), 4U);
  EXPECT_EQ(got.verdicts.lists[2].said.at(0), address_of("127.0.5.3"));
  EXPECT_EQ(got.queries, 3U);
  EXPECT_EQ(lists.queries_max(ip::Family::v4), 3U);
  // each answer of the most that a list may have
  std::vector<AnswerWeight> most;
  for (std::size_t i = 0; i < kAnswerRulesMax; ++i) most.push_back({"127.0.0." + std::to_string(2 + i), 1});
  const Lists large = compiled({deny("zen", "zen.example", most)});
  const Asked last = ask(large, client("203.0.113.9"), R"({"9.113.0.203.zen.example": {"A": ["127.0.0.65"]}})");
  EXPECT_EQ(last.verdicts.lists[0].rules, std::uint64_t{1} << 63U);
  EXPECT_EQ(large.score(last.verdicts), 1);
  // an answer that no rule wants, a name without addresses, and no name: three ways of not being listed
  got = ask(lists, client("203.0.113.8"), zone);
  EXPECT_EQ(got.verdicts.answered(), 7U);
  EXPECT_EQ(got.verdicts.listed(), 0U);
  EXPECT_EQ(lists.score(got.verdicts), 0);
  EXPECT_EQ(lists.names(), (evidence::ListNames{"zen", "any", "dwl"}));
}

TEST(Lists, AListThatDoesNotAnswerUsIsUnknown) {
  ListOptions allow = deny("dwl", "l.example");
  allow.kind = ListKind::address_allow;
  allow.weight = -1;
  for (const auto& [kind, answer, problem] : std::initializer_list<std::tuple<int, std::string, std::string_view>>{
           {0, R"({"A": ["127.255.255.252"]})", "mistyped"},
           {0, R"({"A": ["127.255.255.254"]})", "public_resolver"},
           {0, R"({"A": ["127.255.255.255"]})", "rate_limited"},
           {0, R"({"A": ["127.255.255.1"]})", "refused"},
           {0, R"({"A": ["127.0.0.1"]})", "refused"},
           {1, R"({"A": ["127.0.0.255"]})", "refused"},
           {0, R"({"A": ["198.51.100.80"]})", "no_list"},
           {0, R"({"A": ["127.0.0.2", "198.51.100.80"]})", "no_list"},
           {0, R"({"A": ["127.255.255.254", "127.0.0.2"]})", "public_resolver"},
           {0, R"("SERVFAIL")", "servfail"},
           {0, R"("TIMEOUT")", "timeout"},
           {0, R"("REFUSED")", "refused"},
           {0, R"("BOGUS")", "bogus"}}) {
    const Lists lists = compiled({kind == 0 ? deny("l", "l.example") : allow, deny("other", "other.example")});
    const std::string zone =
        "{\"9.113.0.203.l.example\": " + answer + R"(, "9.113.0.203.other.example": {"A": ["127.0.0.2"]}})";
    const Asked got = ask(lists, client("203.0.113.9"), zone);
    EXPECT_EQ(got.verdicts.answered(), 2U) << answer;
    EXPECT_EQ(got.verdicts.listed(), 2U) << answer;
    EXPECT_EQ(got.verdicts.lists[0].problem, problem) << answer;
    // What a list of good senders would have said is not missed by a sender
    EXPECT_EQ(lists.score(got.verdicts), kind == 0 ? 1 : 0) << answer;
  }
  // Who writes it down wants it.
  const Lists first = compiled({deny("l", "l.example", {{"127.0.0.1", 4}})});
  EXPECT_EQ(ask(first, client("203.0.113.9"), R"({"9.113.0.203.l.example": {"A": ["127.0.0.1"]}})").verdicts.listed(),
            1U);
}

TEST(Lists, ASpentBudgetIsUnknown) {
  const Lists lists = compiled({deny("a", "a.example"), deny("b", "b.example")});
  dns::FixtureResolver resolver(
      *dns::Zone::from_json(*json::parse(R"({"9.113.0.203.b.example": {"A": ["127.0.0.2"]}})")));
  dns::Budget budget(1);
  ListVerdicts verdicts;
  run_ready(lists.ask(client("203.0.113.9"), test::suffixes(), resolver, budget, verdicts));
  EXPECT_EQ(verdicts.answered(), 1U);
  EXPECT_EQ(verdicts.listed(), 0U);
  EXPECT_EQ(verdicts.lists[1].problem, "limit");
}

TEST(Lists, DomainsAreAskedAboutAsTheyBecomeKnown) {
  const Lists lists = compiled(
      {deny("zen", "zen.example"),
       of_domains("dbl", "dbl.example", bit(Subject::rdns_name) | bit(Subject::helo) | bit(Subject::sender_domain)),
       of_domains("rhs", "rhs.example", bit(Subject::sender_domain))});
  const std::string zone = R"({"spam.example.dbl.example": {"A": ["127.0.1.2"]},
                               "down.example.dbl.example": "SERVFAIL",
                               "spam.example.rhs.example": {"A": ["127.0.0.2"]}})";
  Asked got = ask(lists, client("203.0.113.9"), zone);
  EXPECT_EQ(got.queries, 1U);
  EXPECT_EQ(got.verdicts.answered(), 1U);
  got = ask(lists, {.rdns_name = name_of("a.good.example"), .helo = name_of("b.good.example")}, zone, got.verdicts);
  EXPECT_EQ(got.queries, 1U);  // one organisation, one question
  EXPECT_EQ(got.verdicts.answered(), 3U);
  EXPECT_EQ(got.verdicts.listed(), 0U);
  got = ask(lists, {.sender_domain = name_of("news.spam.example")}, zone, got.verdicts);
  EXPECT_EQ(got.queries, 2U);
  EXPECT_EQ(got.verdicts.answered(), 7U);
  EXPECT_EQ(got.verdicts.listed(), 6U);
  EXPECT_EQ(lists.score(got.verdicts), 2);
  EXPECT_EQ(lists.queries_max(ip::Family::v6), 5U);
  // A question of several that failed: not listed is not known, listed is.
  got = ask(lists, {.rdns_name = name_of("down.example"), .helo = name_of("good.example")}, zone);
  EXPECT_EQ(got.verdicts.answered(), 0U);
  EXPECT_EQ(got.verdicts.lists[1].problem, "servfail");
  got = ask(lists, {.sender_domain = name_of("spam.example")}, zone, got.verdicts);
  EXPECT_EQ(got.verdicts.listed(), 6U);
  EXPECT_EQ(got.verdicts.answered(), 6U);
}

TEST(Lists, AllAreUnderWayBeforeTheFirstIsWaitedFor) {
  const Lists lists = compiled(
      {deny("a", "a.example"), deny("b", "b.example"), of_domains("d", "d.example", bit(Subject::sender_domain))});
  test::WaitingResolver resolver(
      *dns::Zone::from_json(*json::parse(R"({"9.113.0.203.b.example": {"A": ["127.0.0.2"]}})")));
  dns::Budget budget;
  ListVerdicts verdicts;
  auto task = lists.ask({.client = address_of("203.0.113.9"), .sender_domain = name_of("firm.example")},
                        test::suffixes(), resolver, budget, verdicts);
  task.start();
  EXPECT_EQ(resolver.prefetched,
            (std::vector<std::string>{"9.113.0.203.a.example", "9.113.0.203.b.example", "firm.example.d.example"}));
  EXPECT_EQ(resolver.asked.size(), 1U);
  while (resolver.answer_next()) {
  }
  ASSERT_TRUE(task.done());
  EXPECT_EQ(verdicts.listed(), 2U);
  EXPECT_EQ(verdicts.answered(), 7U);
}

TEST(Lists, OneThatDoesNotAnswerHoldsUpNoOther) {
  const Lists lists = compiled({deny("a", "a.example"), deny("b", "b.example")});
  test::WaitingResolver dead(*dns::Zone::from_json(*json::parse("{}")));
  dns::FixtureResolver good(*dns::Zone::from_json(*json::parse(R"({"9.113.0.203.b.example": {"A": ["127.0.0.2"]}})")));
  dns::Budget budget;
  ListVerdicts verdicts;
  const ListSubjects subjects{.client = address_of("203.0.113.9")};
  const auto questions = lists.begin(subjects, test::suffixes(), good, verdicts);
  ASSERT_EQ(questions.size(), 2U);
  EXPECT_TRUE(verdicts.lists[0].asked && verdicts.lists[1].asked);
  auto first = lists.ask_one(questions[0], dead, budget, verdicts.lists[0]);
  auto second = lists.ask_one(questions[1], good, budget, verdicts.lists[1]);
  first.start();
  second.start();
  EXPECT_FALSE(first.done());
  ASSERT_TRUE(second.done());
  EXPECT_EQ(verdicts.listed(), 2U);
  while (dead.answer_next()) {
  }
}

TEST(Lists, TextIsAskedForWhereItIsWanted) {
  ListOptions with_text = deny("a", "a.example");
  with_text.text = true;
  const Lists lists = compiled({with_text, deny("b", "b.example")});
  EXPECT_EQ(lists.queries_max(ip::Family::v4), 3U);
  const Asked got = ask(lists, client("203.0.113.9"),
                        R"({"9.113.0.203.a.example": {"A": ["127.0.0.2"], "TXT": ["see\r\nhttps://a.example"]},
                            "9.113.0.203.b.example": {"A": ["127.0.0.2"], "TXT": ["not asked"]}})");
  EXPECT_EQ(got.queries, 3U);
  EXPECT_EQ(got.verdicts.lists[0].text, "see\\x0d\\x0ahttps://a.example");
  EXPECT_EQ(got.verdicts.lists[1].text, "");
  EXPECT_EQ(ask(lists, client("203.0.113.8"), "{}").queries, 2U);
}

TEST(Lists, WhatIsWrongIsNamedWithItsRemedy) {
  const auto error_of = [](std::vector<ListOptions> options) {
    const auto lists = Lists::compile(std::move(options));
    return lists ? std::string() : lists.error().what;
  };
  EXPECT_EQ(error_of(std::vector<ListOptions>(33, deny("a", "a.example"))),
            "there are 33 DNS lists; at most 32 can be asked");
  std::vector<ListOptions> most;
  for (int i = 0; i < 32; ++i) most.push_back(deny("l" + std::to_string(i), "a.example"));
  EXPECT_EQ(error_of(most), "");
  EXPECT_NE(error_of({deny("a", "a.example"), deny("a", "b.example")}).find("twice"), std::string::npos);
  EXPECT_NE(error_of({deny("a b", "a.example")}).find("letters"), std::string::npos);
  EXPECT_NE(error_of({deny("", "a.example")}).find("letters"), std::string::npos);
  for (const std::string& zone :
       {std::string(), std::string("a..example"), std::string("a b.example"),
        "a." + std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(53, 'a') + ".example"}) {
    EXPECT_NE(error_of({deny("a", zone)}).find("no domain name"), std::string::npos) << zone;
  }
  EXPECT_NE(error_of({deny("a", "a.example", {}, -1)}).find("weights"), std::string::npos);
  EXPECT_NE(error_of({deny("a", "a.example", {}, 1001)}).find("weights"), std::string::npos);
  EXPECT_NE(error_of({deny("a", "a.example", {{"127.0.0.2", -1}})}).find("weights"), std::string::npos);
  EXPECT_NE(error_of({deny("a", "a.example", {{"127.0.0", 1}})}).find("four octets"), std::string::npos);
  EXPECT_NE(error_of({deny("a", "a.example", std::vector<AnswerWeight>(65, {"127.0.0.2", 1}))}).find("64"),
            std::string::npos);
  EXPECT_NE(error_of({of_domains("a", "a.example", 0)}).find("asked about nothing"), std::string::npos);
  EXPECT_NE(error_of({deny(std::string(65, 'a'), "a.example")}).find("letters"), std::string::npos);
}

}  // namespace
}  // namespace postern::signals
