// What a condition means: the program that judges, the tree that explains, and the meaning that this test gives it
// agree on every evidence.
#include "policy/program.h"

#include <gtest/gtest.h>

#include "policy/parser.h"
#include "unit/policy/random_policy.h"

namespace postern::policy::test {
namespace {

Setting setting() {
  Setting setting;
  for (const std::string& country : kHome) setting.home.insert(evidence::parse_country(country));
  setting.lists = (1U << kLists.size()) - 1;
  return setting;
}

Expression parsed(std::string_view text) {
  std::vector<Fault> faults;
  auto expression = parse(text, {.lists = &kLists}, faults);
  EXPECT_TRUE(expression.has_value()) << text << ": " << (faults.empty() ? "" : faults.front().what);
  return expression ? *std::move(expression) : Expression{};
}

Truth as_truth(Kleene kleene) {
  return kleene == Kleene::yes ? Truth::yes : kleene == Kleene::no ? Truth::no : Truth::unknown;
}

TEST(PolicyProgram, AgreesWithTheMeaningOfEveryTree) {
  Random random(1);
  const Setting here = setting();
  std::array<std::size_t, 3> seen{};
  for (int i = 0; i < 3000; ++i) {
    const Tree tree = random_tree(random, 4);
    const Expression expression = parsed(tree.text());
    ASSERT_FALSE(expression.nodes.empty());
    const Program program(expression);
    EXPECT_EQ(program.tests(), expression.comparisons.size());
    for (int j = 0; j < 20; ++j) {
      const Evidence evidence = random_evidence(random);
      const Truth meant = as_truth(tree.meaning(evidence));
      ASSERT_EQ(truth_of(expression, evidence, here), meant) << tree.text();
      ASSERT_EQ(program.holds(evidence, here), meant == Truth::yes) << tree.text();
      const auto changes = against(expression, evidence, here);
      ASSERT_EQ(changes.empty(), meant == Truth::yes) << tree.text();
      ++seen.at(static_cast<std::size_t>(meant));
    }
  }
  for (const std::size_t count : seen) EXPECT_GT(count, 5000U);  // all three occur
}

Truth truth(std::string_view text, const Evidence& evidence) { return truth_of(parsed(text), evidence, setting()); }

TEST(PolicyTruth, KleenesTables) {
  Evidence evidence;
  evidence.set(Signal::rdns, evidence::value::Rdns::generic);
  const std::array<std::pair<std::string, Truth>, 3> values{
      {{"rdns == none", Truth::no}, {"os == linux", Truth::unknown}, {"rdns == generic", Truth::yes}}};
  const std::array<Truth, 9> conjunctions{Truth::no,      Truth::no, Truth::no,      Truth::no, Truth::unknown,
                                          Truth::unknown, Truth::no, Truth::unknown, Truth::yes};
  const std::array<Truth, 9> disjunctions{Truth::no,  Truth::unknown, Truth::yes, Truth::unknown, Truth::unknown,
                                          Truth::yes, Truth::yes,     Truth::yes, Truth::yes};
  for (std::size_t i = 0; i < 9; ++i) {
    const std::string a = values[i / 3].first;
    const std::string b = values[i % 3].first;
    EXPECT_EQ(truth(a + " and " + b, evidence), conjunctions[i]) << a << " and " << b;
    EXPECT_EQ(truth(a + " or " + b, evidence), disjunctions[i]) << a << " or " << b;
  }
  EXPECT_EQ(truth("not rdns == none", evidence), Truth::yes);
  EXPECT_EQ(truth("not os == linux", evidence), Truth::unknown);
  EXPECT_EQ(truth("not rdns == generic", evidence), Truth::no);
}

TEST(PolicyTruth, UnknownIsAskedForDefinitely) {
  Evidence evidence;
  for (const std::string_view yes :
       {"os is unknown", "os == unknown", "os is not known", "os in [windows, unknown]", "errors in [3, unknown]",
        "country in [US, unknown]", "helo_name in [\"a\", unknown]", "lists is unknown", "size is unknown"}) {
    EXPECT_EQ(truth(yes, evidence), Truth::yes) << yes;
    EXPECT_EQ(truth("not (" + std::string(yes) + ")", evidence), Truth::no) << yes;
  }
  for (const std::string_view unknown :
       {"os == windows", "os != windows", "os not in [windows, linux]", "errors < 3", "errors != 3", "country in home",
        "country not in home", "country != US", "lists has zen", "lists not has zen", "lists has any",
        "helo_name within example.org", "helo_name not contains x"}) {
    EXPECT_EQ(truth(unknown, evidence), Truth::unknown) << unknown;
  }
}

TEST(PolicyTruth, WithoutAHomeNobodyIsAbroad) {
  Evidence evidence;
  evidence.set_country(evidence::parse_country("CN"));
  const Setting nowhere{.home = {}, .lists = 7};
  EXPECT_EQ(truth_of(parsed("country in home"), evidence, nowhere), Truth::unknown);
  EXPECT_EQ(truth_of(parsed("country not in home"), evidence, nowhere), Truth::unknown);
  EXPECT_FALSE(Program(parsed("country not in home")).holds(evidence, nowhere));
  EXPECT_EQ(truth_of(parsed("country not in home"), evidence, setting()), Truth::yes);
}

TEST(PolicyTruth, AnyListIsCleanWhenAllHaveAnswered) {
  Evidence evidence;
  evidence.set_lists(3, 0);
  EXPECT_EQ(truth("lists has any", evidence), Truth::unknown);
  EXPECT_EQ(truth("lists has zen", evidence), Truth::no);
  evidence.set_lists(7, 0);
  EXPECT_EQ(truth("lists has any", evidence), Truth::no);
  evidence.set_lists(2, 2);
  EXPECT_EQ(truth("lists has any", evidence), Truth::yes);
  EXPECT_EQ(truth("lists has dwl", evidence), Truth::yes);
  EXPECT_EQ(truth("lists has spam-eating.monkey", evidence), Truth::unknown);
}

TEST(PolicyTruth, WithinKeepsLabels) {
  Evidence evidence;
  evidence.set_text(Signal::sender_domain, "Mail.Example.ORG");
  EXPECT_EQ(truth("sender_domain within \"example.org\"", evidence), Truth::yes);
  EXPECT_EQ(truth("sender_domain within MAIL.example.org", evidence), Truth::yes);
  EXPECT_EQ(truth("sender_domain within ample.org", evidence), Truth::no);
  EXPECT_EQ(truth("sender_domain ends with ample.org", evidence), Truth::yes);
  EXPECT_EQ(truth("sender_domain within a.mail.example.org", evidence), Truth::no);
}

TEST(PolicyTruth, AgainstNamesTheFewestChanges) {
  Evidence evidence;
  evidence.set(Signal::os, evidence::value::Os::windows);
  evidence.set(Signal::rdns, evidence::value::Rdns::mail);
  evidence.set(Signal::known, evidence::value::Known::known);
  const auto of = [&](std::string_view text) { return against(parsed(text), evidence, setting()); };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(of("os == windows and rdns in [none, generic]"), Texts{"rdns in [none, generic]"});
  EXPECT_EQ(of("(os == linux and rdns == none) or size > 5MiB"), Texts{"size > 5MiB"});
  EXPECT_EQ(of("os == windows and not (known == known and rdns == mail)"), Texts{"not known == known"});
  EXPECT_EQ(of("os == windows"), Texts{});
}

}  // namespace
}  // namespace postern::policy::test
