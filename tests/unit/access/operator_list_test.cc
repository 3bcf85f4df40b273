#include "access/operator_list.h"

#include <gtest/gtest.h>

namespace postern::access {
namespace {

using evidence::value::Operator;

constexpr WallMs kNow = 1795000000000;

Entry entry(const char* subject, Operator word, WallMs until = 0) {
  auto parsed = parse_subject(subject);
  EXPECT_TRUE(parsed) << subject;
  parsed->word = word;
  parsed->until = until;
  return *parsed;
}
Entry allow(const char* subject, WallMs until = 0) { return entry(subject, Operator::allow, until); }
Entry deny(const char* subject, WallMs until = 0) { return entry(subject, Operator::deny, until); }

std::string subject(const OperatorList& list, const char* client, std::string_view name = {},
                    std::string_view path = {}, WallMs now = kNow) {
  const auto answer =
      list.lookup({.client = *ip::Address::parse(client), .confirmed_name = name, .reverse_path = path}, now);
  EXPECT_EQ(answer.entry == nullptr, answer.word == Operator::silent);
  if (answer.entry == nullptr) return "silent";
  EXPECT_EQ(answer.word, answer.entry->word);
  return (answer.word == Operator::allow ? "allow " : "deny ") + answer.entry->subject;
}

TEST(OperatorList, IsSilentAboutStrangers) {
  EXPECT_EQ(subject(OperatorList(), "192.0.2.1", "mx.example.org", "bob@example.org"), "silent");
  const OperatorList list({deny("192.0.2.0/24"), allow("example.org")});
  EXPECT_EQ(subject(list, "192.0.3.1", "mx.example.net", "bob@example.net"), "silent");
  EXPECT_EQ(subject(list, "::1"), "silent");
}

TEST(OperatorList, TheLongestPrefixSpeaks) {
  const OperatorList list({deny("192.0.2.0/24"), allow("192.0.2.7"), deny("2001:db8::/32"), allow("2001:db8:1::/48"),
                           deny("2001:db8:1::7"), allow("0.0.0.0/0")});
  EXPECT_EQ(subject(list, "192.0.2.6"), "deny 192.0.2.0/24");
  EXPECT_EQ(subject(list, "192.0.2.7"), "allow 192.0.2.7/32");
  EXPECT_EQ(subject(list, "192.0.3.7"), "allow 0.0.0.0/0");
  EXPECT_EQ(subject(list, "2001:db8:2::1"), "deny 2001:db8::/32");
  EXPECT_EQ(subject(list, "2001:db8:1::1"), "allow 2001:db8:1::/48");
  EXPECT_EQ(subject(list, "2001:db8:1::7"), "deny 2001:db8:1::7/128");
  EXPECT_EQ(subject(list, "2001:db9::1"), "silent");  // 0.0.0.0/0 is one family
}

TEST(OperatorList, ADomainSpeaksForWhatLiesBelow) {
  const OperatorList list({deny("example.org"), allow("good.example.org"), deny("bob@good.example.org"), deny("xyz")});
  EXPECT_EQ(subject(list, "::2", "", "a@example.org"), "deny example.org");
  EXPECT_EQ(subject(list, "::2", "", "a@x.y.example.org"), "deny example.org");
  EXPECT_EQ(subject(list, "::2", "", "a@news.GOOD.example.org"), "allow good.example.org");
  EXPECT_EQ(subject(list, "::2", "", "BOB@good.Example.org"), "deny bob@good.example.org");
  EXPECT_EQ(subject(list, "::2", "", "a@notexample.org"), "silent");
  EXPECT_EQ(subject(list, "::2", "", "a@b.xyz"), "deny xyz");
  EXPECT_EQ(subject(list, "::2", "Mail.example.org"), "deny example.org");
  EXPECT_EQ(subject(list, "::2", "", "\"x@good.example.org\"@example.org"), "deny example.org");
  EXPECT_EQ(subject(list, "::2", "", ""), "silent");
}

// A reverse-path is what anybody may write, so that it cannot undo what was said of who writes it.
TEST(OperatorList, WhatCannotBeForgedIsAskedFirst) {
  const OperatorList list({deny("192.0.2.0/24"), allow("example.org"), allow("bob@example.net"), deny("example.net"),
                           deny("pool.example")});
  EXPECT_EQ(subject(list, "192.0.2.1", "mx.example.org", "a@example.org"), "deny 192.0.2.0/24");
  EXPECT_EQ(subject(list, "192.0.3.1", "mx.pool.example", "a@example.org"), "deny pool.example");
  EXPECT_EQ(subject(list, "192.0.3.1", "mx.other.example", "a@example.org"), "allow example.org");
  EXPECT_EQ(subject(list, "192.0.3.1", "", "bob@example.net"), "allow bob@example.net");
}

TEST(OperatorList, TimeEndsAnEntryAndAWiderOneSpeaksAgain) {
  const OperatorList list(
      {deny("192.0.2.0/24"), allow("192.0.2.7", kNow + 1), allow("a.example", kNow), deny("example", kNow + 5)});
  EXPECT_EQ(subject(list, "192.0.2.7"), "allow 192.0.2.7/32");
  EXPECT_EQ(subject(list, "192.0.2.7", "", "", kNow + 1), "deny 192.0.2.0/24");
  EXPECT_EQ(subject(list, "::2", "x.a.example"), "deny example");
  EXPECT_EQ(subject(list, "::2", "x.a.example", "", kNow + 5), "silent");
}

TEST(OperatorList, OfOneSubjectTheLastCounts) {
  const OperatorList list(
      {deny("b.example"), allow("a.example"), allow("b.example"), deny("a.example"), deny("c.example")});
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list.entries()[0].subject, "a.example");
  EXPECT_EQ(list.entries()[0].word, Operator::deny);
  EXPECT_EQ(list.entries()[1].word, Operator::allow);
  EXPECT_EQ(list.find("b.example"), &list.entries()[1]);
  EXPECT_EQ(list.find("d.example"), nullptr);
}

TEST(OperatorList, NamesOfAnyLengthAreLookedUp) {
  const OperatorList list({deny("example.org")});
  const std::string labels = [] {
    std::string out;
    for (int i = 0; i < 250; ++i) out += "a.";
    return out;
  }();
  EXPECT_EQ(subject(list, "::2", labels + "example.org"), "deny example.org");  // 511 octets
  EXPECT_EQ(subject(list, "::2", "aa." + labels + "example.org"), "silent");
  EXPECT_EQ(subject(list, "::2", "", std::string(600, '@')), "silent");
  EXPECT_EQ(subject(list, "::2", ".", "@"), "silent");
}

}  // namespace
}  // namespace postern::access
