// Policies and evidence for tests, in few words.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "policy/policy.h"

namespace postern::policy::test {

using evidence::Action;
using evidence::Evidence;
using evidence::Reason;
using evidence::Signal;
using evidence::Stage;
using evidence::Verdict;
namespace value = evidence::value;

inline Options preset(std::string_view name) {
  Options options;
  options.choices.preset = std::string(name);
  return options;
}

inline std::vector<evidence::CountryCode> countries(std::initializer_list<std::string_view> codes) {
  std::vector<evidence::CountryCode> out;
  for (const std::string_view code : codes) out.push_back(evidence::parse_country(code));
  return out;
}

inline RuleOptions rule(std::string name, std::string when, Action action) {
  RuleOptions options{.name = std::move(name), .when = std::move(when), .action = action};
  if (action == Action::tag) options.label = options.name;
  return options;
}

inline Options with_rules(std::initializer_list<RuleOptions> rules, std::string_view name = "none") {
  Options options = preset(name);
  options.rules = rules;
  return options;
}

// "RULE@LINE:COLUMN: WHAT" of every problem, a line each.
inline std::string problems_of(const Options& options) {
  std::vector<Problem> problems;
  const auto policy = Policy::compile(options, problems);
  EXPECT_EQ(policy == nullptr, !problems.empty());
  std::string out;
  for (const Problem& problem : problems) {
    out += (out.empty() ? "" : "\n") + problem.rule + "@" + std::to_string(problem.place.line) + ":" +
           std::to_string(problem.place.column) + ": " + problem.what;
  }
  return out;
}

inline std::shared_ptr<const Policy> compiled(const Options& options) {
  std::vector<Problem> problems;
  auto policy = Policy::compile(options, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.rule << ": " << problem.what;
  return policy;
}

// Evidence from words: {{"os", "windows"}, {"list_score", "3"}, {"country", "US"}}.
inline Evidence evidence_of(std::initializer_list<std::pair<std::string_view, std::string_view>> words,
                            Evidence evidence = {}) {
  for (const auto& [name, word] : words) {
    const auto signal = evidence::find_signal(name);
    if (!signal) {
      ADD_FAILURE() << "no signal " << name;
      continue;
    }
    switch (evidence::info(*signal).type) {
      case evidence::Type::category: {
        const auto found = evidence::find_value(*signal, word);
        EXPECT_TRUE(found.has_value()) << name << " == " << word;
        evidence.set_number(*signal, found.value_or(0));
        break;
      }
      case evidence::Type::country:
        evidence.set_country(evidence::parse_country(word));
        break;
      case evidence::Type::number:
        evidence.set_number(*signal, std::stoll(std::string(word)));
        break;
      case evidence::Type::text:
        evidence.set_text(*signal, word);
        break;
      case evidence::Type::names:
        ADD_FAILURE() << "lists are set by bits";
        break;
    }
  }
  return evidence;
}

inline const For kBob{.address = "bob@example.org", .domain = "example.org"};

// "reject organisation/country (country)", "accept default"
inline std::string said(const Verdict& verdict) {
  std::string out = std::string(to_string(verdict.action)) + " " + std::string(verdict.rule);
  if (verdict.reason != Reason::none) out += " (" + std::string(to_string(verdict.reason)) + ")";
  return out;
}

}  // namespace postern::policy::test
