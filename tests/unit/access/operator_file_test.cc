#include "access/operator_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "base/unique_fd.h"
#include "unit/temporary_folder.h"

namespace postern::access {
namespace {

using evidence::value::Operator;

constexpr WallMs kNow = 1795000000000;

Entry entry(const std::string& subject, Operator word, WallMs until = 0) {
  auto parsed = parse_subject(subject);
  EXPECT_TRUE(parsed) << subject;
  parsed->word = word;
  parsed->since = kNow;
  parsed->until = until;
  return *parsed;
}

class OperatorFiles : public ::testing::Test {
 protected:
  void write(const std::string& text) const { own_.write("operator.jsonl", text); }
  [[nodiscard]] std::string text() const { return own_.read("operator.jsonl"); }
  postern::testing::TemporaryFolder own_;
  std::string folder_ = own_.path();
};

TEST_F(OperatorFiles, NoneIsAnEmptyList) {
  const OperatorFile file(folder_);
  const auto loaded = file.load();
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.list->size(), 0U);
}

TEST_F(OperatorFiles, ChangesAreThereForTheNextOne) {
  OperatorFile file(folder_);
  const auto first = file.add(entry("2001:db8::/32", Operator::deny), kNow);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_FALSE(first->before.has_value());
  EXPECT_EQ(first->list->size(), 1U);
  const auto second = file.add(entry("bob@example.org", Operator::allow, kNow + 5), kNow);
  ASSERT_TRUE(second);
  EXPECT_GT(second->sequence, first->sequence);
  EXPECT_EQ(text(),
            "{\"deny\":\"2001:db8::/32\",\"since\":1795000000000}\n"
            "{\"allow\":\"bob@example.org\",\"since\":1795000000000,\"until\":1795000000005}\n");
  struct stat status{};
  ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(file.path() + ".new"));
  OperatorFile other(folder_);
  EXPECT_EQ(other.load().list->size(), 2U);
  const auto changed = other.add(entry("2001:db8::/32", Operator::allow), kNow);
  ASSERT_TRUE(changed);
  ASSERT_TRUE(changed->before.has_value());
  EXPECT_EQ(changed->before->word, Operator::deny);
  EXPECT_EQ(file.load().list->find("2001:db8::/32")->word, Operator::allow);
}

TEST_F(OperatorFiles, WhatIsOverLeavesWithTheNextChange) {
  OperatorFile file(folder_);
  ASSERT_TRUE(file.add(entry("a.example", Operator::deny, kNow + 5), kNow));
  const auto again = file.add(entry("a.example", Operator::allow, kNow + 99), kNow + 5);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->before.has_value()) << "it was as none";
  const auto other = file.add(entry("b.example", Operator::deny), kNow + 99);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->list->size(), 1U);
}

TEST_F(OperatorFiles, Removing) {
  OperatorFile file(folder_);
  ASSERT_TRUE(file.add(entry("192.0.2.0/24", Operator::deny), kNow));
  const auto missing = file.remove("192.0.3.0/24", kNow);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_EQ(missing.error().what, "there is no entry for 192.0.3.0/24; did you mean 192.0.2.0/24?");
  EXPECT_EQ(file.remove("no name", kNow).error().kind, ErrorKind::invalid);
  const auto removed = file.remove("::ffff:192.0.2.0/120", kNow);
  ASSERT_TRUE(removed) << removed.error().what;
  EXPECT_EQ(removed->before->word, Operator::deny);
  EXPECT_EQ(removed->list->size(), 0U);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(file.remove("192.0.2.0/24", kNow).error().what,
            "there is no entry for 192.0.2.0/24; see what there is with --list");
}

TEST_F(OperatorFiles, ALineThatCannotBeReadIsToldAndNothingIsLost) {
  const std::string bad = "{\"deny\":\"192.0.2.1\"}\n\nnonsense\n{\"deny\":\"::/0\"}\n{\"allow\":\"a.example\"}\n";
  write(bad);
  OperatorFile file(folder_);
  const auto loaded = file.load();
  EXPECT_EQ(loaded.list->size(), 2U);
  ASSERT_EQ(loaded.problems.size(), 2U);
  EXPECT_TRUE(loaded.problems[0].what.starts_with(file.path() + ":3: the line is not JSON: "))
      << loaded.problems[0].what;
  EXPECT_TRUE(loaded.problems[1].what.starts_with(file.path() + ":4: the line a deny of ::/0 would refuse"))
      << loaded.problems[1].what;
  const auto change = file.add(entry("b.example", Operator::deny), kNow);
  ASSERT_FALSE(change);
  EXPECT_TRUE(change.error().what.starts_with(
      "nothing is changed, because what cannot be read would be lost: " + file.path() + ":3: "))
      << change.error().what;
  EXPECT_FALSE(file.remove("a.example", kNow));
  EXPECT_EQ(text(), bad);
  std::string many;
  for (std::size_t i = 0; i < kFileProblemsMax + 3; ++i) many += "x\n";
  write(many);
  const auto problems = file.load().problems;
  ASSERT_EQ(problems.size(), kFileProblemsMax + 1);
  EXPECT_EQ(problems.back().what, file.path() + ": and 3 more problems");
}

TEST_F(OperatorFiles, ThereIsALimit) {
  std::string lines;
  const auto name = [](std::size_t i) {
    return "10." + std::to_string(i >> 16U) + "." + std::to_string((i >> 8U) & 255U) + "." + std::to_string(i & 255U);
  };
  for (std::size_t i = 0; i < kEntriesMax - 1; ++i) lines += "{\"deny\":\"" + name(i) + "\"}\n";
  write(lines);
  OperatorFile file(folder_);
  const auto last = file.add(entry("a.example", Operator::allow), kNow);
  ASSERT_TRUE(last) << last.error().what;
  EXPECT_EQ(last->list->size(), kEntriesMax);
  const auto beyond = file.add(entry("b.example", Operator::allow), kNow);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().kind, ErrorKind::limit);
  EXPECT_TRUE(file.add(entry("a.example", Operator::deny), kNow)) << "an entry that is there may change";
  write(text() + "{\"deny\":\"b.example\"}\n{\"deny\":\"c.example\"}\n");
  const auto loaded = file.load();
  EXPECT_EQ(loaded.list->size(), kEntriesMax);
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].what, file.path() + ":100001: is beyond the 100000 entries that there may be");
}

TEST_F(OperatorFiles, SeveralMayChangeItSideBySide) {
  constexpr int kEach = 20;
  const auto work = [this](const std::string& name) {
    OperatorFile file(folder_);
    for (int i = 0; i < kEach; ++i) {
      EXPECT_TRUE(file.add(entry(name + std::to_string(i) + ".example", Operator::deny), kNow));
    }
  };
  std::thread one(work, "a");
  std::thread two(work, "b");
  one.join();
  two.join();
  EXPECT_EQ(OperatorFile(folder_).load().list->size(), 2U * kEach);
}

TEST_F(OperatorFiles, AFolderThatIsNotThereIsAnError) {
  OperatorFile file("/nonexistent/var");
  const auto change = file.add(entry("a.example", Operator::deny), kNow);
  ASSERT_FALSE(change);
  EXPECT_EQ(change.error().kind, ErrorKind::storage);
  EXPECT_EQ(change.error().what, "opening /nonexistent/var/operator.lock: No such file or directory");
}

}  // namespace
}  // namespace postern::access
