// Rules that can never fire: each is found, and what is called unreachable never fires on any evidence.
#include "policy/reach.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "policy/parser.h"
#include "policy/program.h"
#include "unit/policy/policies.h"
#include "unit/policy/random_policy.h"

namespace postern::policy::test {
namespace {

Setting setting() {
  Setting setting;
  for (const std::string& country : kHome) setting.home.insert(evidence::parse_country(country));
  setting.lists = (1U << kLists.size()) - 1;
  return setting;
}

bool possible(const Expression& expression, Demand demand, const Setting& here) {
  Reach reach(here);
  const std::array asked{Reach::Asked{&expression, demand}};
  return reach.possible(asked).value_or(true);
}

// Whether the condition can be true, as far as is seen.
bool reachable(std::string_view text, const Setting& here = setting()) {
  std::vector<Fault> faults;
  const auto expression = parse(text, {.lists = &kLists}, faults);
  EXPECT_TRUE(expression.has_value()) << text;
  if (!expression) return true;
  return possible(*expression, Demand::yes, here);
}

TEST(PolicyReach, Contradictions) {
  for (const std::string_view never : {
           "os == windows and os == linux",
           "os == windows and os != windows",
           "os == windows and os is unknown",
           "os not in [unrecognised, windows, linux, android, apple, freebsd, openbsd, netbsd, solaris, other]",
           "rdns in [none, mail] and not (rdns == none or rdns == mail)",
           "country == US and country in [DE, CN]",
           "country in home and country == DE",
           "country not in home and country in [US, MX]",
           "country is unknown and country not in home",
           "errors > 5 and errors < 3",
           "errors < 0",
           "errors >= 3 and errors not in [3, 4] and errors < 5",
           "size is unknown and size >= 0",
           "list_score > 2 and list_score <= 2",
           "lists has zen and lists not has zen",
           "lists has zen and lists is unknown",
           "lists has zen and lists not has any",
           "helo_name == a and helo_name == b",
           "helo_name == mail.example.org and not helo_name within example.org",
           "helo_name in [mx.example, mail.example] and helo_name contains pool",
           "helo_name is unknown and helo_name contains a",
           "helo_name contains a and helo_name not contains a",
           "helo_name == a and helo_name is unknown",
           "(os == windows or os == linux) and (os == apple or os == freebsd)",
           "tls == plain and (os == windows and (rdns == none or tls == tls1_3) and rdns == mail)",
       }) {
    EXPECT_FALSE(reachable(never)) << never;
  }
  for (const std::string_view sometimes : {
           "os == windows or os == linux",
           "not (os == windows and os == linux)",
           "os in [windows, unknown] and os is unknown",
           "country not in home and country != DE",
           "errors > 5 or errors < 3",
           "list_score < 0",
           "lists has zen and lists not has dwl",
           "lists has any and lists not has zen",
           "helo_name contains a and helo_name not contains b",
           "helo_name == mail.example.org and helo_name within example.org",
           "not helo_name == a and helo_name starts with a",
       }) {
    EXPECT_TRUE(reachable(sometimes)) << sometimes;
  }
  EXPECT_FALSE(reachable("country not in home", {.home = {}, .lists = 7}));
  EXPECT_FALSE(reachable("lists has any", {.home = {}, .lists = 0}));
}

TEST(PolicyReach, TooLargeIsCalledReachable) {
  const auto contradiction = [](std::size_t signals) {
    constexpr std::array<std::string_view, 8> kNames{"helo_name", "rdns_name",   "ja4",         "cipher",
                                                     "syn",       "rdns_domain", "dkim_domain", "sender_domain"};
    std::string text;
    for (std::size_t i = 0; i < signals; ++i) {
      const std::string name(kNames.at(i));
      text += "(" + name + " contains a or " + name + " contains b or " + name + " contains c or " + name +
              " contains d) and ";
    }
    return text + "os == linux and os == windows";
  };
  EXPECT_FALSE(reachable(contradiction(4)));
  EXPECT_TRUE(reachable(contradiction(8)));  // 4^8 ways to find out
}

TEST(PolicyReach, WhatIsUnreachableNeverFires) {
  Random random(2);
  const Setting here = setting();
  std::vector<Program> never;
  while (never.size() < 300) {
    Tree tree = random_tree(random, 3);
    // over few signals contradictions are common
    Tree both;
    both.join = "and";
    both.parts = {tree, random_tree(random, 2), random_tree(random, 2)};
    std::vector<Fault> faults;
    const auto expression = parse(both.text(), {.lists = &kLists}, faults);
    ASSERT_TRUE(expression.has_value()) << both.text();
    if (!possible(*expression, Demand::yes, here)) never.emplace_back(*expression);
  }
  for (int i = 0; i < 20'000; ++i) {
    const Evidence evidence = random_evidence(random);
    for (const Program& program : never) ASSERT_FALSE(program.holds(evidence, here));
  }
}

// The same for each demand: what is said to be impossible does not happen.
TEST(PolicyReach, DemandsAreKleenes) {
  Random random(3);
  const Setting here = setting();
  for (int i = 0; i < 2000; ++i) {
    const Tree tree = random_tree(random, 2);
    std::vector<Fault> faults;
    const auto expression = parse(tree.text(), {.lists = &kLists}, faults);
    ASSERT_TRUE(expression.has_value());
    for (const Demand demand : {Demand::yes, Demand::no, Demand::not_yes, Demand::not_no}) {
      if (possible(*expression, demand, here)) continue;
      for (int j = 0; j < 200; ++j)
        ASSERT_FALSE(allows(demand, truth_of(*expression, random_evidence(random), here))) << tree.text();
    }
  }
}

// Of whole policies: the rule that is said never to decide never does, and taking it away changes no verdict.
TEST(PolicyReach, RulesBehindOthers) {
  Random random(4);
  std::size_t found = 0;
  for (int i = 0; i < 3000; ++i) {
    Options options = preset("none");
    options.lists = kLists;
    options.choices.home = countries({"US", "CA", "MX"});
    const std::size_t count = 2 + random.below(4);
    for (std::size_t r = 0; r < count; ++r) {
      constexpr std::array kActions{Action::accept, Action::reject, Action::throttle, Action::greylist};
      options.rules.push_back(rule("r" + std::to_string(r),
                                   random_tree(random, 1 + random.below(2), Stage::rcpt).text(),
                                   random.one_of(kActions)));
      options.rules.back().stage = Stage::rcpt;
      options.rules.back().shadow = random.chance(10);
    }
    std::vector<Problem> problems;
    if (Policy::compile(options, problems)) continue;
    Options without = options;
    std::erase_if(without.rules, [&](const RuleOptions& one) {
      return std::ranges::any_of(problems, [&](const Problem& problem) { return problem.rule == one.name; });
    });
    const auto rest = compiled(without);
    ASSERT_TRUE(rest);
    ++found;
    if (std::ranges::any_of(problems,
                            [](const Problem& problem) { return problem.what.starts_with("a spent budget"); }))
      continue;  // said of a rule that can fire
    for (const Problem& problem : problems)
      ASSERT_TRUE(problem.what.starts_with("never ") || problem.what.starts_with("can never be true")) << problem.what;
    // judged by hand: first rule that is true decides
    const Setting here = setting();
    std::vector<Program> programs;
    for (const RuleOptions& one : options.rules) {
      std::vector<Fault> faults;
      programs.emplace_back(*parse(one.when, {.lists = &kLists}, faults));
    }
    for (int j = 0; j < 200; ++j) {
      Evidence evidence = random_evidence(random);
      evidence.set(Signal::recipient, value::Recipient::mailbox);
      evidence.set(Signal::verdict_of_operator, value::Operator::silent);
      evidence.set(Signal::greylist, value::Greylist::due);
      std::string by_hand = "default";
      for (std::size_t r = 0; r < programs.size() && by_hand == "default"; ++r) {
        const RuleOptions& one = options.rules[r];
        if (one.shadow || one.action == Action::greylist || !programs[r].holds(evidence, here)) continue;
        by_hand = one.name;
      }
      ASSERT_EQ(rest->judge(Moment::rcpt, evidence, kBob).rule, by_hand);
    }
  }
  EXPECT_GT(found, 100U);
}

std::string never(std::initializer_list<RuleOptions> rules, Options options = preset("none")) {
  options.rules = rules;
  int line = 10;
  for (RuleOptions& one : options.rules) {
    one.place = {.line = line, .column = 1};
    one.when_place = {.line = line + 1, .column = 9};
    line += 10;
  }
  return problems_of(options);
}

TEST(PolicyReach, WhatIsSaid) {
  EXPECT_EQ(never({rule("a", "os == windows and rdns == mail and os == linux", Action::reject)}),
            "a@11:9: can never be true: no value of os is all that it asks for; take the contradiction out");
  EXPECT_EQ(never({rule("a", "(os == windows and os == linux) or (rdns == none and rdns == mail)", Action::reject)}),
            "a@11:9: can never be true: it contradicts itself; take the contradiction out");
  EXPECT_EQ(never({rule("a", "country not in home", Action::reject)}),
            "a@11:9: can never be true while no home is configured; name your countries in [policy] home");
  EXPECT_EQ(never({rule("a", "lists has any", Action::reject)}),
            "a@11:9: can never be true while there is no [[policy.list]]; configure one");
  EXPECT_EQ(never({rule("a", "recipient == role", Action::reject)}),
            "a@11:9: never fires: postmaster and abuse are accepted before any rule (RFC 5321 4.5.1); take it away");
  EXPECT_EQ(never({rule("a", "operator == deny and os == windows", Action::reject)}),
            "a@11:9: never fires: postern allow and deny are obeyed before any rule; take it away");
  EXPECT_EQ(
      never({rule("a", "os in [windows, linux]", Action::accept),
             rule("b", "os == windows and rdns == none", Action::reject)}),
      "b@21:9: never decides: rule \"a\" (line 10) has always decided before; put it further up, or take it away");
  EXPECT_EQ(
      never({rule("a", "os == windows", Action::accept), rule("b", "os == linux", Action::reject),
             rule("c", "os in [windows, linux]", Action::tag)}),
      "c@31:9: never decides: the rules before it have always decided before; put it further up, or take it away");
}

TEST(PolicyReach, WhatMayFireIsLeftAlone) {
  const RuleOptions wide = rule("a", "os == windows", Action::accept);
  const RuleOptions narrow = rule("b", "os == windows and rdns == none", Action::reject);
  EXPECT_NE(never({wide, narrow}), "");
  RuleOptions shadow = wide;
  shadow.shadow = true;
  EXPECT_EQ(never({shadow, narrow}), "");
  EXPECT_EQ(never({rule("a", "os == windows", Action::tag), narrow}), "");
  EXPECT_EQ(never({rule("a", "os == windows", Action::greylist), narrow}), "");
  // of another moment
  EXPECT_EQ(never({wide, rule("b", "os == windows and dkim == fail", Action::reject)}), "");
  EXPECT_EQ(never({rule("a", "helo == own", Action::accept), rule("b", "budget == over", Action::throttle)}), "");
  // for others
  RuleOptions limited = wide;
  limited.recipients = {"example.org"};
  EXPECT_EQ(never({limited, narrow}), "");
  RuleOptions covered = narrow;
  covered.recipients = {"Bob@Example.org"};
  EXPECT_NE(never({limited, covered}), "");
  covered.recipients = {"bob@example.net"};
  EXPECT_EQ(never({limited, covered}), "");
  // where the operator's home differs from that of some recipients
  Options options = preset("none");
  options.overrides.push_back({.recipients = {"example.net"}, .choices = {}, .place = {}});
  options.overrides.front().choices.home = countries({"US"});
  EXPECT_EQ(never({rule("a", "country not in home", Action::reject)}, options), "");
}

}  // namespace
}  // namespace postern::policy::test
