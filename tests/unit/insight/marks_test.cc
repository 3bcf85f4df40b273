#include "insight/marks.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "traffic.h"

namespace postern::insight {
namespace {

using testing::Folder;

TEST(Marks, TheLastWordOfAnIdHolds) {
  const Folder folder;
  const std::string file = folder.at("marks.jsonl");
  const Id one = Id::make(1);
  const Id two = Id::make(2);
  EXPECT_TRUE(Marks::read(file)->empty());
  ASSERT_TRUE(append_mark(file, {one, MarkWord::spam, "phishing\n\"quoted\""}, 1'795'243'208'123));
  ASSERT_TRUE(append_mark(file, {two, MarkWord::ham, ""}, 1'795'243'208'123));
  ASSERT_TRUE(append_mark(file, {one, MarkWord::ham, std::string(9999, 'n')}, 1'795'243'208'123));
  const auto marks = Marks::read(file);
  ASSERT_TRUE(marks);
  EXPECT_EQ(marks->size(), 2U);
  EXPECT_EQ(*marks->find(one), MarkWord::ham);
  EXPECT_EQ(*marks->find(two.text()), MarkWord::ham);
  EXPECT_EQ(marks->find(Id::make(3)), nullptr);
  EXPECT_EQ(marks->find("no id"), nullptr);
  EXPECT_EQ(marks->skipped(), 0U);
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_NE(folder.read("marks.jsonl").find(R"("time":"2026-11-21T06:40:08.123Z","note":"phishing\n\"quoted\"")"),
            std::string::npos);
}

TEST(Marks, ACutLineIsEndedAndCounted) {
  const Folder folder;
  folder.write("marks.jsonl", R"({"id":"M7YDGB6VQ0N6K727","mark":"sp)");
  ASSERT_TRUE(append_mark(folder.at("marks.jsonl"), {Id::make(1), MarkWord::spam, ""}, 0));
  folder.write("more.jsonl", folder.read("marks.jsonl") + "{\"id\":\"short\",\"mark\":\"spam\"}\n" +
                                 R"({"id":"M7YDGB6VQ0N6K727","mark":"perhaps"})" + "\n");
  EXPECT_EQ(Marks::read(folder.at("marks.jsonl"))->skipped(), 1U);
  const auto marks = Marks::read(folder.at("more.jsonl"));
  EXPECT_EQ(marks->size(), 1U);
  EXPECT_EQ(marks->skipped(), 3U);
}

TEST(Marks, ManyWritersLoseNothing) {
  const Folder folder;
  const std::string file = folder.at("marks.jsonl");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&file, t] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(append_mark(file, {Id::make(t * 100 + i), MarkWord::ham, "x"}, 0));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Marks::read(file)->size(), 80U);
}

TEST(Marks, AFolderThatIsNotThereIsAnError) {
  const auto done = append_mark("/nonexistent/marks.jsonl", {Id::make(1), MarkWord::ham, ""}, 0);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("/nonexistent/marks.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace postern::insight
