// What a domain serves on the web beside its policy: security.txt, logos, certificates with logos in them.
#include <gtest/gtest.h>

#include "base/text.h"
#include "check/mark.h"
#include "check/security_txt.h"
#include "gzip/gzip.h"

namespace postern::check {
namespace {

TEST(SecurityTxt, GoodOnes) {
  const SecurityTxt plain = parse_security_txt(
      "# whom to tell\r\nContact: mailto:security@example.org\r\ncontact: https://example.org/report\r\nExpires: "
      "2027-01-01T00:00:00.000Z\r\nUnknown: x\r\n");
  EXPECT_TRUE(plain.problems.empty());
  EXPECT_EQ(plain.contacts, (std::vector<std::string>{"mailto:security@example.org", "https://example.org/report"}));
  EXPECT_EQ(plain.expires, parse_iso8601("2027-01-01T00:00:00Z"));
  const SecurityTxt framed = parse_security_txt(
      "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nContact: tel:+1-201-555-0123\n- Expires: "
      "2027-01-01t01:00:00+01:00\n-----BEGIN PGP SIGNATURE-----\n\nContact: none\n");
  EXPECT_TRUE(framed.is_signed);
  EXPECT_TRUE(framed.problems.empty()) << framed.problems.front();
  EXPECT_EQ(framed.expires, parse_iso8601("2027-01-01T00:00:00Z"));
}

TEST(SecurityTxt, WhatIsMissingOrWrong) {
  const auto problems = [](std::string_view text) { return parse_security_txt(text).problems; };
  EXPECT_EQ(problems(""), (std::vector<std::string>{"no Contact", "no Expires"}));
  EXPECT_EQ(problems("Contact: mailto:a@example.org\nExpires: 2027-01-01T00:00:00Z\nExpires: 2028-01-01T00:00:00Z\n"),
            std::vector<std::string>{"several Expires"});
  EXPECT_EQ(problems("Contact: security@example.org\nExpires: 2027-01-01T00:00:00Z\n").size(), 2U);
  EXPECT_EQ(problems("Contact: mailto:a@example.org\nExpires: next year\n").size(), 1U);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "Contact: https://example.org/" + std::to_string(i) + "\n";
  EXPECT_EQ(parse_security_txt(many).contacts.size(), kSecurityContactsMax);
}

TEST(SecurityTxt, TimesOfRfc3339) {
  EXPECT_EQ(parse_rfc3339("1985-04-12T23:20:50.52Z"), parse_iso8601("1985-04-12T23:20:50Z"));
  EXPECT_EQ(parse_rfc3339("1996-12-19T16:39:57-08:00"), parse_iso8601("1996-12-20T00:39:57Z"));
  for (const char* const text : {"", "2027-01-01", "2027-01-01T00:00:00", "2027-01-01T00:00:00+0100",
                                 "2027-13-01T00:00:00Z", "2027-01-01T00:00:00.xZ", "2027-01-01T00:00:00+99:00"})
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
}

TEST(Logo, WhatSvgMustBe) {
  const auto flaws = [](std::string_view svg) { return svg_flaws(svg); };
  EXPECT_TRUE(flaws(R"(<?xml version="1.0"?><svg version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"/>)").empty());
  EXPECT_TRUE(flaws("<SVG baseprofile='tiny-ps'\n viewbox = '10, 10, 1e2 100.0'>").empty());
  EXPECT_EQ(flaws("PNG"), std::vector<std::string>{"no SVG"});
  EXPECT_EQ(flaws("<svg baseProfile=\"tiny-ps\""), std::vector<std::string>{"no SVG"});
  EXPECT_EQ(flaws(R"(<svg viewBox="0 0 64 64">)").size(), 1U);
  EXPECT_EQ(flaws(R"(<svg baseProfile="tiny-ps">)"), std::vector<std::string>{"no viewBox"});
  EXPECT_EQ(flaws(R"(<svg baseProfile="tiny-ps" viewBox="0 0 64 32">)").size(), 1U);
  EXPECT_EQ(flaws(R"(<svg baseProfile="tiny-ps" viewBox="0 0 nan nan">)").size(), 1U);
  EXPECT_EQ(flaws(R"(<svg baseProfile="tiny-ps" viewBox="0 0 1 1"><script>)"), std::vector<std::string>{"a script"});
}

std::string der(unsigned char tag, const std::string& body) {
  std::string out(1, static_cast<char>(tag));
  if (body.size() < 128) {
    out += static_cast<char>(body.size());
  } else {
    out += '\x82';
    out += static_cast<char>(body.size() >> 8U);
    out += static_cast<char>(body.size() & 0xFFU);
  }
  return out + body;
}

std::string logotype(const std::string& type, const std::string& uri) {
  const std::string details = der(0x30, der(0x16, type) + der(0x30, "") + der(0x30, der(0x16, uri)));
  return der(0x30, der(0xA2, der(0xA0, der(0x30, der(0x30, details)))));
}

TEST(Logo, TheOneInACertificate) {
  const std::string data = "data:image/svg+xml;base64,";
  EXPECT_EQ(embedded_logo(logotype("image/svg+xml", data + to_base64("<svg/>"))).value_or(""), "<svg/>");
  EXPECT_EQ(embedded_logo(logotype("image/svg+xml", data + to_base64(gzip::compress("<svg/>")))).value_or(""),
            "<svg/>");
  EXPECT_FALSE(embedded_logo(logotype("image/png", data + to_base64("<svg/>"))));
  EXPECT_FALSE(embedded_logo(logotype("image/svg+xml", "https://example.org/logo.svg")));
  EXPECT_FALSE(embedded_logo(logotype("image/svg+xml", data + "***")));
  EXPECT_FALSE(embedded_logo(""));
  EXPECT_FALSE(
      embedded_logo(logotype("image/svg+xml", data + to_base64(gzip::compress(std::string(kMarkMax + 1, 'x'))))));
  const std::string whole = logotype("image/svg+xml", data + to_base64("<svg/>"));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(embedded_logo(whole.substr(0, cut))) << cut;
}

}  // namespace
}  // namespace postern::check
