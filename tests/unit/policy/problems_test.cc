// What is wrong with the policy's part of a configuration: the place, the rule, the words.
#include <gtest/gtest.h>

#include <limits>

#include "unit/policy/policies.h"

namespace postern::policy::test {
namespace {

TEST(PolicyProblems, Rules) {
  const auto of = [](RuleOptions options) {
    options.place = {.line = 4, .column = 1};
    options.when_place = {.line = 6, .column = 9};
    return problems_of(with_rules({std::move(options)}));
  };
  EXPECT_EQ(of(rule("a", "rdn == none", Action::reject)), "a@6:9: unknown signal \"rdn\"; did you mean rdns?");
  EXPECT_EQ(of(rule("a", "os == linux\n  and rdn == none", Action::reject)),
            "a@7:7: unknown signal \"rdn\"; did you mean rdns?");
  RuleOptions early = rule("a", "os == linux and size > 3", Action::reject);
  early.stage = Stage::rcpt;
  EXPECT_EQ(of(early), "a@6:25: size is known at stage data only; this rule is of stage rcpt");
  EXPECT_EQ(of(rule("a", "os == linux and not budget == within", Action::reject)),
            "a@6:29: a spent budget is told with 421 or 451, never for good; write then = \"throttle\"");
  EXPECT_EQ(of(rule("a", "budget == over", Action::throttle)), "");
  EXPECT_EQ(of(rule("a b", "os == linux", Action::reject)),
            "a b@4:1: the name \"a b\" is none; use letters, digits, - and _, at most 64");
  EXPECT_EQ(of(rule("", "os == linux", Action::reject)),
            "@4:1: the name \"\" is none; use letters, digits, - and _, at most 64");
  EXPECT_EQ(of(rule("Score", "os == linux", Action::reject)),
            "Score@4:1: the name \"Score\" stands for what judges beside the rules; use another one");
  RuleOptions labelled = rule("a", "os == linux", Action::reject);
  labelled.label = "x";
  EXPECT_EQ(of(labelled), "a@4:1: a label is for the action tag; take it away");
  RuleOptions bare = rule("a", "os == linux", Action::tag);
  bare.label = "";
  EXPECT_EQ(of(bare), "a@4:1: a tag needs a label of letters, digits, - and _, at most 64");
  RuleOptions text = rule("a", "os == linux", Action::accept);
  text.text = "Welcome";
  EXPECT_EQ(of(text), "a@4:1: nothing is said where the action is accept; take the text away");
  text = rule("a", "os == linux", Action::reject);
  text.text = "Two\r\nlines";
  EXPECT_EQ(of(text), "a@4:1: text is one sentence of printable ASCII, at most 200 characters");
  text.text = std::string(kReplyTextMax, 'a');
  EXPECT_EQ(of(text), "");
  text.text += 'a';
  EXPECT_EQ(of(text), "a@4:1: text is one sentence of printable ASCII, at most 200 characters");
  RuleOptions limited = rule("a", "os == linux", Action::reject);
  limited.recipients = {"example.org", "*.example.net", "Example.org", "@example.org", "a b@example.org"};
  EXPECT_EQ(of(limited),
            "a@4:1: \"*.example.net\" is no recipient; write a domain as example.org, or an address as "
            "bob@example.org\n"
            "a@4:1: \"Example.org\" is named twice; leave one out\n"
            "a@4:1: \"@example.org\" is no recipient; write a domain as example.org, or an address as "
            "bob@example.org\n"
            "a@4:1: \"a b@example.org\" is no recipient; write a domain as example.org, or an address as "
            "bob@example.org");
  EXPECT_EQ(
      problems_of(with_rules({rule("a", "os == linux", Action::reject), rule("A", "os == apple", Action::reject)})),
      "A@0:0: another rule has this name; records tell rules by name");
}

TEST(PolicyProblems, Choices) {
  const auto of = [](auto&& change) {
    Options options;
    change(options);
    return problems_of(options);
  };
  EXPECT_EQ(of([](Options& o) { o.choices.preset = "organization"; }),
            "@0:0: there is no preset \"organization\"; did you mean organisation? There are personal, organisation, "
            "provider, strict, none");
  EXPECT_EQ(of([](Options& o) { o.choices.reject_at = 0; }),
            "@0:0: reject_at is a number of nats above 0, at most 100; the preset organisation has 5");
  EXPECT_EQ(of([](Options& o) { o.choices.greylist_at = std::numeric_limits<double>::quiet_NaN(); }),
            "@0:0: greylist_at is a number of nats above 0, at most 100; the preset organisation has 1");
  EXPECT_EQ(of([](Options& o) { o.choices.greylist_at = 7; }),
            "@0:0: greylist_at is above reject_at, so that nothing would ever wait; lower it");
  EXPECT_EQ(of([](Options& o) { o.choices.preset = "strict"; }),
            "@0:0: the preset strict refuses all countries but your own; name them as home = [\"US\", \"CA\"], or say "
            "refuse_abroad = false");
  EXPECT_EQ(of([](Options& o) {
              o.choices.preset = "strict";
              o.choices.refuse_abroad = false;
            }),
            "");
  EXPECT_EQ(of([](Options& o) { o.overrides.push_back({.recipients = {}, .choices = {}, .place = {3, 1}}); }),
            "@3:1: recipients is empty; name domains or addresses that this is for");
  EXPECT_EQ(of([](Options& o) {
              o.overrides.push_back({.recipients = {"example.org"}, .choices = {}, .place = {3, 1}});
              o.overrides.push_back({.recipients = {"Example.ORG"}, .choices = {}, .place = {9, 1}});
            }),
            "@9:1: \"Example.ORG\" stands in another [[policy.for]] already; join them");
  EXPECT_EQ(of([](Options& o) { o.lists = evidence::ListNames(evidence::kListsMax, "zen"); }), "");
  EXPECT_EQ(of([](Options& o) { o.lists = evidence::ListNames(evidence::kListsMax + 1, "zen"); }),
            "@0:0: more than 32 lists; take some away");
}

TEST(PolicyProblems, Pins) {
  const auto of = [](PinOptions pin) {
    Options options;
    pin.place = {.line = 3, .column = 1};
    options.pins = {std::move(pin)};
    return problems_of(options);
  };
  EXPECT_EQ(of({"os", "windows", 2, {}}), "");
  EXPECT_EQ(of({"country", "CN", 20, {}}), "");
  EXPECT_EQ(of({"country", "abroad", -20, {}}), "");
  EXPECT_EQ(of({"os", "windows", 20.5, {}}), "@3:1: nats of a pin lie between -20 and 20");
  EXPECT_EQ(of({"oss", "windows", 2, {}}), "@3:1: unknown signal \"oss\"; did you mean os?");
  EXPECT_EQ(of({"family", "ipv5", 2, {}}), "@3:1: family cannot be pinned at \"ipv5\"; its values are ipv4, ipv6");
  EXPECT_EQ(of({"family", "unknown", 2, {}}),
            "@3:1: family cannot be pinned at \"unknown\"; its values are ipv4, ipv6");
  EXPECT_EQ(of({"country", "Germany", 2, {}}),
            "@3:1: country cannot be pinned at \"Germany\"; write home, abroad, or two letters");
  EXPECT_EQ(of({"errors", "3", 2, {}}), "@3:1: errors has no words to pin; write a [[policy.rule]] about it");
  EXPECT_EQ(of({"operator", "deny", 2, {}}),
            "@3:1: operator has no weight: it is obeyed, not scored; take the pin away");
  Options twice;
  twice.pins = {{"os", "windows", 2, {}}, {"os", "windows", 3, {}}};
  EXPECT_EQ(problems_of(twice), "@0:0: os == windows is pinned twice; leave one out");
}

TEST(PolicyProblems, Counts) {
  Options options;
  options.counts = Counts{.spam = 10, .ham = 10, .rows = {{"tls", "plain", 11, 0}}, .cells = {}};
  EXPECT_EQ(problems_of(options),
            "@0:0: the counts of \"tls plain\" are negative or more than all events; write them anew with postern "
            "signals --write");
  options.counts->rows[0].spam = std::numeric_limits<double>::infinity();
  EXPECT_NE(problems_of(options), "");
  options.counts->rows[0].spam = 10;
  EXPECT_EQ(problems_of(options), "");
  options.counts->ham = -1;
  EXPECT_NE(problems_of(options), "");
}

TEST(PolicyProblems, RulesAtTheLimitAndBeyond) {
  Options options = preset("none");
  for (std::size_t i = 0; i < kRulesMax; ++i)
    options.rules.push_back(rule("r" + std::to_string(i), "errors == " + std::to_string(i), Action::reject));
  EXPECT_EQ(compiled(options)->rule_names().size(), kRulesMax);
  options.rules.push_back(rule("one-more", "errors == 1000", Action::reject));
  EXPECT_EQ(problems_of(options), "one-more@0:0: more than 500 rules; join some with or");
  options.rules.resize(1);
  options.overrides.assign(kOverridesMax, {});
  for (std::size_t i = 0; i < kOverridesMax; ++i) options.overrides[i].recipients = {std::to_string(i) + ".example"};
  EXPECT_EQ(problems_of(options), "");
  options.overrides.push_back({.recipients = {"example.org"}});
  EXPECT_EQ(problems_of(options), "@0:0: more than 1000 [[policy.for]]; join some");
}

TEST(PolicyProblems, ShadowsNameRulesThatAreThere) {
  Options options = preset("organisation");
  options.shadow = {{.rule = "forged-hello", .place = {.line = 3, .column = 11}}};
  EXPECT_EQ(problems_of(options),
            "@3:11: no preset in use has a rule \"forged-hello\"; did you mean "
            "\"forged-helo\"?");
}

TEST(PolicyProblems, ABudgetHasNoWeight) {
  Options options = preset("organisation");
  options.pins = {{.signal = "budget", .value = "over", .nats = 12, .place = {.line = 2, .column = 1}}};
  EXPECT_EQ(problems_of(options), "@2:1: budget has no weight: it is obeyed, not scored; take the pin away");
}

}  // namespace
}  // namespace postern::policy::test
