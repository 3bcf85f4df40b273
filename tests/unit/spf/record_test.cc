#include "spf/record.h"

#include <gtest/gtest.h>

namespace postern::spf::test {
namespace {

std::string_view error_of(std::string_view term) {
  const auto parsed = parse_term(term);
  return parsed ? std::string_view("(none)") : parsed.error();
}

TEST(SpfRecord, Version) {
  EXPECT_TRUE(is_spf_record("v=spf1"));
  EXPECT_TRUE(is_spf_record("V=SpF1 "));
  EXPECT_TRUE(is_spf_record("v=spf1 -all"));
  for (const auto* other :
       {"", "v=spf", "v=spf10", "v=spf1\t-all", "v=spf1-all", " v=spf1", "v=spf2.0/pra", "\"v=spf1\""}) {
    EXPECT_FALSE(is_spf_record(other)) << other;
  }
}

TEST(SpfRecord, TermsOfTheGrammar) {
  for (const auto* term : {"all",
                           "+all",
                           "-ALL",
                           "~all",
                           "?all",
                           "a",
                           "A",
                           "-a",
                           "a/0",
                           "a/32",
                           "a//0",
                           "a//128",
                           "a/24//64",
                           "a:x.org",
                           "a:x.org/24",
                           "a:x.org//64",
                           "a:x.org/24//64",
                           "a:x.org.",
                           "a:.org",
                           "a:%{d}",
                           "a:%{d/}/24",
                           "a:%{d}.x-y.xn--p1ai",
                           "a:foo:bar/baz.org",
                           "a:x/24.org",
                           "a:a_b.org",
                           "a:x..org",
                           "a:%%%_%-",
                           "a:x%{d}",
                           "mx",
                           "mx/8",
                           "mx:x.org/8//8",
                           "ptr",
                           "ptr:x.org",
                           "ip4:0.0.0.0",
                           "ip4:255.255.255.255/32",
                           "ip4:192.0.2.0/0",
                           "ip6:::",
                           "ip6:2001:db8::/32",
                           "ip6:::1/128",
                           "ip6:1:2:3:4:5:6:7:8/0",
                           "ip6:::ffff:192.0.2.1",
                           "ip6:1:2:3:4:5:6:192.0.2.1",
                           "include:x.org",
                           "include:%{i}._spf.x.org",
                           "exists:%{ir}.%{v}.%{l1r+-/}.x.org",
                           "exists:%{S999999999999r.-+,/_=}.x.org",
                           "redirect=x.org",
                           "REDIRECT=%{d}",
                           "exp=x.org",
                           "Exp=%{h}",
                           "a=",
                           "all=yes",
                           "moo.cow-far_out=man:dog/cat",
                           "x=%{c}%{r}%{t}",
                           "v=spf1",
                           "ip4=192.0.2.1",
                           "a:x.1a",
                           "a:x.a1",
                           "a:x.1-1"}) {
    EXPECT_EQ(error_of(term), "(none)") << term;
  }
}

TEST(SpfRecord, TermsAgainstTheGrammar) {
  for (const auto* term : {"moo",
                           "++all",
                           "+",
                           "",
                           "-",
                           "all.",
                           "all:x.org",
                           "all/8",
                           "a:",
                           "a/",
                           "a//",
                           "a/33",
                           "a/032",
                           "a/00",
                           "a/-1",
                           "a/1a",
                           "a//129",
                           "a/24/64",
                           "a/24//",
                           "a//64/24",
                           "a///64",
                           "a:/24",
                           "a:x.org/33",
                           "a:x.org//129",
                           "a:x.org/024",
                           "a:museum",
                           "a:museum.",
                           "a:x.",
                           "a:x.org..",
                           "a:x.123",
                           "a:192.0.2.1",
                           "a:x.-org",
                           "a:x.org-",
                           "a:x.o_g",
                           "a:%{d}com",
                           "a:%{d}.",
                           "a:x.org:8080",
                           "a:x.org\t",
                           "a:\x7f.org",
                           "a:x\xc3\xa9.org",
                           "ax",
                           "a.b",
                           "mx:",
                           "ptr/24",
                           "ptr:",
                           "ptr:x.org/24",
                           "ip4",
                           "ip4:",
                           "ip4:192.0.2",
                           "ip4:192.0.2.1.1",
                           "ip4:192.0.2.256",
                           "ip4:192.0.02.1",
                           "ip4:00.0.0.0",
                           "ip4:192.0.2.1/33",
                           "ip4:192.0.2.1/",
                           "ip4:192.0.2.1/01",
                           "ip4:192.0.2.1//32",
                           "ip4:192.0.2.1:25",
                           "ip4:.192.0.2",
                           "ip4:192..2.1",
                           "ip4:192.0.2.",
                           "ip4:::1",
                           "ip4/24",
                           "ip4:1000.0.0.1",
                           "ip6",
                           "ip6:",
                           "ip6:192.0.2.1",
                           "ip6:::1/129",
                           "ip6:::1/",
                           "ip6:::1//64",
                           "ip6:1::2::3",
                           "ip6:fe80::1%lo",
                           "ip6:fe80::1%1",
                           "ip6:12345::",
                           "ip6:1:2:3",
                           "include",
                           "include:",
                           "include/24",
                           "include:x.org/24",
                           "exists",
                           "exists:",
                           "exists:x.org/24",
                           "redirect=",
                           "redirect=-all",
                           "redirect:x.org",
                           "-redirect=x.org",
                           "exp=",
                           "exp=-all",
                           "exp=%{c}.x.org",
                           "exp:x.org",
                           "redirect=%{t}.x.org",
                           "1up=foo",
                           "=all",
                           "-x=y",
                           "x+y=z",
                           "x=%",
                           "x=%a",
                           "x=%{d",
                           "x=%{}",
                           "x=%{z}",
                           "x=\xe9",
                           "a:%{c}",
                           "a:%{r}",
                           "a:%{t}",
                           "a:%{d0}",
                           "a:%{d00r}",
                           "a:%{dr2}",
                           "a:%{d2rr}",
                           "a:%{d!}",
                           "a:%{d",
                           "a:%",
                           "a:%{",
                           "a:%(d)",
                           "a:x%.org",
                           "moo.cow/far_out=man",
                           "moo.cow:far_out=man",
                           "/24",
                           ":x.org"}) {
    EXPECT_NE(error_of(term), "(none)") << term;
  }
  EXPECT_NE(error_of(std::string_view("a:x.org\0", 8)), "(none)");
  EXPECT_NE(error_of(std::string_view("\0a", 2)), "(none)");
  EXPECT_NE(error_of(std::string_view("-\0all", 5)), "(none)");
  EXPECT_NE(error_of(std::string_view("a\0", 2)), "(none)");
}

TEST(SpfRecord, ReasonsHelp) {
  EXPECT_NE(error_of("a:192.0.2.1").find("ip4:"), std::string_view::npos);
  EXPECT_NE(error_of("redirect:x.org").find("="), std::string_view::npos);
  EXPECT_NE(error_of("a:%{c}.x.org").find("explanations"), std::string_view::npos);
}

TEST(SpfRecord, Fields) {
  auto term = parse_term("~mx:x/24.org/16//48");
  ASSERT_TRUE(term);
  EXPECT_EQ(term->kind, TermKind::mx);
  EXPECT_EQ(term->qualifier, Outcome::softfail);
  EXPECT_EQ(term->domain_spec, "x/24.org");
  EXPECT_EQ(term->cidr4, 16);
  EXPECT_EQ(term->cidr6, 48);
  term = parse_term("?a//7");
  ASSERT_TRUE(term);
  EXPECT_EQ(term->qualifier, Outcome::neutral);
  EXPECT_EQ(term->domain_spec, "");
  EXPECT_EQ(term->cidr4, 32);
  EXPECT_EQ(term->cidr6, 7);
  term = parse_term("exists:%{l}.%{h}.%{P2}.x.org");
  ASSERT_TRUE(term);
  EXPECT_TRUE(term->use.local_part && term->use.helo && term->use.validated_name);
  term = parse_term("exists:%{d}.x.org");
  ASSERT_TRUE(term);
  EXPECT_TRUE(term->use.any);
  EXPECT_FALSE(term->use.local_part || term->use.helo || term->use.validated_name);
  term = parse_term("ip6:::ffff:192.0.2.1/100");
  ASSERT_TRUE(term);
  EXPECT_EQ(term->network[10], 0xFF);
  EXPECT_EQ(term->network[12], 192);
  EXPECT_EQ(term->cidr6, 100);
}

TEST(SpfRecord, MechanismsInOrderAndModifiersAside) {
  auto record = Record::parse("v=spf1  exp=e.org a x=y   redirect=r.org mx include:i.org. include:%{d}   ");
  ASSERT_TRUE(record);
  ASSERT_TRUE(record->redirect());
  EXPECT_EQ(record->redirect()->domain_spec, "r.org");
  ASSERT_TRUE(record->explanation());
  EXPECT_EQ(record->explanation()->domain_spec, "e.org");
  ASSERT_EQ(record->include_count(), 1U);
  EXPECT_EQ(record->includes()[0], "i.org.");
  std::string seen;
  while (const auto term = record->next_mechanism()) seen += std::string(term->text) + " ";
  EXPECT_EQ(seen, "a mx include:i.org. include:%{d} ");
  EXPECT_FALSE(record->next_mechanism());
}

TEST(SpfRecord, AllHidesARedirectWhereverItStands) {
  EXPECT_FALSE(Record::parse("v=spf1 redirect=r.org -all")->redirect());
  EXPECT_FALSE(Record::parse("v=spf1 ?all redirect=r.org")->redirect());
  EXPECT_TRUE(Record::parse("v=spf1 all=x redirect=r.org")->redirect());
}

TEST(SpfRecord, TwiceIsAnErrorOnlyForTheKnownModifiers) {
  EXPECT_EQ(Record::parse("v=spf1 exp=a.org Exp=a.org").error().term, "Exp=a.org");
  EXPECT_EQ(Record::parse("v=spf1 redirect=a.org -all redirect=a.org").error().term, "redirect=a.org");
  EXPECT_TRUE(Record::parse("v=spf1 x=1 x=1 x=2"));
}

TEST(SpfRecord, AnErrorAnywhere) {
  EXPECT_EQ(Record::parse("v=spf1 ip4:192.0.2.1 -all moo").error().term, "moo");
  EXPECT_EQ(Record::parse("v=spf1 a\tmx").error().term, "a\tmx");
}

TEST(SpfRecord, LongestRecord) {
  std::string text = "v=spf1";
  while (text.size() + 2 <= kRecordMax) text += " a";
  ASSERT_EQ(text.size(), kRecordMax);
  auto record = Record::parse(text);
  ASSERT_TRUE(record);
  std::size_t terms = 0;
  while (record->next_mechanism()) ++terms;
  EXPECT_EQ(terms, (kRecordMax - 6) / 2);
  text += ' ';
  const auto over = Record::parse(text);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().term, "");
}

TEST(SpfRecord, KeptMechanismsAndTheOthersAreOneList) {
  for (const std::size_t count : {Record::kKeptMax - 1, Record::kKeptMax, Record::kKeptMax + 1, 3 * Record::kKeptMax}) {
    std::string text = "v=spf1 x=y";
    for (std::size_t i = 0; i < count; ++i) text += " ip4:192.0.2." + std::to_string(i) + " z=" + std::to_string(i);
    auto record = Record::parse(text);
    ASSERT_TRUE(record);
    std::size_t seen = 0;
    for (auto term = record->next_mechanism(); term; term = record->next_mechanism()) {
      EXPECT_EQ(term->kind, TermKind::ip4);
      EXPECT_EQ(term->network[15], seen++);
    }
    EXPECT_EQ(seen, count);
  }
}

TEST(SpfRecord, IncludesForPrefetchingAreBounded) {
  std::string text = "v=spf1";
  for (int i = 0; i < 30; ++i) text += " include:i" + std::to_string(i) + ".org";
  const auto record = Record::parse(text);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->include_count(), kTermsMax);
  EXPECT_EQ(record->includes().back(), "i9.org");
}

}  // namespace
}  // namespace postern::spf::test
