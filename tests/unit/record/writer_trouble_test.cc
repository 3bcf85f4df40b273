// The writer where time passes and disks fail: rotation by day, a write cut short, nobody who takes the octets.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"
#include "folder.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::record {
namespace {

using testing::counter;
using testing::Folder;
using testing::refused;

constexpr WallMs kMidnight = 1'795'219'200'000;  // 2026-11-21T00:00:00Z
std::atomic<WallMs> g_now{kMidnight};
WallMs test_clock() { return g_now.load(); }

std::vector<std::int64_t> numbers(const std::string& path) {
  std::vector<std::int64_t> out;
  const auto count = read_records(path, [&](std::string_view line) {
    const auto value = json::parse(line);
    out.push_back(value ? value->at("commands").integer(-1) : -2);
    return true;
  });
  EXPECT_TRUE(count) << (count ? "" : count.error().what);
  return out;
}

using Numbers = std::vector<std::int64_t>;

TEST(RecordWriter, RotatesWhenTheUtcDayEnds) {
  const Folder folder;
  const std::string directory = folder.at("records");
  g_now = kMidnight - 1;
  const auto writer = Writer::open({.directory = directory, .now = test_clock});
  ASSERT_TRUE(writer);
  const auto put = [&](std::uint32_t number) {
    (*writer)->append(refused(number));
    (*writer)->flush();
  };
  put(1);
  put(2);
  EXPECT_EQ(numbers(directory + "/current.jsonl"), (Numbers{1, 2}));
  g_now = kMidnight;
  put(3);
  put(4);
  EXPECT_EQ(numbers(directory + "/current.jsonl"), (Numbers{3, 4}));
  EXPECT_EQ(numbers(directory), (Numbers{1, 2, 3, 4}));
  const auto files = list_record_files(directory);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ(files->front().stem, "20261121T000000Z");
}

TEST(RecordWriter, AnEmptyFileBelongsToTheDayOfItsFirstRecord) {
  const Folder folder;
  const std::string directory = folder.at("records");
  g_now = kMidnight - 1;
  const auto writer = Writer::open({.directory = directory, .now = test_clock});
  ASSERT_TRUE(writer);
  g_now = kMidnight;
  for (const std::uint32_t number : {1U, 2U}) {
    (*writer)->append(refused(number));
    (*writer)->flush();
  }
  EXPECT_EQ(numbers(directory + "/current.jsonl"), (Numbers{1, 2}));
}

// The process may write no file beyond `octets` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t octets) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = octets;
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &now), 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(RecordWriter, AWriteCutShortLeavesWholeLines) {
  const Folder folder;
  const std::string directory = folder.at("records");
  const auto writer = Writer::open({.directory = directory});
  ASSERT_TRUE(writer);
  std::string line;
  append_json(refused(1), line);
  const std::int64_t dropped = counter("postern_records_dropped_total");
  const std::int64_t written = counter("postern_records_written_total");
  {
    const FileSizeLimit limit(3 * line.size() + line.size() / 2);
    for (std::uint32_t i = 1; i <= 9; ++i) (*writer)->append(refused(i));
    (*writer)->flush();
  }
  EXPECT_EQ(numbers(directory), (Numbers{1, 2, 3}));
  EXPECT_EQ(counter("postern_records_dropped_total") - dropped, 6);
  EXPECT_EQ(counter("postern_records_written_total") - written, 3);
  // The disk is well again: nothing stands between the lines.
  (*writer)->append(refused(8));
  (*writer)->flush();
  EXPECT_EQ(numbers(directory), (Numbers{1, 2, 3, 8}));
}

TEST(RecordWriter, ALineCutByAFormerProcessIsEndedOnTheSickDiskToo) {
  const Folder folder;
  const std::string directory = folder.at("records");
  std::filesystem::create_directory(directory);
  std::ofstream(directory + "/current.jsonl") << "{\"commands\":9}\n{\"comm";
  const auto size = std::filesystem::file_size(directory + "/current.jsonl");
  std::unique_ptr<Writer> writer;
  {
    const FileSizeLimit limit(size);  // not even the newline fits
    auto opened = Writer::open({.directory = directory});
    ASSERT_TRUE(opened) << opened.error().what;
    writer = std::move(*opened);
    writer->append(refused(1));
    writer->flush();
  }
  writer->append(refused(2));
  writer->flush();
  EXPECT_EQ(numbers(directory), (Numbers{9, -2, 2}));
}

// A pipe in the file's place takes 64 KiB and then nothing, so that records must wait.
TEST(RecordWriter, PastItsMemoryRecordsAreDroppedAndCounted) {
  const Folder folder;
  const std::string pipe = folder.at("current.jsonl");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader.valid());
  auto writer = Writer::open({.directory = folder.path(), .rotate_bytes = UINT64_MAX, .now = test_clock});
  ASSERT_TRUE(writer) << writer.error().what;

  SessionRecord large = refused(1);
  large.transactions.assign(kTransactionsMax, large.transactions.front());
  for (auto& transaction : large.transactions) transaction.recipients.assign(90, transaction.recipients.front());
  std::string line;
  append_json(large, line);
  const std::int64_t before = counter("postern_records_dropped_total");
  const auto dropped = [&] { return counter("postern_records_dropped_total") - before; };
  // One batch may have left the waiting room for the pipe; twice its room is surely too much.
  const auto enough = static_cast<std::int64_t>(2 * kPendingMax / line.size() + 2);
  std::int64_t appended = 0;
  while (dropped() == 0 && appended < enough) {
    (*writer)->append(large);
    ++appended;
  }
  EXPECT_EQ(dropped(), 1);
  EXPECT_GE(appended, static_cast<std::int64_t>(kPendingMax / line.size()));
  (*writer)->append(large);
  ++appended;
  EXPECT_EQ(dropped(), 2);  // it returned at once, and still nobody reads

  ASSERT_EQ(::fcntl(reader.get(), F_SETFL, 0), 0);
  std::int64_t lines = 0;
  std::uint64_t octets = 0;
  std::thread drain([&] {
    std::array<char, 65536> block{};
    for (;;) {
      const ssize_t n = ::read(reader.get(), block.data(), block.size());
      if (n <= 0) return;
      octets += static_cast<std::uint64_t>(n);
      lines += std::count(block.begin(), block.begin() + n, '\n');
    }
  });
  (*writer)->flush();
  writer->reset();
  drain.join();
  EXPECT_EQ(lines, appended - 2);
  EXPECT_EQ(octets, static_cast<std::uint64_t>(lines) * line.size());
}

}  // namespace
}  // namespace postern::record
