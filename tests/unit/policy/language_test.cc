// The language: what is taken, and what is said of what is not, with its column.
#include <gtest/gtest.h>

#include "policy/options.h"
#include "policy/parser.h"

namespace postern::policy::test {
namespace {

using evidence::Stage;

const evidence::ListNames kLists{"zen", "dwl"};

// "COLUMN: WHAT" of every fault, a line each; "" where it is right.
std::string said(std::string_view source, std::optional<Stage> stage = {}) {
  std::vector<Fault> faults;
  const auto expression = parse(source, {.lists = &kLists, .stage = stage}, faults);
  EXPECT_EQ(expression.has_value(), faults.empty());
  std::string out;
  for (const Fault& fault : faults)
    out += (out.empty() ? "" : "\n") + std::to_string(fault.offset + 1) + ": " + fault.what;
  return out;
}

TEST(PolicyLanguage, WhatIsTaken) {
  for (const std::string_view source : {
           "os == windows",
           "os==windows",
           "\tos == windows\n  and rdns != mail ",
           "os == \"windows\"",
           "os == windows and country not in home and rdns in [none, generic]",
           "not (os == windows or os == linux) and not rdns == none",
           "not not os == windows",
           "country in [us, \"CA\", UK]",
           "country == unknown or country is unknown",
           "lists has zen or lists not has \"dwl\" or lists has any",
           "size > 5MiB and size <= 50M and size != 0",
           "list_score <= -2",
           "errors in [1, 2, unknown]",
           "helo_name ends with \".example\" or helo_name starts with 'mx'",
           "helo_name not within example.org and helo_name not contains 'x y'",
           "rdns_domain in [example.org, \"example.net\"]",
           "known == known and known is known and known not in [replied_to]",
           "recipient_address == bob@example.org",
           "operator == silent",
       }) {
    EXPECT_EQ(said(source), "") << source;
  }
}

TEST(PolicyLanguage, Words) {
  EXPECT_EQ(said("rdn == none"), "1: unknown signal \"rdn\"; did you mean rdns?");
  EXPECT_EQ(said("colour == red"), "1: unknown signal \"colour\"; docs/policy.md has the list of signals");
  EXPECT_EQ(said("os == linux and rdns == windows"),
            "25: rdns cannot be \"windows\"; it is one of none, unconfirmed, generic, confirmed, mail, or unknown");
  EXPECT_EQ(said("rdns in [none, genric]"),
            "16: rdns cannot be \"genric\"; did you mean generic? It is one of none, unconfirmed, generic, confirmed, "
            "mail, or unknown");
  EXPECT_EQ(said("rdns in [none, mail, none]"), "22: \"none\" stands twice in the list; leave one out");
  EXPECT_EQ(said("rdns == none or os == dos"),
            "23: os cannot be \"dos\"; it is one of unrecognised, windows, linux, android, apple, freebsd, openbsd, "
            "netbsd, solaris, other, or unknown");
  EXPECT_EQ(said("rdn == none and os == windoze"),
            "1: unknown signal \"rdn\"; did you mean rdns?\n"
            "23: os cannot be \"windoze\"; did you mean windows? It is one of unrecognised, windows, linux, android, "
            "apple, freebsd, openbsd, netbsd, solaris, other, or unknown");
  EXPECT_EQ(said("os is windows"), "7: after \"is\" stands known or unknown; to compare, write os == windows");
}

TEST(PolicyLanguage, Countries) {
  EXPECT_EQ(said("country == \"UX\""),
            "12: there is no country \"UX\"; write its two letters of ISO 3166-1, such as US, or unknown");
  EXPECT_EQ(said("country in [US, germany]"), "17: there is no country \"germany\"; did you mean DE (Germany)?");
  EXPECT_EQ(said("country in [UK, GB]"), "17: \"GB\" stands twice in the list; leave one out");
  EXPECT_EQ(said("country == home"), "12: home is a set of countries; write country in home");
  EXPECT_EQ(said("rdns in home"), "6: rdns is a word, which \"in\" does not suit; write for example rdns == mail");
}

TEST(PolicyLanguage, Types) {
  EXPECT_EQ(said("rdns < generic"), "6: rdns is a word, which \"<\" does not suit; write for example rdns == mail");
  EXPECT_EQ(said("size == generic"), "9: size is a number; \"generic\" is none, write for example 200000 or 5MiB");
  EXPECT_EQ(said("size > \"5\""), "8: size is a number; \"5\" is none, write for example 200000 or 5MiB");
  EXPECT_EQ(said("errors >= 5MiB"), "11: errors is a number; \"5MiB\" is none, write for example 3");
  EXPECT_EQ(said("errors >= 1.5"), "11: errors is a number; \"1.5\" is none, write for example 3");
  EXPECT_EQ(said("errors > 99999999999999999999"),
            "10: errors is a number; \"99999999999999999999\" is none, write for example 3");
  EXPECT_EQ(said("lists == zen"),
            "7: lists is a set of lists, which \"==\" does not suit; write for example lists has zen");
  EXPECT_EQ(said("country contains U"),
            "9: country is a country, which \"contains\" does not suit; write for example country in [US, CA], or "
            "country in home");
  EXPECT_EQ(said("helo_name > a"),
            "11: helo_name is a text, which \">\" does not suit; write for example helo_name within \"example.org\"");
  EXPECT_EQ(said("lists has zne"), "11: there is no list \"zne\"; did you mean zen?");
  EXPECT_EQ(said("lists has spamcop"), "11: there is no list \"spamcop\"; there are zen, dwl, and any");
  EXPECT_EQ(said("helo_name == \"\""), "14: an empty text is what is unknown; write helo_name is unknown");
  EXPECT_EQ(said("helo_name within .example"),
            "18: within takes a domain without dots around it, and means it and what is below it");
  std::vector<Fault> faults;
  EXPECT_FALSE(parse("lists has zen", {}, faults));
  EXPECT_EQ(faults.at(0).what, "there is no list \"zen\", nor another one; configure it as a [[policy.list]]");
}

TEST(PolicyLanguage, Grammar) {
  EXPECT_EQ(said(""), "1: is empty; write a comparison, such as rdns == generic");
  EXPECT_EQ(said(" \n"), "1: is empty; write a comparison, such as rdns == generic");
  EXPECT_EQ(said("os = windows"), "4: \"=\" has no meaning here; write == to compare");
  EXPECT_EQ(said("os == windows && rdns == none"), "15: \"&&\" has no meaning here; write and");
  EXPECT_EQ(said("os <> windows"), "4: \"<>\" has no meaning here; write != for \"is not\"");
  EXPECT_EQ(said("! os == windows"), "1: \"!\" has no meaning here; write not, or != between two");
  EXPECT_EQ(said("helo_name == *.example"),
            "14: \"*\" has no meaning here; there are no patterns; write within, contains, or ends with");
  EXPECT_EQ(said("os == windows AND rdns == none"), "15: \"AND\" cannot follow here; did you mean and?");
  EXPECT_EQ(said("os == windows rdns == none"), "15: \"rdns\" cannot follow here; join two comparisons with and, or");
  EXPECT_EQ(said("os == windows and"), "18: expected a comparison, such as rdns == generic, and found the end");
  EXPECT_EQ(said("and os == windows"), "1: \"and\" stands between two comparisons; one is missing before it");
  EXPECT_EQ(said("(os == windows"), "15: a parenthesis is not closed; add \")\"");
  EXPECT_EQ(said("os == windows)"), "14: this parenthesis closes nothing; take it away");
  EXPECT_EQ(said("early_talk"), "11: \"early_talk\" must be compared with something, such as == and a value");
  EXPECT_EQ(said("early_talk and os == windows"),
            "12: \"early_talk\" must be compared with something, such as == and a value");
  EXPECT_EQ(said("os equals windows"),
            "4: \"equals\" is no comparison; there are == != < <= > >= in has is within contains, starts with, ends "
            "with");
  EXPECT_EQ(said("helo_name contain x"), "11: \"contain\" is no comparison; did you mean contains?");
  EXPECT_EQ(said("helo_name ends x"), "16: after \"ends\" stands with");
  EXPECT_EQ(said("os in windows"), "7: after in stands a list, such as [a, b], or home");
  EXPECT_EQ(said("os == [windows]"), "7: a list is compared with in: write os in [...]");
  EXPECT_EQ(said("os in []"), "8: expected a value, and found \"]\"");
  EXPECT_EQ(said("os in [windows"), "15: a list is not closed; add \"]\"");
  EXPECT_EQ(said("os in [windows linux]"), "16: expected a comma or \"]\", and found \"linux\"");
  EXPECT_EQ(said("os == \"windows"), "7: this quote is not closed");
  EXPECT_EQ(said("helo_name == \"a\tb\""),
            "16: a quoted text cannot have a control character, nor go on in the next line");
  EXPECT_EQ(said("helo_name == b\xc3\xbc"), "15: \"\\xc3\\xbc\" has no meaning here; put a text that has it in quotes");
  EXPECT_EQ(said("helo_name == \"b\xc3\xbc\""), "");
}

TEST(PolicyLanguage, Stages) {
  EXPECT_EQ(said("os == windows and dkim == fail", Stage::rcpt),
            "19: dkim is known at stage data only; this rule is of stage rcpt");
  EXPECT_EQ(said("os == windows and dkim == fail", Stage::data), "");
  EXPECT_EQ(said("spf is unknown", Stage::helo), "1: spf is known at stage mail only; this rule is of stage helo");
  const auto stage = [](std::string_view source) {
    std::vector<Fault> faults;
    return parse(source, {.lists = &kLists}, faults)->stage;
  };
  EXPECT_EQ(stage("os == windows"), Stage::connect);
  EXPECT_EQ(stage("os == windows or helo == own"), Stage::helo);
  EXPECT_EQ(stage("spf == fail and os == windows"), Stage::mail);
  EXPECT_EQ(stage("size > 3 or os == windows"), Stage::data);
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

TEST(PolicyLanguage, LimitsAtTheLimitAndBeyond) {
  const auto nested = [](std::size_t depth) { return repeated("(", depth) + "os == linux" + repeated(")", depth); };
  EXPECT_EQ(said(nested(kDepthMax)), "");
  EXPECT_EQ(said(nested(kDepthMax + 1)), "33: more than 32 levels of parentheses and not; split the rule");
  EXPECT_EQ(said(repeated("not ", kDepthMax) + "os == linux"), "");
  EXPECT_EQ(said(repeated("not ", kDepthMax + 1) + "os == linux"),
            "129: more than 32 levels of parentheses and not; split the rule");
  EXPECT_EQ(said(repeated("(", 4096)), "33: more than 32 levels of parentheses and not; split the rule");

  const auto comparisons = [](std::size_t n) { return repeated("size>1 or ", n - 1) + "size>1"; };
  EXPECT_EQ(said(comparisons(kComparisonsMax)), "");
  EXPECT_EQ(said(comparisons(kComparisonsMax + 1)), "2501: more than 250 comparisons; split the rule");

  const std::string short_one = "os == linux";
  EXPECT_EQ(said(short_one + std::string(kExpressionMax - short_one.size(), ' ')), "");
  EXPECT_EQ(said(short_one + std::string(kExpressionMax + 1 - short_one.size(), ' ')),
            "4097: longer than 4096 octets; split the rule");

  const auto text = [](std::size_t n) { return "helo_name == \"" + std::string(n, 'a') + "\""; };
  EXPECT_EQ(said(text(evidence::kTextMax)), "");
  EXPECT_EQ(said(text(evidence::kTextMax + 1)), "14: longer than the 255 octets that are kept of a text");
}

}  // namespace
}  // namespace postern::policy::test
