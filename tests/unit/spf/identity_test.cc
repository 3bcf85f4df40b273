#include "spf/identity.h"

#include <gtest/gtest.h>

#include "unit/spf/checked.h"

namespace postern::spf::test {
namespace {

Sender sender(std::string_view mail_from, std::string_view helo = "mx.example.net") {
  return sender_of(query_of("192.0.2.1", mail_from, helo));
}

TEST(SpfIdentity, Addresses) {
  auto got = sender("User.Name@Example.ORG");
  EXPECT_EQ(got.address, "User.Name@Example.ORG");
  EXPECT_EQ(got.local_part, "User.Name");
  EXPECT_EQ(got.domain, "Example.ORG");
  ASSERT_TRUE(got.name);
  EXPECT_EQ(got.name->text(), "example.org");
  EXPECT_EQ(sender("<user@example.org>").address, "user@example.org");
  EXPECT_EQ(sender("\"a@b c\"@example.org").local_part, "\"a@b c\"");
  EXPECT_EQ(sender("a%b@example.org").domain, "example.org");
  EXPECT_EQ(sender("@one.example,@two.example:user@example.org").address, "user@example.org");
  EXPECT_EQ(sender("user@example.org.").address, "user@example.org");
}

TEST(SpfIdentity, WithoutALocalPart) {  // 4.3
  EXPECT_EQ(sender("@example.org").address, "postmaster@example.org");
  EXPECT_EQ(sender("example.org").address, "postmaster@example.org");
}

TEST(SpfIdentity, TheNullPathIsPostmasterAtHelo) {  // 2.4
  for (const auto* null_path : {"", "<>"}) {
    const auto got = sender(null_path);
    EXPECT_EQ(got.address, "postmaster@mx.example.net");
    ASSERT_TRUE(got.name);
    EXPECT_EQ(got.name->text(), "mx.example.net");
  }
  Query query = query_of("192.0.2.1", "user@example.org");
  query.identity = Identity::helo;
  EXPECT_EQ(sender_of(query).address, "postmaster@mx.example.net");
  EXPECT_EQ(domain_of(query), "mx.example.net");
}

TEST(SpfIdentity, WhatIsNoDomain) {  // 4.3
  for (const auto* domain : {"[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost", "localhost.", "a..example",
                             ".example.org", "example..", "exa mple.org", "example.org\r\n", "a,b.example",
                             "a:b.example", "(c).example", "xn--\xff.example", "\xe2\x84\xa6\xff.example", ".", "@"}) {
    EXPECT_FALSE(sender("user@" + std::string(domain)).name) << domain;
    EXPECT_FALSE(sender("", domain).name) << domain;
    EXPECT_EQ(domain_of(query_of("192.0.2.1", "user@" + std::string(domain))), "");
    const auto got = checked(query_of("192.0.2.1", "user@" + std::string(domain)), dns::Zone());
    EXPECT_EQ(got.evaluation.outcome, Outcome::none);
    EXPECT_EQ(got.asked, 0U);
  }
  EXPECT_TRUE(sender("u@" + std::string(63, 'a') + ".example").name);
  EXPECT_FALSE(sender("u@" + std::string(64, 'a') + ".example").name);
  EXPECT_TRUE(sender("u@_dmarc.a-b.x1.123").name);
}

TEST(SpfIdentity, UnicodeBecomesALabels) {  // RFC 8616 4
  auto got = sender(
      "user@b\xc3\xbc"
      "cher.example",
      "m\xc3\xbc.example");
  EXPECT_EQ(got.address, "user@xn--bcher-kva.example");
  EXPECT_EQ(got.domain, "xn--bcher-kva.example");
  EXPECT_EQ(got.helo, "xn--m-eha.example");
  EXPECT_TRUE(got.helo_ascii);
  got = sender("", "m\xff.example");
  EXPECT_FALSE(got.name);
  EXPECT_FALSE(got.helo_ascii);
}

TEST(SpfIdentity, ALocalPartBeyondAsciiMatchesNothing) {  // RFC 8616 4
  constexpr std::string_view kMore = R"("any.example": {"A": ["127.0.0.2"], "TXT": ["v=spf1 all"]})";
  const auto with = [&](std::string_view record, std::string_view from) {
    return outcome_of(record, kMore, "192.0.2.1", from);
  };
  constexpr std::string_view kPlain = "user@example.org";
  constexpr std::string_view kWide = "us\xc3\xa9r@example.org";
  for (const auto* term : {"exists:%{l}.any.example", "a:%{s}.example", "include:%{l}.any.example", "exists:%{S1}"}) {
    const auto got = with("v=spf1 " + std::string(term) + " -all", kWide);
    EXPECT_EQ(got.outcome, Outcome::fail) << term;
    EXPECT_EQ(got.void_lookups, 0U) << term;
    EXPECT_EQ(got.lookups, 1U) << term;
  }
  EXPECT_EQ(with("v=spf1 include:%{l}.any.example -all", kPlain).outcome, Outcome::permerror);
  EXPECT_EQ(with("v=spf1 exists:any.example -all", kWide).outcome, Outcome::pass);
  EXPECT_EQ(with("v=spf1 exists:any.example -all", kPlain).outcome, Outcome::pass);
  // A redirect with such a macro is not followed; nothing matched.
  const auto redirected = with("v=spf1 redirect=%{l}.any.example", kWide);
  EXPECT_EQ(redirected.outcome, Outcome::neutral);
  EXPECT_EQ(redirected.mechanism, "default");
}

TEST(SpfIdentity, SenderStaysWhileTheDomainChanges) {
  const auto got =
      outcome_of("v=spf1 redirect=r.example",
                 R"("r.example": {"TXT": ["v=spf1 -all exp=e.example"]}, "e.example": {"TXT": ["%{s} %{o} %{d}"]})",
                 "192.0.2.1", "User@Example.org");
  EXPECT_EQ(got.explanation, "User@Example.org Example.org r.example");
  EXPECT_EQ(got.domain, "example.org");
}

}  // namespace
}  // namespace postern::spf::test
