#include "dns/name.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::dns {
namespace {

std::string label(std::size_t n) { return std::string(n, 'a'); }

TEST(Name, ParsesAndLowers) {
  EXPECT_EQ(Name::parse("WWW.Example.ORG.")->text(), "www.example.org");
  EXPECT_EQ(Name::parse("_dmarc.example.org")->text(), "_dmarc.example.org");
  EXPECT_TRUE(Name::parse("")->is_root());
  EXPECT_TRUE(Name::parse(".")->is_root());
  EXPECT_EQ(Name::parse("\xC3\x84.org")->text(), "\xC3\x84.org");  // octets beyond ASCII stay
  EXPECT_EQ(Name::parse(std::string("a\0 b.org", 8))->text(), std::string("a\0 b.org", 8));
}

TEST(Name, RefusesWhatDnsCannotHave) {
  for (const char* text : {"..", ".org", "a..b", "a.b..", ".a."}) EXPECT_FALSE(Name::parse(text)) << text;
  EXPECT_TRUE(Name::parse(label(63) + ".org"));
  EXPECT_FALSE(Name::parse(label(64) + ".org"));
  EXPECT_FALSE(Name::parse("org." + label(64)));
  const std::string longest = label(63) + "." + label(63) + "." + label(63) + "." + label(61);
  ASSERT_EQ(longest.size(), kNameMax);
  EXPECT_TRUE(Name::parse(longest));
  EXPECT_TRUE(Name::parse(longest + "."));
  EXPECT_FALSE(Name::parse(longest + "a"));
}

TEST(Name, Suffixes) {
  const Name name = *Name::parse("a.b.example.org");
  EXPECT_EQ(name.labels(), 4U);
  EXPECT_EQ(name.suffix(0).text(), "");
  EXPECT_EQ(name.suffix(1).text(), "org");
  EXPECT_EQ(name.suffix(2).text(), "example.org");
  EXPECT_EQ(name.suffix(4), name);
  EXPECT_EQ(name.suffix(9), name);
  EXPECT_EQ(Name().labels(), 0U);
  EXPECT_EQ(Name().suffix(3), Name());
}

TEST(Name, Within) {
  const Name org = *Name::parse("example.org");
  EXPECT_TRUE(org.is_within(org));
  EXPECT_TRUE(Name::parse("a.example.org")->is_within(org));
  EXPECT_FALSE(Name::parse("anexample.org")->is_within(org));
  EXPECT_FALSE(Name::parse("org")->is_within(org));
  EXPECT_TRUE(org.is_within(Name()));
  EXPECT_FALSE(Name().is_within(org));
}

TEST(Name, Below) {
  const Name org = *Name::parse("example.org");
  EXPECT_EQ(org.below("_dmarc")->text(), "_dmarc.example.org");
  EXPECT_EQ(org.below("S1._domainkey")->text(), "s1._domainkey.example.org");
  EXPECT_EQ(Name().below("org")->text(), "org");
  EXPECT_FALSE(org.below(""));
  EXPECT_FALSE(org.below("a."));
  EXPECT_FALSE(org.below("a..b"));
  const std::string half = label(63) + "." + label(63) + "." + label(63);  // 191
  const Name tail = *Name::parse(half);
  EXPECT_TRUE(tail.below(label(61)));
  EXPECT_FALSE(tail.below(label(62)));
}

TEST(Name, Unicode) {
  EXPECT_EQ(Name::from_unicode("b\xC3\xBC"
                               "cher.Example")
                ->text(),
            "xn--bcher-kva.example");
  EXPECT_EQ(Name::from_unicode("_dmarc.B\xC3\x9C"
                               "CHER.example.")
                ->text(),
            "_dmarc.xn--bcher-kva.example");
  // IDNA 2008: sharp s stays itself
  EXPECT_EQ(Name::from_unicode("stra\xC3\x9F"
                               "e.example")
                ->text(),
            "xn--strae-oqa.example");
  // UTS 46 maps the ideographic full stop
  EXPECT_EQ(Name::from_unicode("\xE4\xBE\x8B\xE3\x80\x82org")->text(), "xn--fsq.org");
  // ASCII never goes through IDNA, also not beside a label that does
  EXPECT_EQ(Name::from_unicode("a_b.xn--zz--.org")->text(), "a_b.xn--zz--.org");
  EXPECT_EQ(Name::from_unicode("-a_b-.b\xC3\xBC"
                               "cher")
                ->text(),
            "-a_b-.xn--bcher-kva");
  EXPECT_FALSE(Name::from_unicode("\xFF\xFE.org"));
  EXPECT_FALSE(
      Name::from_unicode("b\xC3\xBC"
                         "cher..org"));
  EXPECT_FALSE(Name::from_unicode("\xE2\x84\x80.org"));  // U+2100 would become "a/c"
  EXPECT_FALSE(Name::from_unicode(std::string("b\xC3\xBC\0", 4) + "cher.org"));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "\xC3\xBC";
  EXPECT_FALSE(Name::from_unicode(many));
}

}  // namespace
}  // namespace postern::dns
