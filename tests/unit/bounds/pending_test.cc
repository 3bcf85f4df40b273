#include "bounds/pending.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "unit/bounds/support.h"

namespace postern::bounds {
namespace {

using testing::kNow;
using testing::memory;
using Kind = Pending::Kind;

constexpr GreylistTimes kTimes;

TEST(Pending, AFirstAttemptIsEarlyUntilTheDelayIsOver) {
  Pending table(memory(64 << 10));
  EXPECT_EQ(table.look(1, kNow, kTimes).kind, Kind::unseen);
  table.note(1, kNow, kTimes);
  EXPECT_EQ(table.look(2, kNow, kTimes).kind, Kind::unseen);
  EXPECT_EQ(table.look(1, kNow, kTimes).kind, Kind::early);
  EXPECT_EQ(table.look(1, kNow, kTimes).seconds, 180U);
  EXPECT_EQ(table.look(1, kNow + 60, kTimes).seconds, 120U);
  EXPECT_EQ(table.look(1, kNow + 180, kTimes).kind, Kind::due);
  EXPECT_EQ(table.look(1, kNow + 4 * 3600, kTimes).kind, Kind::due);
  EXPECT_EQ(table.look(1, kNow + 4 * 3600 + 8, kTimes).kind, Kind::unseen);
}

TEST(Pending, AWeakerKeyWaitsLongerAndNobodyMoreThanAQuarterOfAnHour) {
  constexpr std::uint32_t kFourHours = 4 * 3600;
  EXPECT_EQ(weak_times({.delay = 180, .window = kFourHours}).delay, 540U);
  EXPECT_EQ(weak_times({.delay = 299, .window = kFourHours}).delay, 897U);
  EXPECT_EQ(weak_times({.delay = 300, .window = kFourHours}).delay, 900U);
  EXPECT_EQ(weak_times({.delay = 301, .window = kFourHours}).delay, 900U);
  EXPECT_EQ(weak_times({.delay = 900, .window = kFourHours}).delay, 900U);
  EXPECT_EQ(weak_times({.delay = 900, .window = kFourHours}).window, kFourHours);
  EXPECT_EQ(weak_times({.delay = 200, .window = 800}).delay, 400U) << "half of the window, that there is time to come";
  EXPECT_EQ(weak_times({.delay = 600, .window = 800}).delay, 600U) << "and never sooner than the stronger key";
}

TEST(Pending, WhoWaitedTheDelayIsDueWhereverInATickHeBegan) {
  Pending table(memory(64 << 10));
  for (std::uint32_t delay = 0; delay < 30; ++delay) {
    for (std::uint32_t start = 0; start < 8; ++start) {
      const GreylistTimes times{.delay = delay, .window = 3600};
      const std::uint64_t key = delay * 100 + start;
      const std::uint32_t first = kNow + start;
      table.note(key, first, times);
      for (std::uint32_t later = 0; later <= delay + 8; ++later) {
        const auto state = table.look(key, first + later, times);
        if (later >= delay) {
          EXPECT_EQ(state.kind, Kind::due) << delay << " " << start << " " << later;
        }
        if (later + 8 <= delay) {
          EXPECT_EQ(state.kind, Kind::early);
          // and what it says is true: so many seconds from now it is due
          EXPECT_EQ(table.look(key, first + later + state.seconds, times).kind, Kind::due);
        }
      }
    }
  }
}

TEST(Pending, EarlyRetriesRefreshNothingAndALateOneBeginsAnew) {
  Pending table(memory(64 << 10));
  table.note(1, kNow, kTimes);
  for (std::uint32_t later = 1; later < 180; later += 7) table.note(1, kNow + later, kTimes);
  EXPECT_EQ(table.look(1, kNow + 180, kTimes).kind, Kind::due);
  const std::uint32_t late = kNow + 4 * 3600 + 60;
  EXPECT_EQ(table.look(1, late, kTimes).kind, Kind::unseen);
  table.note(1, late, kTimes);
  EXPECT_EQ(table.look(1, late + 170, kTimes).kind, Kind::early);
  EXPECT_EQ(table.look(1, late + 180, kTimes).kind, Kind::due);
  EXPECT_EQ(table.gauges().notes, 2U);
}

TEST(Pending, AgreesWithAMapThatForgetsNothing) {
  // 600 keys over months, with pauses of every length: small, of the window, of the 12 bits' period and of years.
  std::mt19937_64 random(1);
  Pending table(memory(256 << 10));
  std::map<std::uint64_t, std::uint32_t> first;
  std::uint32_t now = kNow;
  const std::vector<std::uint32_t> pauses = {
      1, 3, 30, 170, 181, 900, 4 * 3600, 16384, 16384 - 100, 3 * 16384 + 5, 1024, 262144, 40'000'000};
  int due = 0;
  int close = 0;
  for (int i = 0; i < 60'000; ++i) {
    if (random() % 4 == 0) {
      const std::uint64_t draw = random() % 1000;
      now += pauses[draw < 950 ? draw % 4 : draw < 998 ? 4 + draw % 7 : draw % pauses.size()];
      if (now < kNow || now > 4'200'000'000U) break;
    }
    const std::uint64_t key = random() % 600;
    const auto state = table.look(key, now, kTimes);
    const auto found = first.find(key);
    const std::uint32_t age = found == first.end() ? ~0U : now - found->second;
    const bool near_a_border = found != first.end() && (std::abs(static_cast<int>(age) - 180) < 5 ||
                                                        std::abs(static_cast<int>(age) - 4 * 3600) < 5);
    if (near_a_border) {
      ++close;
    } else {
      const Kind expected = found == first.end() || age > 4 * 3600 ? Kind::unseen : age < 180 ? Kind::early : Kind::due;
      ASSERT_EQ(state.kind, expected) << i << " key " << key << " age " << age;
    }
    due += state.kind == Kind::due ? 1 : 0;
    if (random() % 3 != 0) {
      table.note(key, now, kTimes);
      if (state.kind == Kind::unseen) first[key] = now;
    }
  }
  EXPECT_GT(due, 5'000);
  EXPECT_LT(close, 6'000);
  EXPECT_EQ(table.gauges().evictions, 0U);
}

TEST(Pending, NoEntryComesBackToLife) {
  // Whatever happens to a line meanwhile, and however long nothing does: what is past its window stays so.
  for (const std::uint64_t bytes : {kTableBytesMin, std::uint64_t{64} << 10U}) {
    Pending table(memory(bytes));
    std::mt19937_64 random(2);
    int found = 0;
    for (std::uint64_t key = 0; key < 500; ++key) table.note(key, kNow + static_cast<std::uint32_t>(key), kTimes);
    for (std::uint64_t step = 1; step < 20'000; ++step) {
      const std::uint64_t later = 14'912 + step * (step < 10'000 ? 61 : 200'003);
      if (kNow + later > 0xFFFFFFFFULL) break;
      const auto now = static_cast<std::uint32_t>(kNow + later);
      for (int i = 0; i < 4; ++i) {
        const std::uint64_t key = random() % 500;
        const auto state = table.look(key, now, kTimes);
        found += state.kind == Kind::unseen ? 0 : 1;
      }
      // half of the lines are written to, others rest
      if (step % 3 == 0) table.note(1'000'000 + random(), now, kTimes);
    }
    // By a tag that a newcomer shares, 80 of whom are within their window: 80,000 x 32 x 80 / 1024 / 2^18
    EXPECT_LT(found, 5) << bytes;
  }
}

TEST(Pending, AFullTableForgetsTheOldest) {
  Pending table(memory(64 << 10));  // 16384 entries
  for (std::uint64_t key = 0; key < 200'000; ++key)
    table.note(key, kNow + static_cast<std::uint32_t>(key / 100), kTimes);
  const std::uint32_t end = kNow + 2000;
  const auto remembered = [&](std::uint64_t from) {
    int count = 0;
    for (std::uint64_t key = from; key < from + 1000; ++key) {
      count += table.look(key, end, kTimes).kind == Kind::unseen ? 0 : 1;
    }
    return count;
  };
  EXPECT_GT(remembered(199'000), 990);
  EXPECT_GT(remembered(190'000), 950);
  EXPECT_LT(remembered(170'000), 200);
  EXPECT_LT(remembered(100'000), 5);  // only by a tag that is shared
  // 16384 entries at 100 a second last 164 seconds; what is pushed out is about that old.
  EXPECT_NEAR(table.gauges().retention, 164, 30);
  EXPECT_GT(table.occupancy(end, kTimes), 0.99);
}

// Callers have windows of their own, and none may take for free what another still waits for.
TEST(Pending, AShorterWindowPushesOutNobodyWhoStillWaits) {
  constexpr GreylistTimes kHour{.delay = 0, .window = 3600};
  constexpr std::uint64_t kEach = 4000;
  Pending table(memory(64 << 10));  // 16384 entries
  for (std::uint64_t key = 0; key < kEach; ++key) table.note(key, kNow, kTimes);
  for (const std::uint32_t hours : {1U, 2U, 3U}) {
    const std::uint32_t now = kNow + hours * 3600 + 60;
    for (std::uint64_t key = 0; key < kEach / 3; ++key) table.note(1'000'000 * hours + key, now, kHour);
  }
  const std::uint32_t end = kNow + 3 * 3600 + 120;
  for (std::uint64_t key = 0; key < kEach; ++key)
    ASSERT_EQ(table.look(key, end, kTimes).kind, Kind::due) << key << " was first told to come again";
  EXPECT_EQ(table.gauges().evictions, 0U);
  // The shorter window holds for its own keys all the same
  EXPECT_EQ(table.look(1'000'000, end, kHour).kind, Kind::unseen);
  EXPECT_EQ(table.look(3'000'000, end, kHour).kind, Kind::due);
}

// What has to go where no entry is free is counted, whoever's window it was in.
TEST(Pending, WhatAShorterWindowPushesOutIsCounted) {
  constexpr GreylistTimes kHour{.delay = 0, .window = 3600};
  Pending table(memory(kTableBytesMin));
  for (std::uint64_t key = 0; key < 5000; ++key) table.note(key, kNow, kTimes);
  const std::uint64_t before = table.gauges().evictions;
  for (std::uint64_t key = 5000; key < 5100; ++key) table.note(key, kNow + 2 * 3600, kHour);
  EXPECT_EQ(table.gauges().evictions, before + 100);
}

TEST(Pending, AStrangerIsDueByAccidentAsRarelyAsItSays) {
  Pending table(memory(64 << 10));
  for (std::uint64_t key = 0; key < 60'000; ++key) table.note(key, kNow, kTimes);
  int found = 0;
  for (std::uint64_t key = 0; key < 200'000; ++key) {
    found += table.look((std::uint64_t{1} << 40U) + key, kNow + 300, kTimes).kind == Kind::unseen ? 0 : 1;
  }
  EXPECT_NEAR(found, 200'000 * 32.0 / 262144, 15);  // 24
}

TEST(Pending, AClockThatGoesBackMakesNobodyWaitLonger) {
  Pending table(memory(64 << 10));
  table.note(1, kNow, kTimes);
  table.note(2, kNow, kTimes);
  // A little: it is one moment to us.
  EXPECT_EQ(table.look(1, kNow - 40, kTimes).kind, Kind::early);
  EXPECT_EQ(table.look(1, kNow - 40, kTimes).seconds, 180U);
  table.note(1, kNow - 40, kTimes);
  EXPECT_EQ(table.look(1, kNow + 180, kTimes).kind, Kind::due);
  for (const std::uint32_t back : {600U, 5'000U, 10'000'000U}) {
    const std::uint32_t now = kNow - back;
    EXPECT_EQ(table.look(1, now, kTimes).kind, Kind::unseen);
    table.note(1, now, kTimes);
    EXPECT_EQ(table.look(1, now + 10, kTimes).kind, Kind::early) << back;
    EXPECT_EQ(table.look(1, now + 180, kTimes).kind, Kind::due) << back;
  }
  table.note(3, 0xFFFFFFF0U, kTimes);
  EXPECT_EQ(table.look(3, 0xFFFFFFFFU, kTimes).kind, Kind::early);
  table.note(3, 100, kTimes);  // 2106
  EXPECT_EQ(table.look(3, 290, kTimes).kind, Kind::due);
}

TEST(Pending, ALongerWindowThanTheClockHasIsCut) {
  Pending table(memory(64 << 10));
  const GreylistTimes times{.delay = 60, .window = 86'400};
  table.note(1, kNow, times);
  EXPECT_EQ(table.look(1, kNow + Pending::kWindowMax - 4, times).kind, Kind::due);
  EXPECT_EQ(table.look(1, kNow + Pending::kWindowMax + 8, times).kind, Kind::unseen);
}

TEST(Pending, SurvivesARestartAndAnyPauseBeforeIt) {
  const testing::Folder folder;
  const std::string path = folder.at("pending");
  {
    Pending table(TableFile::open(path, 64 << 10, Pending::format(), kNow));
    table.note(1, kNow, kTimes);
  }
  {
    const Pending table(TableFile::open(path, 64 << 10, Pending::format(), kNow + 300));
    EXPECT_EQ(table.look(1, kNow + 300, kTimes).kind, Kind::due);
  }
  for (std::uint32_t periods = 1; periods < 2000; periods += 7) {
    const std::uint32_t later = kNow + 16384 * periods + 200;  // the 12 bits say 200 s
    const Pending table(TableFile::in_memory(4096));
    const Pending again(TableFile::open(path, 64 << 10, Pending::format(), later));
    ASSERT_EQ(again.look(1, later, kTimes).kind, Kind::unseen) << periods;
  }
}

TEST(Pending, ALineWhoseClockIsDamagedIsEmpty) {
  Pending table(memory(kTableBytesMin));
  for (std::uint64_t key = 0; key < 900; ++key) table.note(key, kNow, kTimes);
  std::mt19937_64 random(4);
  for (Line& line : table.table().lines()) line.words[random() % 8] ^= std::uint64_t{1} << (30 + random() % 2 * 32);
  int found = 0;
  for (std::uint64_t key = 0; key < 900; ++key) {
    found += table.look(key, kNow + 200, kTimes).kind == Kind::unseen ? 0 : 1;
    table.note(key, kNow + 200, kTimes);
    EXPECT_EQ(table.look(key, kNow + 390, kTimes).kind, Kind::due);
  }
  EXPECT_LT(found, 9 + 500);
}

}  // namespace
}  // namespace postern::bounds
