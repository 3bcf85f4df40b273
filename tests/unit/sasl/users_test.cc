// The file of users: what is written reads back, what is broken is told and not overwritten.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/file.h"
#include "sasl/user_file.h"
#include "unit/temporary_folder.h"

namespace postern::sasl {
namespace {

Verifier some() { return derive("x", "0123456789abcdef", kIterationsMin); }

TEST(Users, TextReadsBack) {
  const Users users({{"alice@example.org", some()}, {"j\xC3\xBCrg@example.org", some()}});
  const ParsedUsers again = parse_users(users.text());
  EXPECT_TRUE(again.problems.empty());
  EXPECT_EQ(again.users.all(), users.all());
  ASSERT_NE(again.users.find("alice@example.org"), nullptr);
  EXPECT_EQ(again.users.find("bob@example.org"), nullptr);
  EXPECT_EQ(parse_users("").users.size(), 0U);
}

TEST(Users, TellsEachBrokenLineAndTakesTheOthers) {
  const std::string good = Users({{"alice", some()}}).text();
  const ParsedUsers parsed =
      parse_users(good + "{}\nnonsense\n" + good.substr(good.find('\n') + 1) +
                  R"({"user":"bob","iterations":1,"salt":"AAAA","stored_key":"","server_key":""})");
  EXPECT_EQ(parsed.users.size(), 1U);
  ASSERT_EQ(parsed.problems.size(), 4U);
  EXPECT_TRUE(parsed.problems[0].starts_with("3: ")) << parsed.problems[0];
  EXPECT_NE(parsed.problems[2].find("second time"), std::string::npos) << parsed.problems[2];
}

TEST(Users, AnotherFormatIsNotGuessedAt) {
  std::string text = Users({{"alice", some()}}).text();
  text.replace(text.find("users/1"), 7, "users/2");
  const ParsedUsers parsed = parse_users(text);
  EXPECT_EQ(parsed.users.size(), 0U);
  ASSERT_EQ(parsed.problems.size(), 1U);
}

TEST(Users, NamesAreCanonical) {
  EXPECT_EQ(canonical_user("Alice@Example.ORG").value_or(""), "alice@example.org");
  EXPECT_TRUE(canonical_user(std::string(kNameMax, 'a')));
  EXPECT_FALSE(canonical_user(std::string(kNameMax + 1, 'a')));
  EXPECT_FALSE(canonical_user(""));
  EXPECT_FALSE(canonical_user("a b"));
  EXPECT_FALSE(canonical_user("a\nb"));
}

TEST(UserFile, AddsChangesAndRemoves) {
  const postern::testing::TemporaryFolder folder;
  UserFile file(folder.path());
  EXPECT_EQ(file.load().users->size(), 0U);
  ASSERT_TRUE(file.set(UserFile::Change::add, "Alice@example.org", "secret"));
  const auto twice = file.set(UserFile::Change::add, "alice@example.org", "secret");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::invalid);
  auto loaded = file.load();
  const Verifier* verifier = loaded.users->find("alice@example.org");
  ASSERT_NE(verifier, nullptr);
  EXPECT_TRUE(matches(*verifier, "secret"));
  EXPECT_FALSE(matches(*verifier, "Secret"));
  EXPECT_EQ(verifier->iterations, kIterations);
  struct stat status{};
  ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto text = read_file(file.path(), 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find("secret"), std::string::npos);

  ASSERT_TRUE(file.set(UserFile::Change::password, "alice@example.org", "other"));
  EXPECT_TRUE(matches(*file.load().users->find("alice@example.org"), "other"));
  EXPECT_EQ(file.set(UserFile::Change::password, "bob@example.org", "x").error().kind, ErrorKind::not_found);
  EXPECT_EQ(file.set(UserFile::Change::add, "bob@example.org", "a\tb").error().kind, ErrorKind::invalid);
  const auto near = file.remove("alic@example.org");
  ASSERT_FALSE(near);
  EXPECT_NE(near.error().what.find("alice@example.org"), std::string::npos);
  ASSERT_TRUE(file.remove("ALICE@example.org"));
  EXPECT_EQ(file.load().users->size(), 0U);
}

TEST(UserFile, WhatCannotBeReadIsNotOverwritten) {
  const postern::testing::TemporaryFolder folder;
  UserFile file(folder.path());
  ASSERT_TRUE(file.set(UserFile::Change::add, "alice@example.org", "secret"));
  std::ofstream(file.path(), std::ios::app) << "broken\n";
  EXPECT_EQ(file.load().problems.size(), 1U);
  EXPECT_EQ(file.load().users->size(), 1U);
  EXPECT_FALSE(file.set(UserFile::Change::add, "bob@example.org", "secret"));
  EXPECT_FALSE(file.remove("alice@example.org"));
}

TEST(UserFile, TheSecretStays) {
  const postern::testing::TemporaryFolder folder;
  UserFile file(folder.path());
  const auto first = file.secret();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 32U);
  EXPECT_EQ(UserFile(folder.path()).secret().value_or(""), *first);
}

}  // namespace
}  // namespace postern::sasl
