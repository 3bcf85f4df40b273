// RFC 8601 5: which fields must go before ours is added. Generous on purpose: what any reader downstream might take for
// our authserv-id is ours.
#include <gtest/gtest.h>

#include "authres/authres.h"
#include "base/text.h"
#include "base/time.h"

namespace postern::authres {
namespace {

bool claimed_raw(std::string raw, std::string_view id = "mx.example.org") {
  const message::HeaderSection header(std::move(raw));
  return !header.fields().empty() && claims(header.fields().front(), id);
}
bool claimed(std::string_view body, std::string_view id = "mx.example.org") {
  return claimed_raw("Authentication-Results:" + std::string(body) + "\r\n", id);
}

TEST(AuthresClaims, OursInEverySpelling) {
  using namespace std::string_view_literals;
  for (const std::string_view body : {
           " mx.example.org; spf=pass"sv,
           " MX.Example.ORG; spf=pass"sv,
           "mx.example.org;spf=pass"sv,
           " mx.example.org.; spf=pass"sv,
           " mx.example.org 1; spf=pass"sv,
           " mx.example.org 2; spf=pass"sv,
           " mx.example.org/1; spf=pass"sv,
           " mx.example.org:25; spf=pass"sv,
           " mx.example.org"sv,
           " mx.example.org;"sv,
           " mx.example.org; none"sv,
           " mx.example.org spf=pass"sv,
           " \"mx.example.org\"; spf=pass"sv,
           " \"mx\\.example\\.org\"; spf=pass"sv,
           " \"mx.example.org; spf=pass"sv,
           " mx.\"example\".org; spf=pass"sv,
           " mx . example . org; spf=pass"sv,
           " mx.example(c).org; spf=pass"sv,
           " mx.exa(c;(d))mple.org; spf=pass"sv,
           " (comment) mx.example.org (comment); spf=pass"sv,
           " (;) mx.example.org; spf=pass"sv,
           " (other.example;) mx.example.org; spf=pass"sv,
           " ( mx.example.org; spf=pass"sv,
           ") mx.example.org; spf=pass"sv,
           "\r\n mx.example.org;\r\n spf=pass"sv,
           "\r\n mx.exam\r\n ple.org; spf=pass"sv,
           "; mx.example.org; spf=pass"sv,
           " i=1; mx.example.org; spf=pass"sv,
           " i=77 ; mx.example.org; spf=pass"sv,
           " <mx.example.org>; spf=pass"sv,
           " [mx.example.org]; spf=pass"sv,
           " x@mx.example.org; spf=pass"sv,
           " other.example mx.example.org; spf=pass"sv,
           " .mx.example.org; spf=pass"sv,
           " =?us-ascii?q?mx.example.org?=; spf=pass"sv,
           " =?utf-8?Q?mx=2Eexample=2eorg?=; spf=pass"sv,
           " =?utf-8?b?bXguZXhhbXBsZS5vcmc=?=; spf=pass"sv,
           " =?utf-8?b?bXguZXhhbXBsZS5vcmc?=; spf=pass"sv,
           " =?utf-8?q?mx.exa?= =?utf-8?q?mple.org?=; spf=pass"sv,
           " \0mx.example.org; spf=pass"sv,
           " mx.example.org\0.evil.example; spf=pass"sv,
           " mx.exa\0mple.org; spf=pass"sv,
           " \xFFmx.example.org; spf=pass"sv,
           " \xEF\xBB\xBFmx.example.org; spf=pass"sv,
           " mx.exa\xC2\xADmple.org; spf=pass"sv,
           " mx.exa\xE2\x80\x8Bmple.org; spf=pass"sv,
           " mx\xE3\x80\x82"
           "example\xEF\xBC\x8Eorg; spf=pass"sv,
           " \xEF\xBD\x8D\xEF\xBD\x98.example.org; spf=pass"sv,
           " mx.example.org\xC3\xBC; spf=pass"sv,
       }) {
    EXPECT_TRUE(claimed(body)) << body;
  }
}

TEST(AuthresClaims, OthersStay) {
  for (const char* body : {
           " other.example; spf=pass smtp.helo=mx.example.org",
           " other.example; (mx.example.org) spf=pass",
           " other.example; mx.example.org=pass",
           " mx.example.org.evil.example; spf=pass",
           " notmx.example.org; spf=pass",
           " a.mx.example.org; spf=pass",
           " example.org; spf=pass",
           " mx.example.orgs; spf=pass",
           " mx-example.org; spf=pass",
           " mx.example.org-2; spf=pass",
           " dkim=pass header.d=01.example.com",
           " other.example; none",
           " other.example 1; none",
           "",
           ";;;",
       }) {
    EXPECT_FALSE(claimed(body)) << body;
  }
}

TEST(AuthresClaims, NoBodyEscapesByWhatStandsBehindTheId) {
  for (int octet = 0; octet < 256; ++octet) {
    const char c = static_cast<char>(octet);
    const bool name = is_alpha(c) || is_digit(c) || c == '-' || c == '_';
    const std::string after = std::string(" mx.example.org") + c + "; spf=pass";
    EXPECT_EQ(claimed(after), !name) << octet;
    const std::string before = std::string(" ") + c + "mx.example.org; spf=pass";
    EXPECT_EQ(claimed(before), !name) << octet;
  }
}

TEST(AuthresClaims, UnknownVersionsGoWhoeverWroteThem) {
  EXPECT_TRUE(claimed(" other.example 2; spf=pass"));
  EXPECT_TRUE(claimed(" other.example (c) 0; spf=pass"));
  EXPECT_TRUE(claimed(" other.example 99999999999999999999; spf=pass"));
  EXPECT_FALSE(claimed(" other.example 01; spf=pass"));
}

TEST(AuthresClaims, LabelsInEitherForm) {
  const std::string u_label =
      "mx.b\xC3\xBC"
      "cher.example";
  const std::string u_upper =
      "MX.B\xC3\x9C"
      "CHER.example";
  const std::string a_label = "mx.xn--bcher-kva.example";
  for (const std::string& id : {u_label, a_label}) {
    EXPECT_TRUE(claimed(" " + u_label + "; spf=pass", id));
    EXPECT_TRUE(claimed(" " + u_upper + "; spf=pass", id));
    EXPECT_TRUE(claimed(" \"" + u_label + ".\"; spf=pass", id));
    EXPECT_TRUE(claimed(" " + a_label + "; spf=pass", id));
    EXPECT_TRUE(claimed(" mx.XN--BCHER-KVA.example; spf=pass", id));
    EXPECT_FALSE(claimed(" mx.bucher.example; spf=pass", id));
  }
}

TEST(AuthresClaims, TheFieldName) {
  using namespace std::string_view_literals;
  for (const std::string_view name :
       {"authentication-results:"sv, "AUTHENTICATION-RESULTS :"sv, "Authentication-Results\t \t:"sv,
        "Authentication-Results\r\n :"sv, "Authentication-\0Results:"sv,
        "\xEF\xBB\xBF"
        "Authentication-Results:"sv,
        "Authentication-Results\xC2\xA0:"sv}) {
    EXPECT_TRUE(claimed_raw(std::string(name) + " mx.example.org; spf=pass\r\n")) << name;
  }
  for (const std::string_view name :
       {"ARC-Authentication-Results:"sv, "X-Authentication-Results:"sv, "Authentication-Results-Original:"sv,
        "Authentication-Result:"sv, "Subject:"sv, "Authentication-Results"sv}) {
    EXPECT_FALSE(claimed_raw(std::string(name) + " mx.example.org; spf=pass\r\n")) << name;
  }
}

TEST(AuthresClaims, ALongFieldIsReadOnce) {
  // Each of these is quadratic for whoever starts over at every octet.
  for (const char* piece : {"(", "m(", "\"", "=?", "=?a?q?", "mx.example.org", ".", "\\", "((\\", "mx.", "\xC3\xBC."}) {
    std::string body = " ";
    while (body.size() < 1024 * 1024) body += piece;
    static_cast<void>(claimed(body));
    static_cast<void>(parse_lenient(std::string_view(body).substr(0, kFieldMax)));
  }
  EXPECT_TRUE(claimed(" " + std::string(1024 * 1024, ' ') + "mx.example.org; spf=pass"));
}

// Each of these took a second or more for a megabyte.
TEST(AuthresClaims, TheWorkIsBounded) {
  const Clock::time_point begun = Clock::now();
  for (const char* piece :
       {"\xC3\xA9 ", "\xC3\xA9.b.c ", "xmx.example.org....", "=?utf-8?q?a", "=?a?b?YQ==?= ", "\"\\"}) {
    std::string body = " ";
    while (body.size() < 1024 * 1024) body += piece;
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(claimed(body)) << piece << ": in doubt, ours";
  }
  EXPECT_LT(Clock::now() - begun, seconds(20));
  const std::string comment =
      " other.example (" + std::string(400, 'x') + "); spf=pass (" + std::string(100'000, 'x') + ")";
  EXPECT_FALSE(claimed(comment));
  EXPECT_FALSE(claimed(" \xC3\xA9.\xC3\xA9.\xC3\xA9 other.example; spf=pass"));
}

TEST(AuthresClaims, FullStopsInDisguise) {
  EXPECT_TRUE(
      claimed(" mx\xE2\x80\xA4"
              "example\xEF\xB9\x92org; spf=pass"));
}

}  // namespace
}  // namespace postern::authres
