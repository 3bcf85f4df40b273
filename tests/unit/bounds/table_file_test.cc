#include "bounds/table_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/unique_fd.h"
#include "bounds/known_senders.h"
#include "bounds/pending.h"
#include "bounds/prefix_budgets.h"
#include "unit/bounds/support.h"

namespace postern::bounds {
namespace {

using testing::Folder;
using testing::kNow;
using testing::read_file;
using testing::told;
using testing::write_file;

constexpr std::uint64_t kBytes = 64 << 10;
constexpr TableFormat kFormat{.kind = TableKind::budgets, .version = 3, .carry_over = nullptr};

TableFile open(const std::string& path, std::uint64_t bytes = kBytes, const TableFormat& format = kFormat) {
  return TableFile::open(path, bytes, format, kNow);
}

void mark(const TableFile& table) {
  for (std::size_t i = 0; i < table.lines().size(); ++i) table.lines()[i].words[3] = i + 7;
}
bool marked(const TableFile& table) {
  for (std::size_t i = 0; i < table.lines().size(); ++i) {
    if (table.lines()[i].words[3] != i + 7) return false;
  }
  return true;
}
bool empty(const TableFile& table) {
  for (Line& line : table.lines()) {
    if (line.words != Line{}.words) return false;
  }
  return true;
}

TEST(TableFile, AMissingFileIsMadeForUsAloneWithASecretOfItsOwn) {
  const Folder folder;
  const TableFile one = open(folder.at("one"));
  const TableFile two = open(folder.at("two"));
  EXPECT_TRUE(one.on_disk());
  EXPECT_TRUE(empty(one));
  EXPECT_EQ(one.bytes(), kBytes);
  EXPECT_EQ(one.created(), kNow);
  EXPECT_NE(one.secret().k0, two.secret().k0);
  EXPECT_NE(one.secret().k1, two.secret().k1);
  EXPECT_TRUE(told(one, "made "));
  EXPECT_FALSE(one.notes()[0].trouble);
  struct stat about{};
  ASSERT_EQ(::stat(folder.at("one").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  EXPECT_EQ(static_cast<std::uint64_t>(about.st_size), kBytes + kHeaderBytes);
  EXPECT_GE(static_cast<std::uint64_t>(about.st_blocks) * 512, kBytes + kHeaderBytes);  // no holes
}

TEST(TableFile, TheSameSizeIsTakenOverAsItIs) {
  const Folder folder;
  std::uint64_t secret = 0;
  {
    const TableFile table = open(folder.at("t"));
    secret = table.secret().k0;
    mark(table);
  }
  const TableFile again = TableFile::open(folder.at("t"), kBytes, kFormat, kNow + 100);
  EXPECT_TRUE(marked(again));
  EXPECT_TRUE(again.notes().empty());
  EXPECT_EQ(again.secret().k0, secret);
  EXPECT_EQ(again.created(), kNow);
  EXPECT_EQ(again.since(), kNow);
}

TEST(TableFile, OutlivesAKill) {
  const Folder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    mark(open(folder.at("t")));
    const TableFile table = open(folder.at("t"));
    table.lines()[0].words[0] = 99;
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const TableFile table = open(folder.at("t"));
  EXPECT_TRUE(marked(table));
  EXPECT_EQ(table.lines()[0].words[0], 99U);
}

TEST(TableFile, AnotherSizeStartsEmptyWithTheSameSecretWhereNothingCanMove) {
  const Folder folder;
  std::uint64_t secret = 0;
  {
    const TableFile table = open(folder.at("t"));
    mark(table);
    secret = table.secret().k1;
  }
  const TableFile larger = TableFile::open(folder.at("t"), 2 * kBytes, kFormat, kNow + 500);
  EXPECT_TRUE(empty(larger));
  EXPECT_EQ(larger.bytes(), 2 * kBytes);
  EXPECT_EQ(larger.secret().k1, secret);
  EXPECT_EQ(larger.created(), kNow);
  EXPECT_EQ(larger.since(), kNow + 500);
  EXPECT_TRUE(told(larger, "had 64 KiB, now has 128 KiB; its entries cannot be placed anew"));
  EXPECT_EQ(std::filesystem::file_size(folder.at("t")), 2 * kBytes + kHeaderBytes);
  EXPECT_FALSE(std::filesystem::exists(folder.at("t.new")));
  EXPECT_TRUE(TableFile::open(folder.at("t"), 2 * kBytes, kFormat, kNow).notes().empty());
}

TEST(TableFile, AnotherVersionIsMigratedByItsFormatAndTheOldFileStays) {
  const Folder folder;
  mark(open(folder.at("t")));
  const auto migrate = [](const OldTable& old, TableFile& fresh, std::uint32_t) -> std::optional<std::size_t> {
    if (old.version != 3) return std::nullopt;
    for (std::size_t i = 0; i < old.lines.size(); ++i) fresh.lines()[i].words[1] = old.lines[i].words[3];
    return old.lines.size();
  };
  const TableFormat newer{.kind = TableKind::budgets, .version = 4, .carry_over = migrate};
  {
    const TableFile table = open(folder.at("t"), kBytes, newer);
    EXPECT_EQ(table.lines()[5].words[1], 12U);
    EXPECT_TRUE(told(table, "had version 3; 1024 entries were carried over"));
    EXPECT_TRUE(told(table, "the former file stays as " + folder.at("t.v3")));
  }
  EXPECT_TRUE(marked(open(folder.at("t.v3"))));
  // Back to a Postern that knows the newer version not.
  const TableFile back = open(folder.at("t"));
  EXPECT_TRUE(empty(back));
  EXPECT_TRUE(told(back, "had version 4; its entries cannot be placed anew"));
}

TEST(TableFile, WhatIsDamagedIsMovedAside) {
  const Folder folder;
  const std::string path = folder.at("t");
  mark(open(path));
  const std::string good = read_file(path);
  for (std::size_t octet = 0; octet < 68; ++octet) {
    std::string bad = good;
    bad[octet] = static_cast<char>(bad[octet] ^ 0x10);
    write_file(path, bad);
    const TableFile table = open(path);
    ASSERT_TRUE(empty(table)) << octet;
    ASSERT_TRUE(table.on_disk());
    ASSERT_TRUE(told(table, "no valid header")) << octet;
    ASSERT_EQ(read_file(folder.at("t.damaged")), bad);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{67}, std::size_t{68}, kHeaderBytes, good.size() - 1}) {
    write_file(path, good.substr(0, size));
    const TableFile table = open(path);
    ASSERT_TRUE(empty(table)) << size;
    ASSERT_TRUE(told(table, size < 68 ? "no valid header" : "has been cut")) << size;
  }
  write_file(path, good + "x");
  EXPECT_TRUE(told(open(path), "has been cut"));
  write_file(path, good);
  EXPECT_TRUE(marked(open(path)));
  const TableFile other = open(path, kBytes, {.kind = TableKind::known, .version = 3});
  EXPECT_TRUE(told(other, "a table of another kind"));
  EXPECT_TRUE(empty(other));
}

TEST(TableFile, APathThatIsNoFileLeavesMailFlowing) {
  const Folder folder;
  const TableFile at_folder = open(folder.path());
  EXPECT_FALSE(at_folder.on_disk());
  EXPECT_EQ(at_folder.bytes(), kBytes);
  EXPECT_TRUE(told(at_folder, "in memory only"));
  mark(at_folder);
  const TableFile nowhere = open(folder.at("no/such/folder/t"));
  EXPECT_FALSE(nowhere.on_disk());
  EXPECT_TRUE(nowhere.notes().back().trouble);
  ASSERT_EQ(::symlink(folder.at("elsewhere").c_str(), folder.at("link").c_str()), 0);
  EXPECT_FALSE(open(folder.at("link")).on_disk());
  EXPECT_FALSE(std::filesystem::exists(folder.at("elsewhere")));
  ASSERT_EQ(::mkfifo(folder.at("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(open(folder.at("fifo")).on_disk());
}

TEST(TableFile, TooLargeForAFileIsMemory) {
  const Folder folder;
  mark(open(folder.at("old")));
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small{.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const TableFile table = open(folder.at("t"), 4 << 20);
  const TableFile old = open(folder.at("old"), 4 << 20);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)::signal(SIGXFSZ, handler);
  EXPECT_FALSE(table.on_disk());
  EXPECT_EQ(table.bytes(), std::uint64_t{4} << 20U);
  EXPECT_TRUE(told(table, "in memory only"));
  EXPECT_FALSE(old.on_disk());
  EXPECT_TRUE(marked(open(folder.at("old"))));  // as it was
  EXPECT_FALSE(std::filesystem::exists(folder.at("t.new")));
}

TEST(TableFile, AFullDiskIsNoSigbus) {
  const Folder folder;
  const std::string mounted = folder.at("disk");
  ASSERT_TRUE(std::filesystem::create_directory(mounted));
  if (::mount("tmpfs", mounted.c_str(), "tmpfs", 0, "size=256k") != 0) GTEST_SKIP() << "only root mounts a small disk";
  // Out of sight at once, so that nothing of it stays however the test ends.
  const UniqueFd root(::open(mounted.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::umount2(mounted.c_str(), MNT_DETACH), 0);
  ASSERT_TRUE(root.valid());
  const std::string disk = "/proc/self/fd/" + std::to_string(root.get());
  {
    const TableFile fits = open(disk + "/fits", 64 << 10);
    EXPECT_TRUE(fits.on_disk());
    const TableFile does_not = open(disk + "/does_not", 1 << 20);
    EXPECT_FALSE(does_not.on_disk());
    mark(does_not);
    // A copy with holes, as some tools make it, and then a full disk: the content is in memory, where it can be
    // written.
    mark(fits);
    const std::string content = read_file(disk + "/fits");
    const int sparse = ::open((disk + "/sparse").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(sparse, 0);
    ASSERT_EQ(::pwrite(sparse, content.data(), 8192, 0), 8192);
    ASSERT_EQ(::ftruncate(sparse, static_cast<off_t>(content.size())), 0);
    ::close(sparse);
    write_file(disk + "/filler", std::string(256 << 10, 'x'));
    const TableFile copy = open(disk + "/sparse", 64 << 10);
    EXPECT_FALSE(copy.on_disk());
    EXPECT_TRUE(told(copy, "a copy of it is in memory"));
    EXPECT_EQ(copy.lines()[3].words[3], 10U);
    mark(copy);
    mark(fits);  // has all its blocks
  }
}

TEST(TableFile, ASecretThatOthersCouldReadIsTold) {
  const Folder folder;
  (void)open(folder.at("t"));
  ASSERT_EQ(::chmod(folder.at("t").c_str(), 0644), 0);
  EXPECT_TRUE(told(open(folder.at("t")), "could be read by others"));
  struct stat about{};
  ASSERT_EQ(::stat(folder.at("t").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST(TableFile, SizesAreEvenNumbersOfLinesWithinTheLimits) {
  EXPECT_EQ(TableFile::in_memory(0).bytes(), kTableBytesMin);
  EXPECT_EQ(TableFile::in_memory(10'000).bytes(), 9984U);
  EXPECT_EQ(TableFile::in_memory(10'000).lines().size() % 2, 0U);
  // More than there is memory for: the smallest stands for it, or the system gave it without blinking.
  const TableFile huge = TableFile::in_memory(~std::uint64_t{0});
  EXPECT_LE(huge.bytes(), kTableBytesMax);
}

TEST(TableFile, HeadersOfImpossibleSizesAreNone) {
  TableHeader header{.kind = 1, .version = 1, .lines = 64, .secret = {}, .created = 0, .since = 0};
  EXPECT_TRUE(TableHeader::decode(header.encode()));
  for (const std::uint64_t lines : {std::uint64_t{0}, std::uint64_t{62}, std::uint64_t{65}, std::uint64_t{1} << 40U,
                                    (std::uint64_t{1} << 58U) + 64, ~std::uint64_t{0}}) {
    header.lines = lines;
    EXPECT_FALSE(TableHeader::decode(header.encode())) << lines;
  }
}

TEST(TableFile, AMovedTableIsTheSame) {
  TableFile one = TableFile::in_memory(kBytes);
  mark(one);
  TableFile two = std::move(one);
  EXPECT_TRUE(marked(two));
  TableFile three = TableFile::in_memory(4096);
  three = std::move(two);
  EXPECT_TRUE(marked(three));
}

}  // namespace
}  // namespace postern::bounds
