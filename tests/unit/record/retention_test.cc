// Which files of a record folder are compressed and which are removed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "folder.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::record {
namespace {

using testing::Folder;

constexpr WallMs kNow = 1'795'243'208'000;

// A file with a body that zstd cannot shorten much, last written at `modified`.
void put(const Folder& folder, const std::string& name, std::size_t size, WallMs modified) {
  std::string body;
  std::uint32_t state = 1;
  while (body.size() + 1 < size) {
    state = state * 1664525 + 1013904223;
    body += static_cast<char>('!' + (state >> 24U) % 94);
  }
  std::ofstream(folder.at(name), std::ios::binary) << body << '\n';
  const timespec times[2] = {{modified / 1000, 0}, {modified / 1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, folder.at(name).c_str(), times, 0), 0);
}

bool never(void*) { return false; }
bool always(void*) { return true; }

std::vector<std::string> names(const Folder& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) out.push_back(entry.path().filename());
  std::ranges::sort(out);
  return out;
}
using Names = std::vector<std::string>;

TEST(RecordRetention, AgeAtItsLimit) {
  const Folder folder;
  put(folder, "20260101T000000Z.jsonl", 100, kNow - 5000);
  put(folder, "20260102T000000Z.jsonl", 100, kNow - 4000);
  put(folder, "20260103T000000Z.jsonl", 100, kNow - 3000);
  put(folder, "current.jsonl", 100, kNow - 9000);
  put(folder, "notes.txt", 100, kNow - 9000);
  ASSERT_TRUE(tidy_records(folder.path(), {kNow - 4000, 1 << 30}, never, nullptr));
  // Compression kept the time, so that the second file is as old as it was: just young enough.
  EXPECT_EQ(names(folder),
            (Names{"20260102T000000Z.jsonl.zst", "20260103T000000Z.jsonl.zst", "current.jsonl", "notes.txt"}));
}

TEST(RecordRetention, SizeAtItsLimit) {
  const Folder folder;
  for (const char* name : {"20260101T000000Z.jsonl", "20260101T000000Z-2.jsonl", "20260102T000000Z.jsonl"}) {
    put(folder, name, 5000, kNow);
  }
  put(folder, "current.jsonl", 3000, kNow);
  ASSERT_TRUE(tidy_records(folder.path(), {0, 1 << 30}, never, nullptr));
  std::uint64_t total = 0;
  const auto files = list_record_files(folder.path());
  ASSERT_TRUE(files);
  for (const RecordFile& file : *files) total += file.size;
  ASSERT_EQ(files->size(), 4U);
  ASSERT_TRUE(tidy_records(folder.path(), {0, total}, never, nullptr));
  EXPECT_EQ(names(folder).size(), 4U);
  ASSERT_TRUE(tidy_records(folder.path(), {0, total - 1}, never, nullptr));  // the oldest goes
  EXPECT_EQ(names(folder), (Names{"20260101T000000Z-2.jsonl.zst", "20260102T000000Z.jsonl.zst", "current.jsonl"}));
  ASSERT_TRUE(tidy_records(folder.path(), {0, 0}, never, nullptr));  // but never the one that is written
  EXPECT_EQ(names(folder), (Names{"current.jsonl"}));
}

TEST(RecordRetention, AnInterruptedCompressionLosesNothing) {
  const Folder folder;
  put(folder, "20260101T000000Z.jsonl", 100, kNow);
  ASSERT_TRUE(tidy_records(folder.path(), {0, 1 << 30}, always, nullptr));
  EXPECT_EQ(names(folder), (Names{"20260101T000000Z.jsonl"}));
  EXPECT_FALSE(compress_file(folder.at("20260101T000000Z.jsonl"), always, nullptr));
  EXPECT_EQ(names(folder), (Names{"20260101T000000Z.jsonl"}));  // no remains of it
  // A crash left both: the plain one is whole, and is what readers see.
  std::ofstream(folder.at("20260101T000000Z.jsonl.zst")) << "half";
  const auto files = list_record_files(folder.path());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 1U);
  EXPECT_FALSE(files->front().compressed);
  ASSERT_TRUE(tidy_records(folder.path(), {0, 1 << 30}, never, nullptr));
  EXPECT_EQ(names(folder), (Names{"20260101T000000Z.jsonl.zst"}));
  std::size_t size = 0;
  ASSERT_TRUE(read_records(folder.path(), [&](std::string_view line) {
    size = line.size();
    return true;
  }));
  EXPECT_EQ(size, 99U);
}

TEST(RecordRetention, TheWriterTidiesWhenItStarts) {
  const Folder folder;
  put(folder, "20200101T000000Z.jsonl", 100, 1'577'836'800'000);
  put(folder, "20260101T000000Z.jsonl", 100, wall_now());
  const auto writer = Writer::open({.directory = folder.path()});
  ASSERT_TRUE(writer);
  const Names wanted = {"20260101T000000Z.jsonl.zst", "current.jsonl"};
  const Deadline deadline = Deadline::after(seconds(60));
  while (names(folder) != wanted && !deadline.passed(Clock::now())) std::this_thread::yield();
  EXPECT_EQ(names(folder), wanted);
}

TEST(RecordRetention, AFolderThatIsNotThereIsAnError) {
  const Folder folder;
  const auto tidied = tidy_records(folder.at("none"), {0, 0}, never, nullptr);
  ASSERT_FALSE(tidied);
  EXPECT_NE(tidied.error().what.find("none"), std::string::npos);
}

}  // namespace
}  // namespace postern::record
