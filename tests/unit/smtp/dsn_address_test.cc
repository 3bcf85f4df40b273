#include "smtp/dsn_address.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

TEST(DsnAddress, XtextGoesThereAndBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  const std::string coded = to_xtext(all);
  for (const char c : coded) EXPECT_TRUE(c > ' ' && c <= '~' && c != '=');
  EXPECT_EQ(from_xtext(coded), all);
  EXPECT_EQ(to_xtext("a+b=c"), "a+2Bb+3Dc");
  EXPECT_EQ(from_xtext("a+2"), std::nullopt);
  EXPECT_EQ(from_xtext("a b"), std::nullopt);
}

TEST(DsnAddress, UnitextGoesThereAndBack) {
  const std::string text =
      "j\xC3\xBCrgen+x=y\\z \xF0\x9F\x98\x80@b\xC3\xBC"
      "cher.example";
  EXPECT_EQ(to_unitext(text, true), "j\\x{FC}rgen\\x{2B}x\\x{3D}y\\x{5C}z\\x{20}\\x{1F600}@b\\x{FC}cher.example");
  EXPECT_EQ(from_unitext(to_unitext(text, true)), text);
  EXPECT_EQ(from_unitext(to_unitext(text, false)), text);
  for (const char* bad : {"a b", "a+b", "a=b", "\\x{D800}", "\\x{110000}", "\\x{1}", "\\x{1234567}", "\\x{FC", "\\y"}) {
    EXPECT_EQ(from_unitext(bad), std::nullopt) << bad;
  }
}

// RFC 3461 4.2, 4.4: at the limit and one beyond.
TEST(DsnAddress, LimitsOfTheParameters) {
  EXPECT_TRUE(parse_envid(std::string(kEnvidMax, 'x')).has_value());
  EXPECT_FALSE(parse_envid(std::string(kEnvidMax + 1, 'x')).has_value());
  EXPECT_FALSE(parse_envid("").has_value());
  const std::string type = "rfc822;";
  EXPECT_TRUE(parse_orcpt(type + std::string(kOrcptMax - type.size(), 'x'), false).has_value());
  EXPECT_FALSE(parse_orcpt(type + std::string(kOrcptMax - type.size() + 1, 'x'), false).has_value());
}

// Pitfall class 6: what ends up in a header field cannot end its line.
TEST(DsnAddress, NothingEndsALine) {
  for (const char* bad : {"a+0Ab", "a+0Db", "a+00b", "a+7Fb", "a+C3+BCb"}) {
    EXPECT_FALSE(parse_envid(bad).has_value()) << bad;
    EXPECT_FALSE(parse_orcpt(std::string("rfc822;") + bad, true).has_value()) << bad;
  }
  for (const char* bad : {"\\x{0A}", "\\x{85}", "\\x{2028}", "\xFF", ""}) {
    EXPECT_FALSE(parse_orcpt(std::string("utf-8;") + bad, true).has_value()) << bad;
  }
  EXPECT_FALSE(parse_orcpt("rfc 822;x", true).has_value());
}

TEST(DsnAddress, AsTheNextHopAndTheReportGetIt) {
  EXPECT_EQ(orcpt_value("rfc822;Bob+1@example.org", false), "rfc822;Bob+2B1@example.org");
  EXPECT_EQ(orcpt_value("utf-8;j\xC3\xBC@x", true), "utf-8;j\xC3\xBC@x");
  EXPECT_EQ(orcpt_value("utf-8;j\xC3\xBC@x", false), "utf-8;j\\x{FC}@x");
  EXPECT_EQ(report_address("rfc822;Bob+1@example.org", false), "rfc822;Bob+1@example.org");
  EXPECT_EQ(report_address("utf-8;j\xC3\xBC@x", false), "utf-8;j\\x{FC}@x");
}

}  // namespace
}  // namespace postern::smtp
