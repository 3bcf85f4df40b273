#include "spf/macro.h"

#include <gtest/gtest.h>

#include "dns/name.h"

namespace postern::spf::test {
namespace {

MacroValues values() {
  return {.sender = "strong-bad@email.example.com",
          .local_part = "strong-bad",
          .sender_domain = "email.example.com",
          .domain = "email.example.com",
          .helo = "mx.example.org",
          .receiver = "mx.receiver.example",
          .validated_name = "mx.example.org",
          .client = *ip::Address::parse("192.0.2.3"),
          .now = 1'795'000'000'999};
}

std::string expanded(std::string_view text, const MacroValues& with = values()) {
  const auto use = check_macro_string(text, MacroLetters::all, true);
  EXPECT_TRUE(use) << text << ": " << use.error();
  return expand_text(text, with, 4096);
}

std::string domain(std::string_view text, const MacroValues& with = values()) {
  const auto use = check_domain_spec(text);
  EXPECT_TRUE(use) << text << ": " << use.error();
  if (!use) return {};
  return expand_domain(text, *use, with).value_or("(malformed)");
}

TEST(SpfMacro, ExamplesOfTheRfc) {  // 7.4
  EXPECT_EQ(expanded("%{s}"), "strong-bad@email.example.com");
  EXPECT_EQ(expanded("%{o}"), "email.example.com");
  EXPECT_EQ(expanded("%{d}"), "email.example.com");
  EXPECT_EQ(expanded("%{d4}"), "email.example.com");
  EXPECT_EQ(expanded("%{d3}"), "email.example.com");
  EXPECT_EQ(expanded("%{d2}"), "example.com");
  EXPECT_EQ(expanded("%{d1}"), "com");
  EXPECT_EQ(expanded("%{dr}"), "com.example.email");
  EXPECT_EQ(expanded("%{d2r}"), "example.email");
  EXPECT_EQ(expanded("%{l}"), "strong-bad");
  EXPECT_EQ(expanded("%{l-}"), "strong.bad");
  EXPECT_EQ(expanded("%{lr}"), "strong-bad");
  EXPECT_EQ(expanded("%{lr-}"), "bad.strong");
  EXPECT_EQ(expanded("%{l1r-}"), "strong");
  EXPECT_EQ(domain("%{ir}.%{v}._spf.%{d2}"), "3.2.0.192.in-addr._spf.example.com");
  EXPECT_EQ(domain("%{lr-}.lp._spf.%{d2}"), "bad.strong.lp._spf.example.com");
  EXPECT_EQ(domain("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}"), "bad.strong.lp.3.2.0.192.in-addr._spf.example.com");
  EXPECT_EQ(domain("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}"), "3.2.0.192.in-addr.strong.lp._spf.example.com");
  EXPECT_EQ(domain("%{d2}.trusted-domains.example.net"), "example.com.trusted-domains.example.net");
  MacroValues six = values();
  six.client = *ip::Address::parse("2001:db8::cb01");
  EXPECT_EQ(domain("%{ir}.%{v}._spf.%{d2}", six),
            "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

TEST(SpfMacro, Letters) {
  EXPECT_EQ(expanded("%{h} %{p} %{v} %{i} %{c} %{r} %{t}"),
            "mx.example.org mx.example.org in-addr 192.0.2.3 192.0.2.3 mx.receiver.example 1795000000");
  MacroValues other = values();
  other.validated_name = {};
  other.receiver = {};
  other.client = *ip::Address::parse("2001:db8::CB01");
  EXPECT_EQ(expanded("%{p} %{v} %{c} %{r}", other), "unknown ip6 2001:db8::cb01 unknown");
  EXPECT_EQ(expanded("%{i4}", other), "C.B.0.1");
  EXPECT_EQ(expanded("%%%_%-a b"), "% %20a b");
}

TEST(SpfMacro, UpperCaseIsEscapedAfterTheTransformation) {
  MacroValues odd = values();
  odd.local_part = "~jack&jill=up-a_b3.c\xff/";
  EXPECT_EQ(expanded("%{L}", odd), "~jack%26jill%3Dup-a_b3.c%FF%2F");
  EXPECT_EQ(expanded("%{L1=}", odd), "up-a_b3.c%FF%2F");
  EXPECT_EQ(expanded("%{I}%{H}%{S}", odd), "192.0.2.3mx.example.orgstrong-bad%40email.example.com");
}

TEST(SpfMacro, PartsMayBeEmpty) {
  MacroValues odd = values();
  odd.local_part = ".a..b.";
  EXPECT_EQ(expanded("%{l}", odd), ".a..b.");
  EXPECT_EQ(expanded("%{lr}", odd), ".b..a.");
  EXPECT_EQ(expanded("%{l2}", odd), "b.");
  EXPECT_EQ(expanded("%{l1}", odd), "");
  odd.local_part = "a+b-c,d/e_f=g.h";
  EXPECT_EQ(expanded("%{l.-+,/_=}", odd), "a.b.c.d.e.f.g.h");
  EXPECT_EQ(expanded("%{l+}", odd), "a.b-c,d/e_f=g.h");
  EXPECT_EQ(expanded("%{l2r-}", odd), "c,d/e_f=g.h.a+b");
  odd.local_part = "";
  EXPECT_EQ(expanded("<%{l}%{lr}%{l3}>", odd), "<>");
}

TEST(SpfMacro, ManyDigitsMeanAllParts) {
  EXPECT_EQ(expanded("%{d127}%{d128}"), "email.example.comemail.example.com");
  EXPECT_EQ(expanded("%{d99999999999999999999999999}"), "email.example.com");
  EXPECT_EQ(expanded("%{d0002}"), "example.com");
}

TEST(SpfMacro, TheEndDotGoesFromNamesOnly) {
  EXPECT_EQ(domain("a.example.org."), "a.example.org");
  EXPECT_EQ(domain("%{d}.org."), "email.example.com.org");
  EXPECT_EQ(expanded("%{d}."), "email.example.com.");
}

TEST(SpfMacro, NamesAreCutFromTheLeft) {
  const std::string label(60, 'a');
  // 4 * 61 + 9 = 253
  const std::string fits = label + "." + label + "." + label + "." + label + ".123456.89";
  ASSERT_EQ(fits.size(), dns::kNameMax);
  MacroValues with = values();
  with.helo = fits;
  EXPECT_EQ(domain("%{h}", with), fits);
  const std::string over = "x" + fits;
  with.helo = over;
  EXPECT_EQ(domain("%{h}", with), over.substr(62));
  const std::string above = "x." + fits;
  with.helo = above;
  EXPECT_EQ(domain("%{h}", with), fits);
  // With its final dot it still fits.
  const std::string dotted = fits + ".";
  with.helo = dotted;
  EXPECT_EQ(domain("%{h}", with), fits);
  // However long the expansion becomes, its end is what counts.
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "%{d}.";
  const std::string cut = domain(many + "example.org");
  EXPECT_LE(cut.size(), dns::kNameMax);
  EXPECT_GT(cut.size(), dns::kNameMax - 8);
  EXPECT_TRUE(cut.ends_with(".email.example.com.example.org"));
  // A literal is cut like any other.
  EXPECT_EQ(domain("x." + fits.substr(0, 244) + "example.a"), fits.substr(0, 244) + "example.a");
}

TEST(SpfMacro, WhatIsNoName) {
  MacroValues with = values();
  for (const std::string& helo : {std::string(), std::string("."), std::string(254, 'a')}) {
    with.helo = helo;
    EXPECT_EQ(domain("%{h}", with), "(malformed)") << helo;
  }
}

TEST(SpfMacro, TextIsCutAtItsLimit) {
  EXPECT_EQ(expand_text("abc%{l}", values(), 13), "abcstrong-bad");
  EXPECT_EQ(expand_text("abc%{l}", values(), 12), "abcstrong-ba");
  EXPECT_EQ(expand_text("abc%{l}", values(), 3), "abc");
  EXPECT_EQ(expand_text("abc%{l}", values(), 0), "");
}

TEST(SpfMacro, PiecesOfAnExpansion) {
  MacroValues with = values();
  with.helo = {};
  const auto empties = [](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += "%{h}";
    return out;
  };
  // A literal, macros that are empty, a literal: as many as are evaluated, and one more.
  EXPECT_EQ(domain("a" + empties(kPiecesMax - 2) + ".example.org", with), "a.example.org");
  EXPECT_EQ(domain("a" + empties(kPiecesMax - 1) + ".example.org", with), "(malformed)");
  EXPECT_EQ(expanded(empties(kPiecesMax - 1) + "end", with), "end");
  EXPECT_EQ(expanded(empties(kPiecesMax) + "end", with), "");
  // What is left out on the left could not stay in a name anyhow.
  std::string labels;
  for (std::size_t i = 0; i < 4 * kPiecesMax; ++i) labels += "%{v}.";
  EXPECT_EQ(domain(labels + "org", with).size(), 251U);  // 31 * 8 + 3
  EXPECT_TRUE(domain(labels + "org", with).starts_with("in-addr.in-addr."));
}

TEST(SpfMacro, SpacesStandInExplanationsOnly) {
  EXPECT_TRUE(check_macro_string("a b", MacroLetters::all, true));
  EXPECT_FALSE(check_macro_string("a b", MacroLetters::all, false));
  EXPECT_FALSE(check_macro_string("a\tb", MacroLetters::all, true));
  EXPECT_FALSE(check_macro_string("caf\xc3\xa9", MacroLetters::all, true));
  EXPECT_FALSE(check_macro_string("%{x}", MacroLetters::all, true));
  EXPECT_TRUE(check_macro_string("", MacroLetters::all, true));
}

}  // namespace
}  // namespace postern::spf::test
