// The author domain of a header (RFC 9989 4.4, 5.3.1, 11.5): one, or none with its reason.
#include <gtest/gtest.h>

#include "base/text.h"
#include "dmarc/evaluate.h"

namespace postern::dmarc {
namespace {

std::string author(std::string_view header) {
  const auto domain = author_domain(message::HeaderSection(std::string(header)));
  return domain ? *domain : domain.error().what;
}

std::string of(std::string_view from) { return author("To: x@other.example\r\nFrom: " + std::string(from) + "\r\n"); }

constexpr std::string_view kNone = "no single author domain: ";
void none(const std::string& result, std::string_view why) { EXPECT_EQ(result, std::string(kNone) + std::string(why)); }

TEST(AuthorDomainTest, OneDomain) {
  EXPECT_EQ(of("a@Example.ORG"), "example.org");
  EXPECT_EQ(of("John Q. Public <j@example.org>"), "example.org");
  EXPECT_EQ(of("J\r\n <j@\r\n example.org>"), "example.org");
  EXPECT_EQ(of("a@example.org."), "example.org");
  EXPECT_EQ(of("a@müller.example"), "xn--mller-kva.example");
  EXPECT_EQ(of("a@_x.example.org"), "_x.example.org");
  EXPECT_EQ(author("fROM : a@example.org"), "example.org");
  // 5.3.1 counts domains, not addresses
  EXPECT_EQ(of("a@example.org, B <b@EXAMPLE.org>, G: c@example.org.;"), "example.org");
  EXPECT_EQ(of("a@müller.example, b@xn--mller-kva.example"), "xn--mller-kva.example");
  EXPECT_EQ(of("<@evil.example:a@example.org>"), "example.org");
  EXPECT_EQ(of("\"ceo@evil.example\" <a@example.org> (b@evil.example)"), "example.org");
}

TEST(AuthorDomainTest, NoneWithItsReason) {
  none(author("To: a@example.org\r\n"), "there is no From field");
  none(author(""), "there is no From field");
  none(author("To: a@example.org\r\n\r\nFrom: a@example.org\r\n"), "there is no From field");
  none(author("From: a@example.org\r\nfrom: a@example.org\r\n"), "there are 2 From fields");
  none(of(""), "From has no address");
  none(of("example.org"), "From has no address");
  none(of("undisclosed:;"), "From has no address");
  none(of("a@example.org, b@example.net"), "From has addresses of example.org and of example.net");
  none(of("a@example.org, b@sub.example.org"), "From has addresses of example.org and of sub.example.org");
  none(of("G: a@example.org, b@example.net;"), "From has addresses of example.org and of example.net");
  none(of("a@[192.0.2.1]"), "From has the address literal [192.0.2.1]");
  none(of("a@example.org, b@[192.0.2.1]"), "From has the address literal [192.0.2.1]");
  none(of("a@" + std::string(64, 'x') + ".example"),
       "From has " + std::string(64, 'x') + ".example, which is no domain name");
  none(of("a@b.example <c@d.example>"),
       "From is malformed: address list, octet 26: two addresses, of different domains, in one place");
  none(of("J <a@example.org"),
       "From is malformed: address list, octet 17: no closing angle bracket behind the address");
  none(of("a@\xFF.example"), "From is malformed: address list, octet 3: a domain that is not UTF-8");
}

// What some reader could take for a second From is one.
TEST(AuthorDomainTest, FieldsThatLookLikeFrom) {
  const std::string from = "From: a@example.org\r\n";
  for (const std::string_view other :
       {std::string_view(" From: b@evil.example\r\n"), std::string_view("From\x01: b@evil.example\r\n"),
        std::string_view("F\0rom: b@evil.example\r\n", 23), std::string_view("From\xC2\xA0: b@evil.example\r\n"),
        std::string_view("Fr om: b@evil.example\r\n"), std::string_view("From\t : b@evil.example\r\n")}) {
    none(author(std::string(other) + from), "there are 2 From fields");
    if (!other.starts_with("From\t")) none(author(other), "the name of the From field is malformed");
  }
  for (const std::string_view other :
       {"X-From: b@evil.example\r\n", "From-: b@evil.example\r\n", "From b@evil.example\r\n",
        ">From: b@evil.example\r\n", "From evil Sat Nov 21 11:00:00 2026\r\n", "Resent-From: b@evil.example\r\n",
        "From\r\n"}) {
    EXPECT_EQ(author(std::string(other) + from), "example.org") << other;
  }
}

}  // namespace
}  // namespace postern::dmarc
