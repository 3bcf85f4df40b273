// Several threads on one table, without locks. Under TSan the absence of its complaints is the point; everywhere, that
// no more is lost than the headers say.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "bounds/known_senders.h"
#include "bounds/pending.h"
#include "bounds/prefix_budgets.h"
#include "unit/bounds/support.h"

namespace postern::bounds {
namespace {

using testing::kNow;
using testing::memory;

constexpr int kThreads = 4;

void in_parallel(const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(Threads, AHammeredBudgetIsSpentOnce) {
  PrefixBudgets table(memory(kTableBytesMin), {});
  constexpr int kRounds = 200;
  std::atomic<int> admitted{0};
  in_parallel([&](int) {
    for (int round = 0; round < kRounds; ++round) {
      const ip::Address address = ip::Address::v4({192, 0, static_cast<std::uint8_t>(round), 1});
      for (int i = 0; i < 30; ++i) {
        if (table.take({.address = address, .known = true, .identity = {}}, kNow).admitted) ++admitted;
      }
    }
  });
  // Each thread may be let in once more because all of them look before one writes, and once for a write that was lost.
  EXPECT_GE(admitted, 20 * kRounds);
  EXPECT_LE(admitted, (20 + 2 * kThreads) * kRounds);
}

TEST(Threads, NoLoadAppearsFromNowhere) {
  // A table that is far too small, times that differ between threads: nobody did more than two events, so nobody is
  // full.
  PrefixBudgets table(memory(kTableBytesMin), {});
  std::atomic<int> refused{0};
  in_parallel([&](int thread) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < 5000; ++i) {
      std::array<std::uint8_t, 16> octets{};
      for (std::uint8_t& octet : octets) octet = static_cast<std::uint8_t>(random());
      const std::uint32_t now = kNow + static_cast<std::uint32_t>(i / 100 + thread);
      if (!table.take({.address = ip::Address::v6(octets), .identity = {}}, now).admitted) ++refused;
    }
  });
  EXPECT_EQ(refused, 0);
}

TEST(Threads, FirstAttemptsAreFoundAgain) {
  Pending table(memory(256 << 10));  // 65536 entries
  constexpr std::uint64_t kEach = 4000;
  in_parallel([&](int thread) {
    for (std::uint64_t i = 0; i < kEach; ++i) {
      table.note(static_cast<std::uint64_t>(thread) << 32U | i, kNow + static_cast<std::uint32_t>(i / 4), {});
      (void)table.look(i, kNow, {});
    }
  });
  std::uint64_t found = 0;
  for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
    for (std::uint64_t i = 0; i < kEach; ++i)
      found += table.look(thread << 32U | i, kNow + 1500, {}).kind == Pending::Kind::due ? 1 : 0;
  }
  EXPECT_GE(found, kThreads * kEach - 32);
}

TEST(Threads, MeritsOfOneSenderAreNobodyElses) {
  KnownSenders table(memory(kTableBytesMin));  // 256 entries, thousands of senders
  std::atomic<int> wrong{0};
  in_parallel([&](int thread) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < 8000; ++i) {
      const std::uint64_t key = random() % 2000;
      // Odd keys are replied to, even ones never earn anything.
      if (key % 2 == 1) {
        table.note(key, SenderEvent::replied_to, kNow);
      } else {
        table.note(key, SenderEvent::tls_failed, kNow);
        if (table.known(key, kNow)) ++wrong;
      }
    }
  });
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern::bounds
