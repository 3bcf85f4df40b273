// Design invariant 1: what was acknowledged is there after the power was cut at any moment; what was not committed, or
// was refused, is not.
#include <gtest/gtest.h>

#include "workload.h"

namespace postern::spool::test {
namespace {

// ThreadSanitizer looks for races, of which each day has its fill; every cut is for the other builds.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr std::size_t kStep = 9;
#else
constexpr std::size_t kStep = 1;
#endif
#else
constexpr std::size_t kStep = 1;
#endif

std::size_t count_moved(const std::vector<std::string>& files) {
  return static_cast<std::size_t>(
      std::ranges::count_if(files, [](const std::string& file) { return file.starts_with("/spool/deferred/"); }));
}

// Opens what is left of the disk after a cut behind each of the operations, and checks it.
void cut_everywhere(const MemoryDisk& disk, const Workload& workload, unsigned seeds) {
  const std::vector<MemoryDisk::Op> ops = disk.log();
  for (std::size_t count = 0; count <= ops.size(); count += kStep) {
    for (unsigned seed = 1; seed <= seeds; ++seed) {
      const std::string where = "cut behind operation " + std::to_string(count) + " of " + std::to_string(ops.size()) +
                                ", seed " + std::to_string(seed);
      const auto left = disk.after_power_cut(ops, count, static_cast<unsigned>(count) * 7 + seed);
      left->add_directory("");
      auto store = open_journal_on(small_options(), *left, kQuick);
      ASSERT_TRUE(store) << where << ": " << store.error().what;
      workload.check(**store, count, where);
      (*store)->close();
      if (testing::Test::HasFailure()) return;
    }
  }
}

void run_day(std::size_t messages, std::size_t together, unsigned seeds) {
  MemoryDisk disk;
  disk.add_directory("");
  auto store = open_journal_on(small_options(), disk, kQuick);
  ASSERT_TRUE(store) << store.error().what;
  io::Loop loop;
  Workload workload(disk, **store, loop);
  (void)run(loop, workload.day(messages, together));
  // The old ones that are still there have all moved before the day ends.
  EXPECT_TRUE(disk.wait_until([](const auto& files) { return count_moved(files) > 2; }));
  (*store)->close();
  cut_everywhere(disk, workload, seeds);
}

TEST(PowerCut, OneMessageAfterTheOther) { run_day(24, 1, 2); }
TEST(PowerCut, ManyAtOnce) { run_day(70, 10, 3); }

TEST(PowerCut, TwiceInARow) {
  // The second life of a spool must not trip over what the first one left half done.
  MemoryDisk first;
  first.add_directory("");
  auto store = open_journal_on(small_options(), first, kQuick);
  ASSERT_TRUE(store);
  io::Loop loop;
  Workload day(first, **store, loop);
  (void)run(loop, day.day(30, 6));
  (*store)->close();
  const auto ops = first.log();
  for (std::size_t count = 10; count < ops.size(); count += 13) {
    auto second = first.after_power_cut(ops, count, static_cast<unsigned>(count));
    second->add_directory("");
    std::set<Id> after_first;
    {
      auto again = open_journal_on(small_options(), *second, kQuick);
      ASSERT_TRUE(again) << again.error().what;
      for (const QueuedMessage& message : (*again)->list(std::nullopt, SIZE_MAX)) after_first.insert(message.id);
      (*again)->close();
    }
    auto third = open_journal_on(small_options(), *second, kQuick);
    ASSERT_TRUE(third) << third.error().what;
    day.check(**third, count, "second recovery, cut " + std::to_string(count));
    std::set<Id> after_second;
    for (const QueuedMessage& message : (*third)->list(std::nullopt, SIZE_MAX)) after_second.insert(message.id);
    EXPECT_EQ(after_first, after_second);
    (*third)->close();
    if (HasFailure()) return;
  }
}

TEST(PowerCut, ASpoolThatWasClosedIsAllThere) {
  MemoryDisk disk;
  disk.add_directory("");
  std::map<Id, Promise> promises;
  auto store = open_journal_on(small_options(), disk, kQuick);
  ASSERT_TRUE(store);
  io::Loop loop;
  Workload workload(disk, **store, loop);
  (void)run(loop, workload.day(40, 8));
  std::vector<Envelope> before;
  for (const QueuedMessage& message : (*store)->list(std::nullopt, SIZE_MAX)) {
    before.push_back((*store)->load(message.id).value());
  }
  ASSERT_GT(before.size(), 10U);
  (*store)->close();
  const auto left = disk.after_power_cut(disk.log(), disk.operations(), 1);
  left->add_directory("");
  auto again = open_journal_on(small_options(), *left, kQuick);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->status().messages, before.size());
  for (const Envelope& envelope : before) {
    const auto loaded = (*again)->load(envelope.id);
    ASSERT_TRUE(loaded) << loaded.error().what;
    EXPECT_EQ(*loaded, envelope);  // also every settlement: closing flushes
  }
}

// Each operation of the disk fails once, in turn. After the failure the spool must work again, and what it said must
// hold, also after a power cut at the end of the day.
void break_everywhere(int code) {
  for (std::size_t n = 1;; n += kStep) {
    MemoryDisk disk;
    disk.add_directory("");
    auto store = open_journal_on(small_options(), disk, kQuick);
    ASSERT_TRUE(store);
    io::Loop loop;
    Workload workload(disk, **store, loop);
    disk.fail_once(n, code);
    (void)run(loop, workload.day(26, 5));
    const std::string where = "failing operation " + std::to_string(n);
    const bool hit = disk.fault_hit();
    disk.fail_once(0, 0);
    // It comes back without help: sooner or later a message is taken, which also proves that the new segment is synced.
    bool taken = false;
    for (int attempt = 0; attempt < 100000 && !taken; ++attempt) {
      Envelope envelope = envelope_of(0);
      const Id id = envelope.id;
      const bool good = put(**store, loop, envelope, "after").has_value();
      if (!good) continue;
      Promise promise;
      promise.body = "after";
      promise.acknowledged = disk.operations();
      workload.promises[id] = promise;
      taken = true;
    }
    ASSERT_TRUE(taken) << where;
    workload.check(**store, disk.operations(), where + ", before closing");
    (*store)->close();

    const std::size_t end = disk.operations();
    const auto left = disk.after_power_cut(disk.log(), end, static_cast<unsigned>(n));
    left->add_directory("");
    auto again = open_journal_on(small_options(), *left, kQuick);
    ASSERT_TRUE(again) << where << ": " << again.error().what;
    workload.check(**again, end, where + ", after the cut");
    for (const auto& [id, promise] : workload.promises) {
      if (promise.refused) EXPECT_FALSE((*again)->load(id)) << where << ": a refused message is there";
    }
    (*again)->close();
    if (testing::Test::HasFailure() || !hit) {
      EXPECT_GT(n, 60U);  // the day has that many operations, or this test tests little
      return;
    }
  }
}

TEST(FaultyDisk, EachOperationFailsOnceWithAnInputOutputError) { break_everywhere(EIO); }
TEST(FaultyDisk, EachOperationFailsOnceForLackOfSpace) { break_everywhere(ENOSPC); }

TEST(FaultyDisk, SickSpoolRefusesMailAndRecovers) {
  MemoryDisk disk;
  disk.add_directory("");
  auto store = open_journal_on(small_options(), disk, kQuick);
  ASSERT_TRUE(store);
  io::Loop loop;
  const Envelope kept = envelope_of(0);
  ASSERT_TRUE(put(**store, loop, kept, "kept"));
  disk.fail_always(EROFS);
  EXPECT_EQ(put(**store, loop, envelope_of(0), "lost").error().kind, ErrorKind::storage);
  const StoreStatus sick = (*store)->status();
  EXPECT_FALSE(sick.healthy);
  EXPECT_NE(sick.sick_because.find("Read-only"), std::string::npos) << sick.sick_because;
  EXPECT_EQ((*store)->admit(1).error().kind, ErrorKind::storage);
  EXPECT_EQ((*store)->begin(loop).error().kind, ErrorKind::storage);
  // What cannot be recorded is not tried.
  EXPECT_TRUE((*store)->take_due(1000, 10).empty());
  EXPECT_FALSE((*store)->next_due());

  std::mutex mutex;
  std::condition_variable woken;
  bool awake = false;
  (*store)->on_due([&] {
    const std::lock_guard lock(mutex);
    awake = true;
    woken.notify_one();
  });
  disk.fail_once(0, 0);
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(woken.wait_for(lock, std::chrono::seconds(30), [&] { return awake; }));
  }
  EXPECT_TRUE((*store)->admit(1));
  EXPECT_EQ((*store)->take_due(1000, 10), std::vector<Id>{kept.id});
  ASSERT_TRUE(put(**store, loop, envelope_of(0), "after"));
}

TEST(FaultyDisk, AMessageWhoseChunksWereLostIsRefused) {
  MemoryDisk disk;
  disk.add_directory("");
  auto store = open_journal_on(small_options(), disk, kQuick);
  ASSERT_TRUE(store);
  io::Loop loop;
  auto intake = (*store)->begin(loop);
  ASSERT_TRUE(intake);
  const std::string body = body_of(150000, 1);
  ASSERT_TRUE(run(loop, (*intake)->append(body)));  // two chunks are written, not synced
  disk.fail_always(EIO);
  EXPECT_FALSE(put(**store, loop, envelope_of(0), "x"));
  disk.fail_once(0, 0);
  // The log is well again, but the chunks are in a segment that failed.
  for (int attempt = 0; attempt < 100000 && !(*store)->admit(1); ++attempt) {
  }
  ASSERT_TRUE((*store)->admit(1));
  EXPECT_EQ(run(loop, (*intake)->commit(envelope_of(0))).error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace postern::spool::test
