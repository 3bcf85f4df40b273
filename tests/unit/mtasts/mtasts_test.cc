#include "mtasts/mtasts.h"

#include <gtest/gtest.h>

namespace postern::mtasts {
namespace {

std::string id_of(std::string_view text) {
  const auto id = parse_record(text);
  return id ? *id : "error: " + id.error().what;
}
bool bad_record(std::string_view text) { return !parse_record(text).has_value(); }

TEST(StsRecord, IsReadAsPublished) {
  EXPECT_EQ(id_of("v=STSv1; id=20160831085700Z;"), "20160831085700Z");
  EXPECT_EQ(id_of("v=STSv1;id=1"), "1");
  EXPECT_EQ(id_of("v=STSv1 ; \tid=aB9 ; "), "aB9");
  EXPECT_EQ(id_of("v=STSv1; ext-1.x=%:+; id=2; id=3;"), "2");  // of a key that repeats the first counts
  EXPECT_EQ(id_of("v=STSv1;id=" + std::string(32, 'a')), std::string(32, 'a'));
}

TEST(StsRecord, IsRefusedWhereItIsMalformed) {
  for (const char* text :
       {"", "v=STSv1", "v=STSv1;", "v=STSv1; ;id=1", "v=stsv1; id=1", "V=STSv1; id=1", " v=STSv1; id=1",
        "v=STSv10; id=1", "v=STSv1; id=", "v=STSv1; id=a_b", "v=STSv1; id=a b", "v=STSv1; ID=1", "v=STSv1; x; id=1",
        "v=STSv1; x=; id=1", "v=STSv1; x=a=b; id=1", "v=STSv1; -x=a; id=1", "v=STSv1; id=1;;", "id=1; v=STSv1"}) {
    EXPECT_TRUE(bad_record(text)) << text;
  }
  EXPECT_TRUE(bad_record("v=STSv1;id=" + std::string(33, 'a')));
  EXPECT_TRUE(bad_record("v=STSv1;id=1;" + std::string(33, 'a') + "=b"));
  EXPECT_FALSE(bad_record("v=STSv1;id=1;" + std::string(32, 'a') + "=b"));
  EXPECT_FALSE(bad_record("v=STSv1;id=1;a=" + std::string(kRecordMax - 15, 'b')));
  EXPECT_TRUE(bad_record("v=STSv1;id=1;a=" + std::string(kRecordMax - 14, 'b')));
}

TEST(StsRecord, ExactlyOneCounts) {
  const auto choose = [](std::vector<std::string> texts) {
    const auto id = choose_id(texts);
    return id ? *id : std::string(to_string(id.error().kind));
  };
  EXPECT_EQ(choose({"v=spf1 -all", "v=STSv1; id=7"}), "7");
  EXPECT_EQ(choose({}), to_string(ErrorKind::not_found));
  EXPECT_EQ(choose({"v=spf1 -all", "v=STSv2; id=7"}), to_string(ErrorKind::not_found));
  EXPECT_EQ(choose({"v=STSv1; id=7", "v=STSv1; id=7"}), to_string(ErrorKind::protocol));
  EXPECT_EQ(choose({"v=STSv1; id=7", "v=STSv1; rubbish"}), to_string(ErrorKind::protocol));
}

const std::string kPolicy =
    "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmx: backupmx.example.com\r\n"
    "max_age: 604800\r\n";

TEST(StsPolicy, IsReadAsPublished) {
  const auto policy = parse_policy(kPolicy);
  ASSERT_TRUE(policy.has_value()) << policy.error().what;
  EXPECT_EQ(policy->mode, Mode::enforce);
  EXPECT_EQ(policy->max_age, 604800);
  EXPECT_EQ(policy->mx, (std::vector<std::string>{"mail.example.com", "*.example.net", "backupmx.example.com"}));
}

TEST(StsPolicy, ItsLinesMayComeInAnyOrderAndEndInEitherWay) {
  const auto policy = parse_policy("max_age:5\nx-new: \xC3\xBC etwas\nmx:\ta.org  \nmode: testing\nversion: STSv1");
  ASSERT_TRUE(policy.has_value()) << policy.error().what;
  EXPECT_EQ(policy->mode, Mode::testing);
  EXPECT_EQ(policy->max_age, 5);
  EXPECT_EQ(policy->mx, std::vector<std::string>{"a.org"});
}

TEST(StsPolicy, OfAKeyThatRepeatsTheFirstCounts) {
  const auto policy = parse_policy(kPolicy + "mode: none\nmax_age: 1\nversion: STSv9\nmx: c.org\n");
  ASSERT_TRUE(policy.has_value()) << policy.error().what;
  EXPECT_EQ(policy->mode, Mode::enforce);
  EXPECT_EQ(policy->max_age, 604800);
  EXPECT_EQ(policy->mx.size(), 4U);
}

TEST(StsPolicy, IsRefusedWhereItIsMalformed) {
  const auto error = [](const std::string& text) {
    const auto policy = parse_policy(text);
    return policy ? std::string("taken") : policy.error().what;
  };
  const auto without = [](std::string_view key) {
    std::string text;
    std::string_view rest = kPolicy;
    while (!rest.empty()) {
      const auto end = rest.find('\n') + 1;
      if (!rest.starts_with(key)) text += rest.substr(0, end);
      rest.remove_prefix(end);
    }
    return text;
  };
  for (const char* key : {"version", "mode", "max_age", "mx"}) {
    EXPECT_NE(error(without(key)).find(key), std::string::npos) << error(without(key));
  }
  EXPECT_EQ(parse_policy("version: STSv1\nmode: none\nmax_age: 0\n")->mx.size(), 0U);  // 3.2: none needs no mx
  for (const char* line :
       {"mode", "mode enforce", ": x", "mx: *", "mx: *.", "mx: *x.org", "mx: a..b", "mx: -a.org", "mx: a.*.org",
        "mx: b\xC3\xBC.org", "mx: a b", "mx:", "mx: 1.2.3.4:25", "x: a\x01 b", "x: \xFF"}) {
    EXPECT_NE(error(kPolicy + line + "\r\n"), "taken") << line;
  }
  for (const char* age : {"-1", "1.5", "x", "", "12345678901"}) {
    EXPECT_NE(error("version: STSv1\nmode: none\nmax_age: " + std::string(age) + "\n"), "taken") << age;
  }
  for (const char* mode : {"Enforce", "strict", ""}) {
    EXPECT_NE(error("version: STSv1\nmx: a.org\nmax_age: 1\nmode: " + std::string(mode) + "\n"), "taken") << mode;
  }
  EXPECT_NE(error("version: STSv2\nmode: none\nmax_age: 1\n"), "taken");
  EXPECT_NE(error("<html><body>version: STSv1</body></html>"), "taken");
}

TEST(StsPolicy, Limits) {
  std::string text = "version: STSv1\nmode: enforce\nmax_age: 31557600\n";
  for (std::size_t i = 0; i < kHostsMax; ++i) text += "mx: a.org\n";
  EXPECT_TRUE(parse_policy(text).has_value());
  EXPECT_FALSE(parse_policy(text + "mx: a.org\n").has_value());
  const std::string base = "version: STSv1\nmode: none\nmax_age: 31557600\n";
  EXPECT_TRUE(parse_policy(base + std::string(kPolicyMax - base.size(), '\n')).has_value());
  EXPECT_FALSE(parse_policy(base + std::string(kPolicyMax - base.size() + 1, '\n')).has_value());
  EXPECT_EQ(parse_policy("version: STSv1\nmode: none\nmax_age: 31557600\n")->max_age, kMaxAgeMax);
  EXPECT_EQ(parse_policy("version: STSv1\nmode: none\nmax_age: 9999999999\n")->max_age, kMaxAgeMax);
}

TEST(StsPolicy, AWildcardIsOneLabelTheLeftmost) {
  const auto policy = parse_policy(kPolicy);
  const auto ok = [&](std::string_view host) { return allows(*policy, *dns::Name::parse(host)); };
  EXPECT_TRUE(ok("mail.example.com"));
  EXPECT_TRUE(ok("MAIL.example.COM."));
  EXPECT_TRUE(ok("a.example.net"));
  EXPECT_FALSE(ok("a.b.example.net"));
  EXPECT_FALSE(ok("example.net"));
  EXPECT_FALSE(ok("mail.example.org"));
  EXPECT_FALSE(ok("x.mail.example.com"));
  EXPECT_FALSE(ok("axexample.net"));
  EXPECT_FALSE(ok(""));
  EXPECT_FALSE(allows(Policy{}, *dns::Name::parse("a.org")));
}

TEST(StsPolicy, WhatWeServeIsReadBack) {
  const Policy policy{.mode = Mode::testing, .max_age = 86400, .mx = {"mx.example.org", "*.example.net"}};
  EXPECT_EQ(policy_text(policy),
            "version: STSv1\r\nmode: testing\r\nmx: mx.example.org\r\nmx: *.example.net\r\nmax_age: 86400\r\n");
  EXPECT_EQ(*parse_policy(policy_text(policy)), policy);
  Policy other = policy;
  other.max_age = 86401;
  EXPECT_NE(policy_id(policy), policy_id(other));
  EXPECT_EQ(id_of(record_text(policy_id(policy))), policy_id(policy));
}

}  // namespace
}  // namespace postern::mtasts
