// What format() writes reads back as the same, and nothing that a stranger put into a value gets out of it.
#include <gtest/gtest.h>

#include "authres/authres.h"
#include "base/text.h"

namespace postern::authres {
namespace {

Results with_value(std::string value) {
  return {.authserv_id = "mx.example.org",
          .version = 1,
          .methods = {{.method = "spf",
                       .version = 1,
                       .result = "pass",
                       .comment = {},
                       .reason = {},
                       .properties = {{.ptype = "smtp", .name = "mailfrom", .value = std::move(value)}}}}};
}
std::string value_after(std::string value, bool utf8 = false) {
  const std::string text = format(with_value(std::move(value)), utf8);
  EXPECT_TRUE(utf8 || is_ascii(text)) << text;
  const auto back = parse(text);
  EXPECT_TRUE(back.has_value()) << text;
  if (!back || back->methods.size() != 1 || back->methods[0].properties.size() != 1) return "(gone)";
  EXPECT_EQ(back->authserv_id, "mx.example.org");
  return back->methods[0].properties[0].value;
}

TEST(AuthresFormat, OneResultALine) {
  Results results = with_value("alice@example.org");
  results.methods.push_back({.method = "dkim",
                             .version = 2,
                             .result = "fail",
                             .comment = "1024-bit key",
                             .reason = "body hash did not verify",
                             .properties = {{.ptype = "header", .name = "d", .value = "example.org"},
                                            {.ptype = "header", .name = "b", .value = "ab/c+d=="}}});
  EXPECT_EQ(
      format(results, false),
      "mx.example.org;\r\n\tspf=pass smtp.mailfrom=alice@example.org;\r\n\t"
      "dkim/2=fail (1024-bit key) reason=\"body hash did not verify\"\r\n\theader.d=example.org header.b=\"ab/c+d==\"");
  EXPECT_EQ(format({.authserv_id = "mx.example.org", .version = 1, .methods = {}}, false), "mx.example.org; none");
  EXPECT_EQ(format({.authserv_id = "mx.example.org", .version = 3, .methods = {}}, false), "mx.example.org 3; none");
}

TEST(AuthresFormat, ValuesComeBack) {
  for (const char* value : {"example.org",
                            "@example.org",
                            "alice@example.org",
                            "\"a b\"@example.org",
                            "a b",
                            "",
                            "a;b",
                            "a=b",
                            "(c)",
                            "\"",
                            "\\",
                            "\\\"",
                            "a@b@c",
                            "a@[192.0.2.1]",
                            "<>",
                            "2001:db8::1",
                            "a@b (c)",
                            "\"a\"",
                            "a..b@c.example",
                            " lead",
                            "trail ",
                            "pass; dkim=pass"}) {
    EXPECT_EQ(value_after(value), value);
  }
}

TEST(AuthresFormat, NothingGetsOut) {
  EXPECT_EQ(value_after("a\r\nX-Evil: b"), "a??X-Evil: b");
  EXPECT_EQ(value_after(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(value_after("\"@x; dkim=pass"), "\"@x; dkim=pass");
  EXPECT_EQ(value_after("a\r\n b@example.org"), "a?? b@example.org");
  EXPECT_EQ(value_after("\x7F\x1B"), "??");
  EXPECT_EQ(value_after("a\tb"), "a b");
  Results results = with_value("x");
  results.methods[0].comment = "a) ; dkim=pass (\\\r\n";
  results.methods[0].reason = "\"; dkim=pass; \"";
  const auto back = parse(format(results, false));
  ASSERT_TRUE(back.has_value());
  ASSERT_EQ(back->methods.size(), 1);
  EXPECT_EQ(back->methods[0].reason, "\"; dkim=pass; \"");
}

TEST(AuthresFormat, AsciiUnlessTheMessageIsInternational) {
  EXPECT_EQ(value_after("b\xC3\xBC"
                        "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(value_after("alice@b\xC3\xBC"
                        "cher.example"),
            "alice@xn--bcher-kva.example");
  EXPECT_EQ(value_after("\xC3\xBC@b\xC3\xBC"
                        "cher.example"),
            "??@xn--bcher-kva.example");
  EXPECT_EQ(value_after("\xFF.example"), "?.example");
  EXPECT_EQ(value_after("\xC3\xBC@b\xC3\xBC"
                        "cher.example",
                        true),
            "\xC3\xBC@b\xC3\xBC"
            "cher.example");
  EXPECT_EQ(value_after("\xFF\xC3\xBC", true), "?\xC3\xBC");
  Results results = with_value("x");
  results.authserv_id =
      "mx.b\xC3\xBC"
      "cher.example";
  EXPECT_EQ(parse(format(results, false))->authserv_id, "mx.xn--bcher-kva.example");
  EXPECT_EQ(parse(format(results, true))->authserv_id,
            "mx.b\xC3\xBC"
            "cher.example");
}

TEST(AuthresFormat, LinesStayUnderTheLimit) {
  EXPECT_EQ(value_after(std::string(kValueMax, 'x')).size(), kValueMax);
  EXPECT_EQ(value_after(std::string(kValueMax + 1, 'x')).size(), kValueMax);
  Results results = with_value(std::string(5000, '"'));
  results.authserv_id = std::string(5000, '\\');
  results.methods[0].comment = std::string(5000, '(');
  results.methods[0].reason = std::string(5000, '\\');
  for (int i = 0; i < 100; ++i) results.methods[0].properties.push_back({"smtp", "helo", std::string(300, '"')});
  const std::string text = format(results, false);
  ASSERT_TRUE(parse(text).has_value());
  std::size_t line = std::string_view("Authentication-Results: ").size();
  std::size_t longest = 0;
  for (const char c : text) {
    line = c == '\n' ? 0 : line + 1;
    longest = std::max(longest, line);
  }
  EXPECT_LE(longest, 998);
  // A character is not cut in two.
  EXPECT_TRUE(is_utf8(value_after(std::string(kValueMax - 1, 'x') + "\xC3\xBC", true)));
}

TEST(AuthresFormat, WhatIsNoKeywordIsLeftOut) {
  Results results = with_value("x");
  results.methods.push_back(
      {.method = "a; b", .version = 1, .result = "pass", .comment = {}, .reason = {}, .properties = {}});
  results.methods[0].properties.push_back({"smtp", "a=b", "c"});
  EXPECT_EQ(format(results, false), "mx.example.org;\r\n\tspf=pass smtp.mailfrom=x");
}

TEST(AuthresConsolidated, FieldsOfOneIdInOrder) {
  const message::HeaderSection header(
      "Authentication-Results: lists.example.org; arc=none;\r\n  spf=pass smtp.mfrom=jqd@d1.example\r\n"
      "Authentication-Results: lists.example.org; dkim=pass (1024-bit; key) header.i=@d1.example  \r\n"
      "Authentication-Results: lists.example.org; broken\r\n"
      "Authentication-Results: lists.example.org; none\r\n"
      "authentication-results: LISTS.example.org 1; dmarc=pass\r\n"
      "Authentication-Results: nobody.example.org; something=ignored\r\n");
  EXPECT_EQ(consolidated(header, "lists.example.org"),
            "lists.example.org;\r\n\tarc=none;\r\n\tspf=pass smtp.mfrom=jqd@d1.example;\r\n\t"
            "dkim=pass (1024-bit; key) header.i=@d1.example;\r\n\tdmarc=pass");
  EXPECT_EQ(consolidated(header, "other.example.org"), "other.example.org; none");
}

}  // namespace
}  // namespace postern::authres
