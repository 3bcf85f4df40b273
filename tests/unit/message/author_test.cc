// Address lists: what RFC 5322 allows, obsolete forms too, what people write, and what must not have two meanings.
#include "message/author.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace postern::message {
namespace {

// "local|domain" of each address, joined with spaces; "error" where there is none.
std::string read(std::string_view body) {
  const auto addresses = parse_addresses(body);
  if (!addresses) return "error";
  std::string out;
  for (const Address& address : *addresses) {
    if (!out.empty()) out += ' ';
    out += address.local + "|" + address.domain;
  }
  return out;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

struct Case {
  std::string_view body;
  std::string_view expected;
};

void check(std::initializer_list<Case> cases) {
  for (const Case& one : cases) EXPECT_EQ(read(one.body), one.expected) << printable(one.body);
}

TEST(AuthorTest, PlainForms) {
  check({
      {"a@example.org", "a|example.org"},
      {" a@example.org\r\n", "a|example.org"},
      {"<a@example.org>", "a|example.org"},
      {"A B <a@example.org>", "a|example.org"},
      {"\"B, A\" <a@example.org>", "a|example.org"},
      {"\"x@evil.example\" <a@example.org>", "a|example.org"},
      {"=?utf-8?q?J=C3=BCrgen?= <a@example.org>", "a|example.org"},
      {"=?utf-8?q?x=40evil=2Eexample?= <a@example.org>", "a|example.org"},
      {"a@example.org, B <b@example.net>", "a|example.org b|example.net"},
      {"\"a b\"@example.org", "a b|example.org"},
      {"\"a\\\"b\\\\\"@example.org", "a\"b\\|example.org"},
      {"\"\"@example.org", "|example.org"},
      {"\"x@y\"@example.org", "x@y|example.org"},
      {"a@[192.0.2.1]", "a|[192.0.2.1]"},
      {"a@[IPv6:2001:db8::1]", "a|[IPv6:2001:db8::1]"},
      {"a@EXAMPLE.Org", "a|EXAMPLE.Org"},
      {"a+b/c=d@example.org", "a+b/c=d|example.org"},
      {"a@foo!bar.example", "a|foo!bar.example"},
      {"", ""},
      {"  \r\n ", ""},
  });
}

TEST(AuthorTest, CommentsAndFoldsStandAnywhere) {
  check({
      {"a(x)@(y)example(z).(w)org (v)", "a|example.org"},
      {"(a@evil.example) <a@example.org> (b@evil.example)", "a|example.org"},
      {"a@example.org (J. (the first) \\) Doe)", "a|example.org"},
      {"John\r\n Doe\r\n\t<a@example.org>", "a|example.org"},
      {"a\r\n @\r\n example\r\n .org", "a|example.org"},
      {"\"J\r\n D\" <a@example.org>", "a|example.org"},
      {"\"J\r\n D\"@example.org", "J D|example.org"},
      {"a@[192.0.2.1\r\n ]", "a|[192.0.2.1]"},
      {"a@[ 192.0.2.1 ]", "a|[192.0.2.1]"},
      {"\r\n \r\n a@example.org", "a|example.org"},  // obs-FWS
      {"a@example.org (", "error"},
      {"a@example.org )", "error"},
      {"(a@example.org", "error"},
      {"a@example.org (\\", "error"},
  });
}

TEST(AuthorTest, ObsoleteForms) {
  check({
      {"a . b @ example . org", "a.b|example.org"},
      {"\"a b\".c@example.org", "a b.c|example.org"},
      {"<@relay.example:a@example.org>", "a|example.org"},
      {"J <@relay.example,@other.example:a@example.org>", "a|example.org"},
      {"<,@relay.example,,@[192.0.2.1],:a@example.org>", "a|example.org"},
      {"<@relay.example a@example.org>", "error"},
      {"<@:a@example.org>", "error"},
      {"<,:a@example.org>", "a|example.org"},
      {",a@example.org,,(x),b@example.org,", "a|example.org b|example.org"},
      {",,", ""},
      {"John Q. Public <j@example.org>", "j|example.org"},
      {"Jr. J. . <j@example.org>", "j|example.org"},
      {"a@[19\\2.0.2.1]", "a|[192.0.2.1]"},
      {"\"\x01\x7F\"@example.org", "\x01\x7F|example.org"},
  });
}

TEST(AuthorTest, Groups) {
  check({
      {"undisclosed:;", ""},
      {"undisclosed: (nobody) ;", ""},
      {"A Group:a@example.org;", "a|example.org"},
      {"A Group:a@example.org, B <b@example.net> ; , c@example.com", "a|example.org b|example.net c|example.com"},
      {"\"G\": , ,a@example.org, ;", "a|example.org"},
      {"a@example.org, G:;, b@example.net", "a|example.org b|example.net"},
      {"G:a@example.org", "error"},
      {"G:a@example.org;;", "error"},
      {"G:H:a@example.org;;", "error"},
      {"G:;a@example.org", "error"},
      {"G:; x", "error"},
      {"G:;H:;", "error"},
      {":a@example.org;", "error"},
      {"a@example.org;", "error"},
      {"a@example.org; b@example.net", "error"},
      {"a@example.org: b@example.net;", "error"},
  });
}

TEST(AuthorTest, Utf8AndOtherOctets) {
  check({
      {"Jürgen <jürgen@müller.example>", "jürgen|müller.example"},
      {"\xFC\xE4 <a@example.org>", "a|example.org"},  // ISO 8859-1 in a name
      {"\"\xFC\" <a@example.org>", "a|example.org"},
      {"(\xFC) a@example.org", "a|example.org"},
      {"\xFC@example.org", "\xFC|example.org"},
      {"a@ex\xFC.example", "error"},
      {"a@ex\xC3.example", "error"},
      {std::string_view("a@example.org\0", 14), "error"},
      {std::string_view("a@example.org\0.evil.example", 27), "error"},
      {std::string_view("\0 a@example.org", 15), "error"},
      {std::string_view("\"x\0\" <a@example.org>", 20), "error"},
      {std::string_view("(x\0) a@example.org", 18), "error"},
      {std::string_view("\"x\\\0\" <a@example.org>", 21), "error"},
      {"a\x01@example.org", "error"},
      {"\x1B a@example.org", "error"},
      {"a@example.org\x7F", "error"},
      {"a\n @example.org", "error"},
      {"a\r @example.org", "error"},
      {"a\r\n@example.org", "error"},
      {"\"a\nb\"@example.org", "error"},
      {"\"a\\\r\n b\"@example.org", "error"},
  });
}

// What people and programs write outside of the grammar, where every reader finds the same domain.
TEST(AuthorTest, FaultsWithOneMeaning) {
  check({
      {"Doe, John <j@example.org>", "j|example.org"},
      {"Doe", ""},
      {"example.org", ""},
      {"John Doe j@example.org", "j|example.org"},
      {"\"John\" j@example.org", "j|example.org"},
      {"<j@example.org> John", "j|example.org"},
      {"Example [Support] <j@example.org>", "j|example.org"},
      {".John <j@example.org>", "j|example.org"},
      {"j@example.org <j@example.org>", "j|example.org"},
      {"info@EXAMPLE.org <j@example.org>", "j|example.org"},
      {"info@example.org. <j@example.org>", "j|example.org"},
      {"a..b@example.org", "a..b|example.org"},
      {".a.@example.org", ".a.|example.org"},
      {"<a..b.@example.org>", "a..b.|example.org"},
      {"a@example.org.", "a|example.org."},
      {"\"J \"D\" X\" <j@example.org>", "j|example.org"},
  });
}

TEST(AuthorTest, TwoMeaningsAreAnError) {
  check({
      {"a@b.example <c@d.example>", "error"},
      {"a@b.example \"x\" <c@d.example>", "error"},
      {"a@b.example c@d.example", "error"},
      {"a@b.example <c@b.example> <d@d.example>", "error"},
      {"a@b@c.example", "error"},
      {"<a@b@c.example>", "error"},
      {"a@b.example x", "error"},
      {"a@b.example \"x\"", "error"},
      {"a@b.example[x]", "error"},
      {"<a@b.example> <c@d.example>", "error"},
      {"<a@b.example> c@d.example", "error"},
      {"<a@b.example", "error"},
      {"J <a@b.example, K <c@d.example>", "error"},
      {"a@b.example>", "error"},
      {"<<a@b.example>>", "error"},
      {"<>", "error"},
      {"<a>", "error"},
      {"J <a@>", "error"},
      {"@b.example", "error"},
      {"a@", "error"},
      {"a@.example", "error"},
      {"a@b..example", "error"},
      {"a@\"b\".example", "error"},
      {"a@b.example..", "error"},
      {"<a b@c.example>", "error"},
      {"\"J <a@b.example>", "error"},
      {"J\\, D <a@b.example>", "error"},
      {"[x@y.example] <a@b.example>", "error"},
      {"[x, <a@b.example>", "error"},
      {"x] <a@b.example>", "error"},
      {"a@[b", "error"},
      {"a@[b[c]]", "error"},
      {"=?utf-8?q?x=40evil.example?=@b.example", "error"},
      {"a@=?utf-8?q?evil.example?=", "error"},
      {"[a]@b.example", "error"},
      {"mailto:a@b.example", "error"},
  });
  // a quoted local part is not decoded by anybody
  EXPECT_EQ(read("\"=?x?q?y?=\"@b.example"), "=?x?q?y?=|b.example");
}

TEST(AuthorTest, LimitsAtTheLimitAndOneBeyond) {
  const int depth = kCommentDepthMax;
  EXPECT_EQ(read("a@b.example " + repeated("(", depth) + repeated(")", depth)), "a|b.example");
  EXPECT_EQ(read("a@b.example " + repeated("(", depth + 1) + repeated(")", depth + 1)), "error");
  const int count = static_cast<int>(kAddressesMax);
  EXPECT_EQ(parse_addresses(repeated("a@b.example,", count))->size(), kAddressesMax);
  const auto more = parse_addresses(repeated("a@b.example,", count + 1));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().kind, ErrorKind::limit);
}

// Doubling the input must not do more than about double the work: what is quadratic never ends here.
TEST(AuthorTest, MegabytesOfNothing) {
  for (const std::string_view piece :
       {"(", "()", "a ", ".", ",", "\"", "\"\"", "a@b ", "<", "[", "[]", "\\", "@a,", "x."}) {
    std::string body = "<";
    body += repeated(piece, static_cast<int>((1U << 20U) / piece.size()));
    (void)parse_addresses(body);
    (void)parse_addresses(std::string_view(body).substr(1));
  }
}

TEST(AuthorTest, ErrorsNameTheOctet) {
  const auto read_it = parse_addresses("J <a@b.example> <c@d.example>");
  ASSERT_FALSE(read_it);
  EXPECT_EQ(read_it.error().what, "address list, octet 16: a character that cannot stand there");
  EXPECT_EQ(parse_addresses("J (").error().what, "address list, octet 3: a comment without its closing parenthesis");
}

TEST(AuthorTest, PrintsWhatItReadsBack) {
  for (const std::string_view body :
       {"a@b.example", "\"a \\\"b\\\\\t\"@b.example", "\"\"@b.", "a@[x\\]\\ \\[y]", "a@[]", "jürgen@müller.example"}) {
    const auto first = parse_addresses(body);
    ASSERT_TRUE(first) << body;
    ASSERT_EQ(first->size(), 1U);
    const auto second = parse_addresses(to_string(first->front()));
    ASSERT_TRUE(second) << to_string(first->front());
    EXPECT_EQ(*first, *second);
  }
}

}  // namespace
}  // namespace postern::message
