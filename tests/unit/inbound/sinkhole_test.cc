#include "inbound/sinkhole.h"
#include "unit/temporary_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <vector>

namespace postern::inbound {
namespace {

namespace fs = std::filesystem;

constexpr WallMs kNow = 1795242808000;  // 2026-11-21T06:33:28Z
constexpr WallMs kDay = 24LL * 3600 * 1000;
constexpr std::uint64_t kBlock = 4096;

// Ids in the order of their making, whatever the clock says.
Id id_at(WallMs time) {
  Id id = Id::make(time);
  static std::uint8_t serial = 0;
  id.bytes[5] = ++serial;
  return id;
}

class Sinkhole : public ::testing::Test {
 protected:
  // Runs the coroutine that `function` gives on a loop, to its end.
  void run(const std::function<Task<void>()>& function) {
    io::Loop loop;
    io::Scope scope(loop);
    loop.post([&] { scope.spawn(ending(loop, function())); });
    loop.run();
  }
  static Task<void> ending(io::Loop& loop, Task<void> task) {
    co_await std::move(task);
    loop.stop();
  }
  static Task<void> keep(SinkholeStore& store, Id id, WallMs now, std::string text, Result<std::string>& path) {
    const auto body = store.begin(id, now);
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view piece = rest.substr(0, 50000);
      static_cast<void>(co_await body->append(piece));
      rest.remove_prefix(piece.size());
    }
    path = co_await body->finish();
  }
  Result<std::string> keep_one(SinkholeStore& store, WallMs now, const std::string& text) {
    Result<std::string> path;
    run([&] { return keep(store, id_at(now), now, text, path); });
    return path;
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> out;
    if (!fs::exists(folder_)) return out;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) out.push_back(entry.path().string());
    }
    std::ranges::sort(out);
    return out;
  }
  static std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  postern::testing::TemporaryFolder own_;
  std::string folder_ = own_.at("sinkhole");
  std::optional<io::BlockingPool> pool_{std::in_place, 1};  // one thread: jobs end in their order
};

TEST_F(Sinkhole, KeepsTheOctetsAsTheyCame) {
  SinkholeStore store(folder_, *pool_, {});
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, SinkholeBody::kPieceSize - 1, SinkholeBody::kPieceSize,
                                 3 * SinkholeBody::kPieceSize + 7}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31);
    const auto path = keep_one(store, kNow, text);
    ASSERT_TRUE(path) << path.error().what;
    EXPECT_TRUE(path->starts_with(folder_ + "/20261121/") && path->ends_with(".eml")) << *path;
    EXPECT_EQ(content(*path), text);
    struct stat status{};
    ASSERT_EQ(::stat(path->c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
  }
  for (const std::string& folder : {folder_, folder_ + "/20261121"}) {
    struct stat status{};
    ASSERT_EQ(::stat(folder.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0700U);
  }
  EXPECT_EQ(files().size(), 5U);
  EXPECT_EQ(store.bytes(), (1 + 1 + 16 + 16 + 49) * kBlock) << "whole blocks";
}

TEST_F(Sinkhole, WhatIsNotFinishedLeavesNothing) {
  SinkholeStore store(folder_, *pool_, {});
  run([&]() -> Task<void> {
    return [](SinkholeStore& s) -> Task<void> {
      const auto body = s.begin(Id::make(kNow), kNow);
      const auto done = co_await body->append(std::string(200000, 'x'));
      EXPECT_TRUE(done);
      EXPECT_GT(s.bytes(), 190000U);
    }(store);
  });
  pool_.reset();  // finishes what was queued
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(store.bytes(), 0U);
}

TEST_F(Sinkhole, TheOldestGoFirst) {
  SinkholeStore store(folder_, *pool_, {.bytes = 4 * kBlock, .days = 30});
  std::vector<std::string> paths;
  for (int i = 0; i < 4; ++i) paths.push_back(keep_one(store, kNow + i * kDay, "m").value());
  EXPECT_EQ(files().size(), 4U);
  EXPECT_EQ(store.bytes(), 4 * kBlock);
  paths.push_back(keep_one(store, kNow + 3 * kDay, std::string(kBlock + 1, 'x')).value());
  EXPECT_EQ(files(), (std::vector<std::string>{paths[2], paths[3], paths[4]}));
  EXPECT_EQ(store.bytes(), 4 * kBlock);
}

TEST_F(Sinkhole, AMessageThatCannotFitIsGivenUpAndTheErrorStays) {
  SinkholeStore store(folder_, *pool_, {.bytes = 16 * kBlock, .days = 30});
  ASSERT_TRUE(keep_one(store, kNow, "m"));
  const auto large = keep_one(store, kNow, std::string(16 * kBlock + 1, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().kind, ErrorKind::limit);
  EXPECT_EQ(large.error().what, "the message is larger than the sinkhole's bodies_bytes (64 KiB)");
  ASSERT_TRUE(keep_one(store, kNow, std::string(16 * kBlock, 'x'))) << "what was given up counts no more";
  EXPECT_EQ(store.bytes(), 16 * kBlock);
}

TEST_F(Sinkhole, AgeEndsThem) {
  SinkholeStore store(folder_, *pool_, {.bytes = 1 << 20, .days = 2});
  ASSERT_TRUE(keep_one(store, kNow, "old"));
  const auto kept = keep_one(store, kNow + kDay, "young");
  run([&] { return store.sweep(kNow + 2 * kDay); });
  EXPECT_EQ(files().size(), 2U);
  run([&] { return store.sweep(kNow + 3 * kDay); });
  EXPECT_EQ(files(), (std::vector<std::string>{kept.value()}));
  EXPECT_FALSE(fs::exists(folder_ + "/20261121"));
  EXPECT_EQ(store.bytes(), kBlock);
  // Who begins a body sees to it too.
  ASSERT_TRUE(keep_one(store, kNow + 9 * kDay, "new"));
  pool_.reset();
  EXPECT_EQ(files().size(), 1U);
}

TEST_F(Sinkhole, AnotherProcessFindsWhatIsThere) {
  std::string first;
  {
    SinkholeStore store(folder_, *pool_, {});
    first = keep_one(store, kNow, "m").value();
    ASSERT_TRUE(keep_one(store, kNow + kDay, "m"));
  }
  std::ofstream(folder_ + "/20261121/" + Id::make(kNow).text() + ".part") << "half";
  std::ofstream(folder_ + "/20261121/notes.txt") << "the operator's own";
  SinkholeStore store(folder_, *pool_, {.bytes = 2 * kBlock, .days = 30});
  ASSERT_TRUE(keep_one(store, kNow + 2 * kDay, "m"));
  EXPECT_FALSE(fs::exists(first));
  EXPECT_TRUE(fs::exists(folder_ + "/20261121/notes.txt"));
  EXPECT_EQ(files().size(), 3U);
  EXPECT_EQ(store.bytes(), 2 * kBlock);
  store.set_bounds({.bytes = kBlock, .days = 30});
  run([&] { return store.sweep(kNow + 2 * kDay); });
  EXPECT_EQ(store.bytes(), kBlock);
}

TEST_F(Sinkhole, OneIdTwiceIsOneFile) {
  SinkholeStore store(folder_, *pool_, {});
  const Id id = Id::make(kNow);
  Result<std::string> path;
  run([&] { return keep(store, id, kNow, std::string(3 * kBlock, 'x'), path); });
  run([&] { return keep(store, id, kNow, "second", path); });
  ASSERT_TRUE(path);
  EXPECT_EQ(content(*path), "second");
  EXPECT_EQ(store.bytes(), kBlock);
}

TEST_F(Sinkhole, ADiskThatFailsIsAnErrorOfTheBody) {
  std::ofstream(fs::path(folder_).string()) << "a file where the folder should be";
  SinkholeStore store(folder_, *pool_, {});
  const auto path = keep_one(store, kNow, "m");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().kind, ErrorKind::storage);
  EXPECT_EQ(store.bytes(), 0U);
}

}  // namespace
}  // namespace postern::inbound
