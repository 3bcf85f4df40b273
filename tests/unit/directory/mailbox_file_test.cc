#include "directory/mailbox_file.h"

#include <gtest/gtest.h>

#include "directory/mailbox_set.h"

namespace postern::directory {
namespace {

struct Parsed {
  std::vector<std::string> names;
  std::vector<Error> problems;
};

Parsed parse(std::string_view text) {
  Parsed out;
  parse_mailboxes(text, "boxes", [&](std::string_view name) { out.names.emplace_back(name); }, out.problems);
  return out;
}

using Names = std::vector<std::string>;

TEST(MailboxFile, OneLocalPartALine) {
  const Parsed parsed = parse("# staff\nalice\n\n  bob  \t# the other one\r\nsales#1\n\"john doe\"\nj\xC3\xBCrgen");
  EXPECT_EQ(parsed.names, (Names{"alice", "bob", "sales#1", "john doe", "j\xC3\xBCrgen"}));
  EXPECT_TRUE(parsed.problems.empty());
}

TEST(MailboxFile, AByteOrderMarkIsNoPartOfTheFirstName) {
  EXPECT_EQ(parse("\xEF\xBB\xBF"
                  "alice\n")
                .names,
            (Names{"alice"}));
}

TEST(MailboxFile, EachBadLineIsNamedWithItsPlace) {
  const Parsed parsed = parse("alice\nbob@example.org\n..\njohn doe\ncarol\n\xFF\xFE\n");
  EXPECT_EQ(parsed.names, (Names{"alice", "carol"}));
  ASSERT_EQ(parsed.problems.size(), 4U);
  EXPECT_EQ(parsed.problems[0].what,
            "boxes:2: \"bob@example.org\" is an address; write what stands before the @ alone");
  EXPECT_TRUE(parsed.problems[1].what.starts_with("boxes:3: \"..\" is not the local part of an address"));
  EXPECT_TRUE(parsed.problems[2].what.starts_with("boxes:4: \"john doe\" is not the local part of an address"));
  EXPECT_EQ(parsed.problems[3].what, "boxes:6: \"\\xff\\xfe\" is not UTF-8");
}

TEST(MailboxFile, ALocalPartHasAtMost64Octets) {
  EXPECT_TRUE(parse_local_part(std::string(64, 'a')));
  EXPECT_FALSE(parse_local_part(std::string(65, 'a')));
  EXPECT_TRUE(parse_local_part("\"" + std::string(31, 'a') + " " + std::string(30, 'b') + "\""));
  EXPECT_FALSE(parse_local_part("\"" + std::string(40, 'a') + " " + std::string(40, 'b') + "\""));
  EXPECT_FALSE(parse_local_part(""));
}

TEST(MailboxFile, ManyBadLinesAreCounted) {
  std::string text;
  for (std::size_t i = 0; i < kProblemsMax + 7; ++i) text += "a b\n";
  const Parsed parsed = parse(text);
  ASSERT_EQ(parsed.problems.size(), kProblemsMax + 1);
  EXPECT_EQ(parsed.problems.back().what, "boxes: and 7 more bad lines");
}

TEST(MailboxFile, AnEmptyFileIsAnErrorBecauseItWouldRefuseAllMail) {
  for (const char* text : {"", "\n\n", "# nobody\n"}) {
    const Parsed parsed = parse(text);
    ASSERT_EQ(parsed.problems.size(), 1U) << text;
    EXPECT_NE(parsed.problems[0].what.find("holds no mailbox"), std::string::npos);
  }
}

TEST(MailboxFile, AMissingFileIsNamed) {
  std::vector<Error> problems;
  read_mailboxes("/nonexistent/boxes", [](std::string_view) {}, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].what,
            "opening mailboxes_file /nonexistent/boxes: No such file or directory; write that file, or remove the key");
}

TEST(MailboxSet, HoldsWhatWasPutIn) {
  MailboxSet set;
  EXPECT_EQ(set.first(), "");
  EXPECT_FALSE(set.contains("alice"));
  EXPECT_TRUE(set.insert("alice"));
  EXPECT_FALSE(set.insert("alice"));
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(set.insert("user" + std::to_string(i)));
  EXPECT_EQ(set.size(), 5001U);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(set.contains("user" + std::to_string(i)));
  EXPECT_FALSE(set.contains("user5000"));
  EXPECT_FALSE(set.contains(""));
  EXPECT_FALSE(set.contains(std::string(300, 'a')));
  EXPECT_EQ(set.first(), "alice");
  EXPECT_EQ(set.names(2), (Names{"alice", "user0"}));
  EXPECT_TRUE(set.insert(std::string(MailboxSet::kNameMax, 'x')));
  EXPECT_TRUE(set.contains(std::string(MailboxSet::kNameMax, 'x')));
}

}  // namespace
}  // namespace postern::directory
