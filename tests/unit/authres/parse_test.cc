// RFC 8601 2.2 and its Appendix B, by example: what is read, and what is not.
#include <gtest/gtest.h>

#include "authres/authres.h"

namespace postern::authres {
namespace {

Results read(std::string_view body) {
  auto results = parse(body);
  EXPECT_TRUE(results.has_value()) << body << ": " << (results ? "" : results.error().what);
  return results.value_or(Results{});
}
bool reads(std::string_view body) { return parse(body).has_value(); }

std::string first_value(std::string_view pvalue) {
  const auto results = parse("a.example; spf=pass smtp.mailfrom=" + std::string(pvalue));
  if (!results || results->methods.size() != 1 || results->methods[0].properties.size() != 1) return "(none)";
  return results->methods[0].properties[0].value;
}

TEST(AuthresParse, TheAppendixExamples) {
  // RFC 8601 B.2 to B.7
  EXPECT_TRUE(read(" example.org 1; none").methods.empty());
  const Results one = read(" example.com;\r\n          spf=pass smtp.mailfrom=example.net");
  EXPECT_EQ(one.authserv_id, "example.com");
  ASSERT_EQ(one.methods.size(), 1);
  EXPECT_EQ(one.methods[0].method, "spf");
  EXPECT_EQ(one.methods[0].result, "pass");
  ASSERT_EQ(one.methods[0].properties.size(), 1);
  EXPECT_EQ(one.methods[0].properties[0].ptype, "smtp");
  EXPECT_EQ(one.methods[0].properties[0].name, "mailfrom");
  EXPECT_EQ(one.methods[0].properties[0].value, "example.net");

  const Results two = read(
      " example.com;\r\n          auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
      "          spf=pass smtp.mailfrom=example.net");
  ASSERT_EQ(two.methods.size(), 2);
  EXPECT_EQ(two.methods[0].properties[0].value, "sender@example.net");

  const Results reason = read(
      " example.com;\r\n dkim=pass reason=\"good signature\"\r\n header.i=@mail-router.example.net;\r\n"
      " dkim=fail reason=\"bad signature\"\r\n header.i=@newyork.example.com");
  ASSERT_EQ(reason.methods.size(), 2);
  EXPECT_EQ(reason.methods[0].reason, "good signature");
  EXPECT_EQ(reason.methods[0].properties[0].value, "@mail-router.example.net");
  EXPECT_EQ(reason.methods[1].reason, "bad signature");

  // B.7: comments in every place
  const Results b7 = read(
      " foo.example.net (foobar) 1 (baz);\r\n      dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
      "        policy (A dot can go here) . (like that) expired\r\n"
      "        (this surprised me) = (as I wasn't expecting it) 1362471462");
  EXPECT_EQ(b7.authserv_id, "foo.example.net");
  ASSERT_EQ(b7.methods.size(), 1);
  EXPECT_EQ(b7.methods[0].method, "dkim");
  EXPECT_EQ(b7.methods[0].result, "fail");
  EXPECT_EQ(b7.methods[0].properties.at(0).ptype, "policy");
  EXPECT_EQ(b7.methods[0].properties.at(0).name, "expired");
  EXPECT_EQ(b7.methods[0].properties.at(0).value, "1362471462");
}

TEST(AuthresParse, VersionsAreNumbers) {
  EXPECT_EQ(read("a.example 1; none").version, 1U);
  EXPECT_EQ(read("a.example 2; spf=pass").version, 2U);
  EXPECT_EQ(read("a.example(x)3(y); spf=pass").version, 3U);
  EXPECT_EQ(read("a.example; spf/2=pass").methods.at(0).version, 2U);
  EXPECT_FALSE(reads("a.example one; none"));
  EXPECT_FALSE(reads("a.example 1 1; none"));
  EXPECT_FALSE(reads("a.example 4294967296; none"));
  EXPECT_EQ(read("a.example 4294967295; none").version, 4294967295U);
  EXPECT_FALSE(reads("a.example; spf/=pass"));
}

TEST(AuthresParse, CaseAndUnknownNames) {
  const Results results = read("A.example; X-Foo-9=Quite Smtp.MailFrom=A@B.example odd.thing=\"\"");
  EXPECT_EQ(results.authserv_id, "A.example");
  EXPECT_EQ(results.methods.at(0).method, "x-foo-9");
  EXPECT_EQ(results.methods.at(0).result, "quite");
  EXPECT_EQ(results.methods.at(0).properties.at(0).ptype, "smtp");
  EXPECT_EQ(results.methods.at(0).properties.at(0).name, "mailfrom");
  EXPECT_EQ(results.methods.at(0).properties.at(0).value, "A@B.example");
  EXPECT_EQ(results.methods.at(0).properties.at(1).ptype, "odd");
  EXPECT_EQ(results.methods.at(0).properties.at(1).value, "");
}

TEST(AuthresParse, NoneStandsAlone) {
  EXPECT_TRUE(reads("a.example; none"));
  EXPECT_TRUE(reads("a.example ; (why) NONE (because)"));
  EXPECT_FALSE(reads("a.example; none; spf=pass"));
  EXPECT_FALSE(reads("a.example; spf=pass; none"));
  EXPECT_FALSE(reads("a.example; none none"));
  EXPECT_FALSE(reads("a.example; nonesuch"));
  EXPECT_EQ(read("a.example; none=pass").methods.size(), 1) << "a method of that name, with a result";
}

TEST(AuthresParse, WhatIsMissing) {
  for (const char* body : {"",
                           " ",
                           "a.example",
                           "a.example;",
                           "a.example 1",
                           "; spf=pass",
                           "a.example; ; spf=pass",
                           "a.example; spf=pass;",
                           "a.example; spf",
                           "a.example; spf=",
                           "a.example; =pass",
                           "a.example; spf=pass smtp",
                           "a.example; spf=pass smtp.",
                           "a.example; spf=pass smtp.x",
                           "a.example; spf=pass smtp.x=",
                           "a.example; spf=pass .x=y",
                           "a.example; spf=pass action=none",
                           "a.example spf=pass",
                           "a.example, b.example; spf=pass",
                           "a/b; spf=pass",
                           "\"\"; spf=pass",
                           "dkim=pass header.d=x.example",
                           "a.example; spf-=pass",
                           "a.example; spf=pass-",
                           "a.example; s_f=pass",
                           "a.example; spf=pass reason=x reason=y",
                           "a.example; spf=pass smtp.x=y reason=z",
                           "a.example; spf=pass(c",
                           "a.example; spf=pass \"x\"",
                           "a.example; spf=pass smtp.x=\"y",
                           "a.example; spf=pass smtp.x=y=z",
                           "a.example; spf=pass smtp.x=/y",
                           "a.example; spf=pass smtp.x=a@",
                           "a.example; spf=pass smtp.x=@",
                           "a.example; spf=pass smtp.x=a@b@c",
                           "a.example; spf=pass smtp.x=a@[192.0.2.1]",
                           "a.example; spf=pass smtp.x=<>",
                           "a.example; spf=pass smtp.x=a..b@c.example",
                           "a.example; spf=pass smtp.x=.a@c.example",
                           "a.example; spf=pass smtp.x=a@.example",
                           "a.example; spf=pass smtp.x=a@b..c",
                           "a.example; spf=passsmtp.x=y.z w"}) {
    EXPECT_FALSE(reads(body)) << body;
  }
}

TEST(AuthresParse, Values) {
  EXPECT_EQ(first_value("token-._!#$%&'*+^`{|}~9"), "token-._!#$%&'*+^`{|}~9");
  EXPECT_EQ(first_value("\"a b; c=(d)\""), "a b; c=(d)");
  EXPECT_EQ(first_value("\"a \\\"b\\\" \\\\ \\c\""), "a \"b\" \\ c");
  EXPECT_EQ(first_value("\"two\r\n lines\""), "two lines");
  EXPECT_EQ(first_value("@example.org"), "@example.org");
  EXPECT_EQ(first_value("alice@example.org"), "alice@example.org");
  EXPECT_EQ(first_value("a/b=c?d@example.org"), "a/b=c?d@example.org");
  EXPECT_EQ(first_value("\"a b\"@example.org"), "\"a b\"@example.org");
  EXPECT_EQ(first_value("\"a\\\" b\"@example.org"), "\"a\\\" b\"@example.org") << "as written: it needs its quotes";
  EXPECT_EQ(first_value("a.\"b c\".d@example.org"), "a.\"b c\".d@example.org");
  EXPECT_EQ(first_value("a (c) @example.org"), "a@example.org");
  EXPECT_EQ(first_value("\"a\"b@example.org"), "(none)");
  EXPECT_EQ(first_value(".\"a\"@example.org"), "(none)");
  EXPECT_EQ(first_value("\"a\".@example.org"), "(none)");
  EXPECT_EQ(first_value("_x.example_y.org"), "_x.example_y.org");
  // RFC 8616, RFC 6532
  EXPECT_EQ(first_value("@b\xC3\xBC"
                        "cher.example"),
            "@b\xC3\xBC"
            "cher.example");
  EXPECT_EQ(first_value("j\xC3\xB6rg@b\xC3\xBC"
                        "cher.example"),
            "j\xC3\xB6rg@b\xC3\xBC"
            "cher.example");
  EXPECT_EQ(first_value("\"\xC3\xBC\""), "\xC3\xBC");
  EXPECT_EQ(first_value("\xC3"), "(none)");
  EXPECT_EQ(first_value("\"\xFF\""), "(none)");
}

TEST(AuthresParse, CommentsNestAndEnd) {
  EXPECT_TRUE(reads("(a(b(c)d)e)a.example(;x=y)(\\)\\();spf(.)=(.)pass(.)smtp(.).(.)x(.)=(.)y(.)"));
  EXPECT_FALSE(reads("(a(b)a.example; none"));
  EXPECT_FALSE(reads("a.example; none)"));
  EXPECT_TRUE(reads("(\xC3\xBC) a.example; none"));
  EXPECT_FALSE(reads("(\xC3) a.example; none"));
  EXPECT_TRUE(reads("(\x01\x7F) a.example; none")) << "RFC 5322 4.1: obsolete";
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + std::string(depth, ')') + " a.example; none";
  };
  EXPECT_TRUE(reads(nested(32)));
  EXPECT_FALSE(reads(nested(33)));
}

TEST(AuthresParse, FoldsAreWhiteSpaceAndBareLineEndsAreNot) {
  EXPECT_TRUE(reads("\r\n a.example\r\n\t;\r\n \r\n spf\r\n =\r\n pass\r\n smtp\r\n .\r\n x\r\n =\r\n y\r\n "));
  EXPECT_FALSE(reads("a.example;\n none"));
  EXPECT_FALSE(reads("a.example;\r none"));
  EXPECT_FALSE(reads("a.example;\r\nnone"));
  EXPECT_FALSE(reads(std::string_view("a.example\0; none", 16)));
  EXPECT_FALSE(reads(std::string_view("(\0)a.example; none", 18)));
}

TEST(AuthresParse, Limits) {
  const auto of_methods = [](std::size_t count) {
    std::string out = "a.example";
    for (std::size_t i = 0; i < count; ++i) out += ";a=b";
    return out;
  };
  EXPECT_EQ(read(of_methods(kMethodsMax)).methods.size(), kMethodsMax);
  EXPECT_FALSE(reads(of_methods(kMethodsMax + 1)));
  const auto of_properties = [](std::size_t count) {
    std::string out = "a.example;a=b";
    for (std::size_t i = 0; i < count; ++i) out += " c.d=e";
    return out;
  };
  EXPECT_EQ(read(of_properties(kPropertiesMax)).methods.at(0).properties.size(), kPropertiesMax);
  EXPECT_FALSE(reads(of_properties(kPropertiesMax + 1)));
  const std::string short_body = "a.example; none";
  EXPECT_TRUE(reads(short_body + std::string(kFieldMax - short_body.size(), ' ')));
  EXPECT_FALSE(reads(short_body + std::string(kFieldMax - short_body.size() + 1, ' ')));
  EXPECT_TRUE(reads("a.example; spf=" + std::string(128, 'x')));
  EXPECT_FALSE(reads("a.example; spf=" + std::string(129, 'x')));
}

TEST(AuthresParse, PropertiesNeedNoSpaceBehindQuotes) {
  EXPECT_EQ(read("a.example; a=b c.d=\"e\"f.g=h").methods.at(0).properties.size(), 2) << "1*propspec";
  EXPECT_FALSE(reads("a.example; a=b reason=\"e\"f.g=h")) << "[ CFWS 1*propspec ]";
}

TEST(AuthresParse, LenientKeepsWhatItCanRead) {
  const auto results = parse_lenient(
      "mx.example 1; spf=pass smtp.mailfrom=a.example; dmarc=pass action=none header.from=a.example;"
      "dkim=pass header.b=/d5r+x= header.d=a.example; =bad ;; (x;y) spf=none smtp.mailfrom=<>;q=\";\" ; odd_one=pass;");
  ASSERT_TRUE(results.has_value());
  ASSERT_EQ(results->methods.size(), 5);
  EXPECT_EQ(results->methods[1].properties.at(0).name, "from");
  EXPECT_EQ(results->methods[2].properties.at(0).value, "/d5r+x=");
  EXPECT_EQ(results->methods[2].properties.at(1).value, "a.example");
  EXPECT_EQ(results->methods[3].properties.at(0).value, "<>");
  EXPECT_EQ(results->methods[4].method, "odd_one");
  EXPECT_FALSE(parse_lenient("dkim=pass header.d=a.example").has_value()) << "no authserv-id: nobody says it";
  // Values that begin as tokens and go on as something else
  const auto odd = parse_lenient(
      "a; iprev=pass reason=it:is policy.iprev=2001:db8::1 (c); arc=pass action=x:y smtp.remote-ip=2001:db8::2;"
      "spf=pass smtp.mailfrom=a@[192.0.2.1] smtp.helo=\"q;\"header.d=b.example");
  ASSERT_TRUE(odd.has_value());
  ASSERT_EQ(odd->methods.size(), 3);
  EXPECT_EQ(odd->methods[0].reason, "it:is");
  EXPECT_EQ(odd->methods[0].properties.at(0).value, "2001:db8::1");
  EXPECT_EQ(odd->methods[1].properties.at(0).value, "2001:db8::2");
  ASSERT_EQ(odd->methods[2].properties.size(), 3);
  EXPECT_EQ(odd->methods[2].properties[0].value, "a@[192.0.2.1]");
  EXPECT_EQ(odd->methods[2].properties[1].value, "q;");
  EXPECT_FALSE(parse("a; iprev=pass policy.iprev=2001:db8::1").has_value()) << "2.2 wants quotes there";
  // What has no end hides what stands behind, and nothing before.
  EXPECT_EQ(parse_lenient("a; spf=pass; x=\"; dkim=pass")->methods.size(), 1);
  EXPECT_EQ(parse_lenient("a; spf=pass; x=(; dkim=pass")->methods.size(), 1);
}

TEST(AuthresParse, ArcForm) {
  const auto results = parse_arc(" i=1; lists.example.org; arc=none; spf=pass smtp.mfrom=a@d1.example");
  ASSERT_TRUE(results.has_value());
  EXPECT_EQ(results->instance, 1U);
  EXPECT_EQ(results->results.authserv_id, "lists.example.org");
  EXPECT_EQ(results->results.methods.size(), 2);
  EXPECT_EQ(parse_arc("(c)i(c)=(c)50(c);(c)a; none")->instance, 50U);
  EXPECT_EQ(parse_arc("i=01;a; none")->instance, 1U) << "1*2DIGIT";
  for (const char* body :
       {"a; none", "i=; a; none", "i=0; a; none", "i=51; a; none", "i=001; a; none", "I=1; a; none", "i=1 a; none",
        "a; i=1; none", "i=-1; a; none", "i=1x; a; none", "i=a; a; none", "i 1; a; none", ";i=1; a; none"}) {
    EXPECT_FALSE(parse_arc(body).has_value()) << body;
    EXPECT_FALSE(parse_arc_lenient(body).has_value()) << body;
  }
  EXPECT_EQ(arc_instance("(c)i = 50 ; what ever"), 50U);
  EXPECT_EQ(arc_instance("i=1;" + std::string(kFieldMax, 'x')), 1U);
  EXPECT_EQ(arc_instance("i=51; a; none"), 0U);
  EXPECT_EQ(arc_instance("a; i=1; none"), 0U);
  EXPECT_FALSE(parse_arc("i=7; what ever").has_value());
  EXPECT_EQ(parse_arc_lenient("i=7; what ever")->instance, 7U);
}

}  // namespace
}  // namespace postern::authres
