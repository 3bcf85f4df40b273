#include <gtest/gtest.h>

#include "access/operator_list.h"

namespace postern::access {
namespace {

using evidence::value::Operator;

struct Subject {
  const char* text;
  Kind kind;
  const char* canonical;
};

TEST(Entry, SubjectsAreToldApartAndMadeCanonical) {
  for (const Subject& one : std::vector<Subject>{
           {"192.0.2.1", Kind::prefix, "192.0.2.1/32"},
           {"192.0.2.0/24", Kind::prefix, "192.0.2.0/24"},
           {"2001:DB8::", Kind::prefix, "2001:db8::/128"},
           {"2001:db8::/32", Kind::prefix, "2001:db8::/32"},
           {"::ffff:192.0.2.1", Kind::prefix, "192.0.2.1/32"},
           {"Example.ORG", Kind::domain, "example.org"},
           {"@example.org", Kind::domain, "example.org"},
           {"xyz", Kind::domain, "xyz"},
           {"m\xC3\xBCnchen.example", Kind::domain, "xn--mnchen-3ya.example"},
           {"Bob@Example.ORG", Kind::address, "bob@example.org"},
           {"a/b@example.org", Kind::address, "a/b@example.org"},
           {"bob@[192.0.2.1]", Kind::address, "bob@[192.0.2.1]"},
       }) {
    const auto entry = parse_subject(one.text);
    ASSERT_TRUE(entry) << one.text << ": " << entry.error().what;
    EXPECT_EQ(entry->kind, one.kind) << one.text;
    EXPECT_EQ(entry->subject, one.canonical);
    const auto again = parse_subject(entry->subject);
    ASSERT_TRUE(again) << entry->subject;
    EXPECT_EQ(*again, *entry);
  }
}

TEST(Entry, WhatIsNoSubjectIsToldWithARemedy) {
  for (const auto& [text, what] : std::vector<std::pair<std::string, std::string>>{
           {"", "\"\" is neither an address nor a domain; write an address or prefix of a client, a domain, or"},
           {"192.0.2", "\"192.0.2\" is neither an address nor a domain; write an address"},
           {"*.example.org",
            "\"*.example.org\" is neither an address nor a domain; write example.org, which stands for"},
           {".example.org", "\".example.org\" is neither an address nor a domain; write example.org, which stands for"},
           {"[192.0.2.1]", "\"[192.0.2.1]\" is neither an address nor a domain; write the address without brackets"},
           {"2001:db8::1/32", "\"2001:db8::1/32\" has bits set after the prefix length; write 2001:db8::/32"},
           {"192.0.2.0/33", "\"192.0.2.0/33\": the length after the slash must be a number from 0 to 32"},
           {"fe80::1%eth0", "\"fe80::1%eth0\" is no address prefix"},
           {"bob@", "\"bob@\" is no address of a sender"},
           {"bob @example.org", "\"bob @example.org\" is no address of a sender"},
           {"a b", "\"a b\" is neither an address nor a domain"},
           {std::string(321, 'a'), "\"" + std::string(80, 'a') + "...\" is longer than 320 octets"},
       }) {
    const auto entry = parse_subject(text);
    ASSERT_FALSE(entry) << text << " became " << entry->subject;
    EXPECT_TRUE(entry.error().what.starts_with(what)) << entry.error().what;
  }
}

Result<void> deny(const char* subject) {
  auto entry = parse_subject(subject);
  EXPECT_TRUE(entry) << subject;
  entry->word = Operator::deny;
  return check(*entry);
}

TEST(Entry, ADenyThatCutsUsOffIsRefused) {
  for (const char* subject :
       {"0.0.0.0/0", "127.0.0.0/8", "127.0.0.1", "127.3.2.1", "0.0.0.0/1", "::/0", "::1", "::/64", "::/12"}) {
    const auto done = deny(subject);
    ASSERT_FALSE(done) << subject;
    EXPECT_NE(done.error().what.find("loopback is in it; name the prefix of the sender alone"), std::string::npos)
        << done.error().what;
  }
  for (const char* subject : {"128.0.0.0/1", "64.0.0.0/7", "2000::/3", "2000::/11"}) {
    const auto done = deny(subject);
    ASSERT_FALSE(done) << subject;
    EXPECT_NE(done.error().what.find("would refuse a large part of all mail over IPv"), std::string::npos)
        << done.error().what;
  }
  for (const char* subject : {"64.0.0.0/8", "2000::/12", "::2", "2001:db8::1", "xyz", "localhost"}) {
    EXPECT_TRUE(deny(subject)) << subject;
  }
  const auto everybody = parse_subject("::/0");
  ASSERT_TRUE(everybody);
  EXPECT_TRUE(check(*everybody)) << "to switch the defence off for a while is the operator's right";
}

TEST(Entry, ANoteIsOneLine) {
  Entry entry = *parse_subject("example.org");
  entry.note = std::string(kNoteMax, 'x');
  EXPECT_TRUE(check(entry));
  for (const std::string& note : {std::string(kNoteMax + 1, 'x'), std::string("a\nb"), std::string("\xFF")}) {
    entry.note = note;
    ASSERT_FALSE(check(entry));
    EXPECT_EQ(check(entry).error().what, "the note must be one line of at most 200 octets");
  }
}

TEST(Entry, LinesAreReadBack) {
  Entry entry = *parse_subject("2001:db8::/32");
  entry.word = Operator::deny;
  entry.since = 1795000000000;
  EXPECT_EQ(entry_line(entry), R"({"deny":"2001:db8::/32","since":1795000000000})");
  EXPECT_EQ(*parse_entry(entry_line(entry)), entry);
  entry.word = Operator::allow;
  entry.until = 1795000000001;
  entry.note = "ticket \"7\" \xE2\x82\xAC";
  EXPECT_EQ(entry_line(entry),
            "{\"allow\":\"2001:db8::/32\",\"since\":1795000000000,\"until\":1795000000001,"
            "\"note\":\"ticket \\\"7\\\" \xE2\x82\xAC\"}");
  EXPECT_EQ(*parse_entry(entry_line(entry)), entry);
  EXPECT_EQ(entry_value(entry).text(), R"({"allow":"2001:db8::/32","note":"ticket \"7\" )"
                                       "\xE2\x82\xAC"
                                       R"(","since":1795000000000,"until":1795000000001})");
  EXPECT_TRUE(parse_entry(R"({"later":1,"allow":"example.org"})")) << "a later version may know more";
  for (const auto& [line, what] : std::vector<std::pair<std::string, std::string>>{
           {"deny 192.0.2.1", "is not JSON: "},
           {"{}", "has not one of \"allow\" and \"deny\""},
           {R"({"allow":"a.example","deny":"a.example"})", "has not one of \"allow\" and \"deny\""},
           {R"({"deny":"a b"})", "\"a b\" is neither"},
           {R"({"deny":"::/0"})", "a deny of ::/0 would refuse"},
           {R"({"deny":"x.example","until":-1})", "has a time before 1970"},
           {R"({"deny":"x.example","note":"a\nb"})", "the note must be one line"},
           {std::string(kLineMax + 1, ' '), "is longer than 4096 octets"}}) {
    const auto parsed = parse_entry(line);
    ASSERT_FALSE(parsed) << line;
    EXPECT_TRUE(parsed.error().what.starts_with(what)) << parsed.error().what;
  }
}

}  // namespace
}  // namespace postern::access
