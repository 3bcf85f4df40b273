// docs/policy.md says what the code does: every condition on it compiles, its tables are those of the code.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>

#include "base/text.h"
#include "policy/parser.h"
#include "policy/presets.h"
#include "policy/weight.h"
#include "unit/policy/page.h"
#include "unit/policy/policies.h"

namespace postern::policy::test {
namespace {

// The conditions of the lines `when = "..."`, without TOML's escapes.
std::vector<std::string> conditions() {
  std::vector<std::string> found;
  std::istringstream page(page_text());
  for (std::string line; std::getline(page, line);) {
    constexpr std::string_view kKey = "    when = \"";
    if (!line.starts_with(kKey) || !line.ends_with('"')) continue;
    std::string text = line.substr(kKey.size(), line.size() - kKey.size() - 1);
    std::erase(text, '\\');
    found.push_back(std::move(text));
  }
  return found;
}

TEST(PolicyPage, EveryConditionCompiles) {
  const auto all = conditions();
  EXPECT_GE(all.size(), 8U);
  for (const std::string& when : all) {
    Options options = preset("organisation");
    options.choices.home = countries({"US", "CA", "MX"});
    options.lists = {"zen"};
    options.rules = {rule("example", when, Action::tag)};
    EXPECT_EQ(problems_of(options), "") << when;
  }
}

TEST(PolicyPage, Errors) {
  constexpr std::array<std::string_view, 10> kWrong{
      "rdn == none",
      "rdns == windows",
      "os = windows",
      "country in [US, germany]",
      "size > generic",
      "rdns < generic",
      "os == windows AND tls == plain",
      "lists has zne",
      "os == windows and os == linux",
      "operator == deny",
  };
  std::string table = "| condition | column | what is said |\n|---|---|---|\n";
  for (const std::string_view wrong : kWrong) {
    Options options = preset("none");
    options.lists = {"zen"};
    options.rules = {rule("a", std::string(wrong), Action::reject)};
    std::vector<Problem> problems;
    EXPECT_EQ(Policy::compile(options, problems), nullptr);
    ASSERT_EQ(problems.size(), 1U) << wrong;
    table += "| `" + std::string(wrong) + "` | " + std::to_string(std::max(problems[0].place.column, 1)) + " | " +
             problems[0].what + " |\n";
  }
  expect_on_page("errors", table);
}

TEST(PolicyPage, Signals) {
  std::string table = "| signal | known at | values | what it is |\n|---|---|---|---|\n";
  for (const evidence::SignalInfo& info : evidence::signals()) {
    std::string values;
    switch (info.type) {
      case evidence::Type::category:
        for (const std::string_view value : info.values.subspan(1))
          values += (values.empty() ? "`" : ", `") + std::string(value) + "`";
        break;
      case evidence::Type::country:
        values = "two letters";
        break;
      case evidence::Type::number:
        values = "number";
        break;
      case evidence::Type::names:
        values = "names of lists";
        break;
      case evidence::Type::text:
        values = "text";
        break;
    }
    table += "| `" + std::string(info.name) + "` | " + std::string(to_string(info.stage)) + " | " + values + " | " +
             std::string(info.doc) + " |\n";
  }
  expect_on_page("signals", table);
}

TEST(PolicyPage, RulesOfPresets) {
  std::string table = "| rule | condition | action | reason |\n|---|---|---|---|\n";
  for (const std::string_view name : preset_names()) {
    Choices choices;
    choices.preset = std::string(name);
    if (name != "none") choices.home = countries({"US"});
    const auto rules = rules_of(decide(choices, nullptr));
    for (const PresetRule& one : rules) {
      table += "| `" + one.name + "` | `" + std::string(one.when) + "` | " + std::string(to_string(one.action)) +
               " | " +
               (one.action == Action::tag ? "label `" + std::string(one.label) + "`"
                                          : "`" + std::string(to_string(one.reason)) + "`") +
               " |\n";
    }
    EXPECT_EQ(rules.empty(), name == "none");
  }
  expect_on_page("rules", table);
}

TEST(PolicyPage, Thresholds) {
  const std::string page = page_text();
  for (const std::string_view name : preset_names()) {
    Choices choices;
    choices.preset = std::string(name);
    const Decided decided = decide(choices, nullptr);
    const auto shown = [](double nats) {
      std::ostringstream out;
      if (std::isfinite(nats))
        out << nats;
      else
        out << "never";
      return out.str();
    };
    const std::string row = "| `" + std::string(name) + "` | ";
    const std::size_t at = page.find(row);
    ASSERT_NE(at, std::string::npos) << name;
    const auto cells = split(std::string_view(page).substr(at, page.find('\n', at) - at), '|');
    ASSERT_GE(cells.size(), 5U);
    EXPECT_EQ(trim(cells[3]), shown(decided.greylist_at)) << name;
    EXPECT_EQ(trim(cells[4]), shown(decided.reject_at)) << name;
  }
}

TEST(PolicyPage, WeightsAreThoseOfTheEquations) {
  const std::string page = page_text();
  const auto expect_row = [&page](const Seen& seen) {
    const Weight weight = weight_of(seen);
    std::ostringstream row;
    row << std::fixed << std::setprecision(2) << std::showpos << weight.low << " .. " << weight.high;
    EXPECT_NE(page.find(row.str()), std::string::npos) << row.str();
    std::ostringstream nats;
    nats << std::fixed << std::setprecision(2) << std::showpos << "| " << weight.nats;
    EXPECT_NE(page.find(nats.str()), std::string::npos) << nats.str();
  };
  expect_row({600, 1000, 40, 1000});
  expect_row({700, 1000, 0, 1000});
  expect_row({7, 10, 0, 10});
  expect_row({450, 1000, 700, 1000});
}

}  // namespace
}  // namespace postern::policy::test
