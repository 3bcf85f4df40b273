#include "bounds/known_senders.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "unit/bounds/support.h"

namespace postern::bounds {
namespace {

using enum SenderEvent;
using testing::kNow;
using testing::memory;

constexpr std::uint32_t kHour = 3600;
constexpr std::uint32_t kDay = 24 * kHour;

TEST(KnownSenders, TwoPassesAnHourApartMakeASenderKnown) {
  KnownSenders table(memory(64 << 10));
  EXPECT_FALSE(table.look(1, kNow));
  table.note(1, passed, kNow);
  table.note(1, passed, kNow + 30 * 60);
  table.note(1, passed, kNow + 58 * 60);
  EXPECT_FALSE(table.known(1, kNow + kHour));
  EXPECT_EQ(table.look(1, kNow + kHour)->passes, 1U);
  table.note(1, passed, kNow + kHour);
  EXPECT_TRUE(table.known(1, kNow + kHour));
  EXPECT_FALSE(table.known(2, kNow + kHour));
}

TEST(KnownSenders, FiveAcceptedMessagesMakeASenderKnown) {
  KnownSenders table(memory(64 << 10));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(table.note(1, accepted, kNow)->known);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(table.note(1, accepted_again, kNow)->known);
  EXPECT_TRUE(table.note(1, accepted, kNow)->known);
  for (int i = 0; i < 40; ++i) table.note(1, accepted, kNow);
  EXPECT_EQ(table.look(1, kNow)->accepted, 15U);
}

TEST(KnownSenders, OurOwnMailAndAPinMakeASenderKnownAtOnce) {
  KnownSenders table(memory(64 << 10));
  EXPECT_TRUE(table.note(1, replied_to, kNow)->known);
  EXPECT_TRUE(table.note(2, pinned, kNow)->known);
  EXPECT_TRUE(table.known(2, kNow + 3000 * kDay));
  EXPECT_FALSE(table.note(2, unpinned, kNow)->known);
}

TEST(KnownSenders, ForgetsAfterThirtySixDaysWithoutASign) {
  KnownSenders table(memory(64 << 10));
  for (int i = 0; i < 5; ++i) table.note(1, accepted, kNow);
  EXPECT_TRUE(table.known(1, kNow + 36 * kDay));
  EXPECT_FALSE(table.known(1, kNow + 36 * kDay + kHour));
  EXPECT_FALSE(table.look(1, kNow + 37 * kDay));
  EXPECT_FALSE(table.note(1, tls_failed, kNow + 37 * kDay));
  EXPECT_EQ(table.note(1, accepted, kNow + 37 * kDay)->accepted, 1U);  // begins anew
  for (int i = 0; i < 5; ++i) table.note(2, accepted, kNow);
  table.note(2, accepted, kNow + 30 * kDay);
  EXPECT_TRUE(table.known(2, kNow + 60 * kDay));
}

TEST(KnownSenders, ATrapEndsItAndBothMustBeEarnedAgain) {
  KnownSenders table(memory(64 << 10));
  table.note(1, replied_to, kNow);
  for (int i = 0; i < 9; ++i) table.note(1, accepted, kNow);
  EXPECT_FALSE(table.note(1, trapped, kNow)->known);
  EXPECT_TRUE(table.look(1, kNow)->demoted);
  EXPECT_FALSE(table.look(1, kNow)->replied_to);
  for (int i = 0; i < 9; ++i) table.note(1, accepted, kNow);
  EXPECT_FALSE(table.known(1, kNow));
  table.note(1, passed, kNow);
  EXPECT_TRUE(table.note(1, passed, kNow + kHour)->known);
  EXPECT_FALSE(table.look(1, kNow + kHour)->demoted);
  table.note(2, pinned, kNow);
  EXPECT_TRUE(table.note(2, trapped, kNow)->known);  // the operator's word stands above it
  EXPECT_TRUE(table.look(2, kNow)->demoted);
}

TEST(KnownSenders, GuessesAreCountedAndMessagesTakeThemBack) {
  KnownSenders table(memory(64 << 10));
  EXPECT_FALSE(table.note(1, guessed, kNow)) << "it makes no entry";
  table.note(1, accepted, kNow);
  for (unsigned i = 1; i <= 9; ++i) EXPECT_EQ(table.note(1, guessed, kNow)->guesses, std::min(i, 7U));
  EXPECT_EQ(table.note(1, accepted, kNow)->guesses, 6U);
  EXPECT_EQ(table.note(1, accepted_again, kNow)->guesses, 5U);
  EXPECT_EQ(table.look(1, kNow)->accepted, 2U);
  EXPECT_EQ(table.note(1, trapped, kNow)->guesses, 0U);
}

TEST(KnownSenders, TrapsAndTlsFailuresMakeNoEntries) {
  KnownSenders table(memory(64 << 10));
  EXPECT_FALSE(table.note(1, trapped, kNow));
  EXPECT_FALSE(table.note(1, tls_failed, kNow));
  EXPECT_FALSE(table.note(1, tls_succeeded, kNow));
  EXPECT_FALSE(table.note(1, unpinned, kNow));
  EXPECT_EQ(table.gauges().newcomers, 0U);
}

TEST(KnownSenders, TlsFailuresCountWithinAnHour) {
  KnownSenders table(memory(64 << 10));
  table.note(1, accepted, kNow);
  for (unsigned i = 1; i < 6; ++i) EXPECT_EQ(table.note(1, tls_failed, kNow)->tls_failures, std::min(i, 3U));
  EXPECT_EQ(table.note(1, tls_failed, kNow + 5 * kHour)->tls_failures, 1U);
  EXPECT_EQ(table.note(1, tls_succeeded, kNow + 5 * kHour)->tls_failures, 0U);
}

TEST(KnownSenders, AClockThatGoesBackForgetsNobodyAndCountsNoPass) {
  KnownSenders table(memory(64 << 10));
  for (int i = 0; i < 5; ++i) table.note(1, accepted, kNow);
  EXPECT_TRUE(table.known(1, kNow - 100 * kDay));
  table.note(2, passed, kNow);
  table.note(2, passed, kNow - 5 * kDay);
  EXPECT_FALSE(table.known(2, kNow - 5 * kDay));
  EXPECT_TRUE(table.note(2, passed, kNow - 5 * kDay + kHour)->known);  // an hour by the clock that is now
}

TEST(KnownSenders, NewcomersPushOutTheLeastKnownFirst) {
  KnownSenders table(memory(kTableBytesMin));  // 256 entries
  for (std::uint64_t key = 0; key < 120; ++key) {
    for (int i = 0; i < 5; ++i) table.note(key, accepted, kNow);
  }
  for (std::uint64_t key = 1000; key < 1040; ++key) table.note(key, passed, kNow);  // on their way
  for (std::uint64_t key = 0; key < 20'000; ++key) table.note(1'000'000 + key, accepted, kNow + kHour);
  int known = 0;
  for (std::uint64_t key = 0; key < 120; ++key) known += table.known(key, kNow + kHour) ? 1 : 0;
  EXPECT_EQ(known, 120);
  EXPECT_EQ(table.gauges().known_evicted, 0U);
  int learning = 0;
  for (std::uint64_t key = 1000; key < 1040; ++key) learning += table.look(key, kNow + kHour) ? 1 : 0;
  EXPECT_GT(learning, 35);  // a pass is worth more than a message
}

TEST(KnownSenders, AmongTheKnownTheOldestGoesAndPinsStay) {
  KnownSenders table(memory(kTableBytesMin));
  for (std::uint64_t key = 0; key < 100; ++key) table.note(key, pinned, kNow);
  for (std::uint64_t key = 0; key < 3000; ++key)
    table.note(10'000 + key, replied_to, kNow + static_cast<std::uint32_t>(key) * kHour / 10);
  for (std::uint64_t key = 0; key < 100; ++key) EXPECT_TRUE(table.known(key, kNow + 300 * kHour)) << key;
  int old = 0;
  int young = 0;
  for (std::uint64_t key = 0; key < 100; ++key) {
    old += table.known(10'000 + 1000 + key, kNow + 300 * kHour) ? 1 : 0;
    young += table.known(10'000 + 2900 + key, kNow + 300 * kHour) ? 1 : 0;
  }
  EXPECT_LT(old, 10);
  EXPECT_GT(young, 85);
  EXPECT_GT(table.gauges().known_evicted, 2500U);
}

TEST(KnownSenders, WhereOnlyPinsAreANewcomerIsTurnedAway) {
  KnownSenders table(memory(kTableBytesMin));
  for (std::uint64_t key = 0; key < 3000; ++key) table.note(key, pinned, kNow);
  int turned_away = 0;
  for (std::uint64_t key = 0; key < 1000; ++key) turned_away += table.note(1'000'000 + key, replied_to, kNow) ? 0 : 1;
  EXPECT_GT(turned_away, 990);
  EXPECT_EQ(table.gauges().turned_away, static_cast<std::uint64_t>(turned_away));
}

TEST(KnownSenders, AgreesWithAModelWhereThereIsRoom) {
  struct Model {
    std::uint32_t seen = 0, pass = 0;
    unsigned accepted = 0, passes = 0;
    bool replied = false, pin = false, demoted = false, there = false;
  };
  std::mt19937_64 random(9);
  KnownSenders table(memory(256 << 10));
  std::map<std::uint64_t, Model> models;
  std::uint32_t now = kNow;
  int known = 0;
  for (int i = 0; i < 60'000; ++i) {
    if (random() % 3 == 0) now += static_cast<std::uint32_t>(random() % (random() % 400 == 0 ? 30 * kDay : 4 * kHour));
    if (now > 4'100'000'000U) break;
    const std::uint64_t key = random() % 300;
    const auto event = static_cast<SenderEvent>(random() % 40 < 30 ? random() % 2 : random() % 8);
    Model& model = models[key];
    if (model.there && !model.pin && now / 3600 - model.seen > 36 * 24) model = {};
    const bool makes = event == passed || event == accepted || event == replied_to || event == pinned;
    if (model.there || makes) {
      model.there = true;
      if (event == passed && (model.passes == 0 || now / 60 - model.pass >= 60)) {
        model.passes = std::min(model.passes + 1, 3U);
        model.pass = now / 60;
      }
      if (event == accepted) model.accepted = std::min(model.accepted + 1, 15U);
      if (event == replied_to) model.replied = true;
      if (event == pinned || event == unpinned) model.pin = event == pinned;
      if (event == trapped) model = {.seen = 0, .pass = model.pass, .pin = model.pin, .demoted = true, .there = true};
      if (model.demoted && model.passes >= 2 && model.accepted >= 5) model.demoted = false;
      model.seen = now / 3600;
    }
    table.note(key, event, now);
    const std::uint64_t asked = random() % 300;
    const Model& about = models[asked];
    const bool forgotten = !about.pin && now / 3600 - about.seen > 36 * 24;
    const bool expected =
        about.there &&
        (about.pin || (!forgotten && !about.demoted && (about.replied || about.passes >= 2 || about.accepted >= 5)));
    ASSERT_EQ(table.known(asked, now), expected) << i;
    ASSERT_EQ(table.look(asked, now).has_value(), about.there && !forgotten) << i;
    known += expected ? 1 : 0;
  }
  EXPECT_GT(known, 5'000);
}

TEST(KnownSenders, MovesToATableOfAnotherSizeWithItsSecret) {
  const testing::Folder folder;
  const std::string path = folder.at("known");
  std::uint32_t created = 0;
  {
    KnownSenders table(TableFile::open(path, 64 << 10, KnownSenders::format(), kNow));
    created = static_cast<std::uint32_t>(table.table().created());
    for (std::uint64_t key = 0; key < 2000; ++key) table.note(key, key % 4 == 0 ? replied_to : accepted, kNow);
    table.note(5000, replied_to, kNow - 40 * kDay);
  }
  const std::uint32_t later = kNow + kDay;
  {
    const KnownSenders larger(TableFile::open(path, 512 << 10, KnownSenders::format(), later));
    EXPECT_TRUE(testing::told(larger.table(), "2000 entries were carried over"));
    EXPECT_EQ(larger.table().bytes(), 512U << 10U);
    EXPECT_EQ(larger.table().created(), created);
    for (std::uint64_t key = 0; key < 2000; ++key) ASSERT_EQ(larger.known(key, later), key % 4 == 0) << key;
    EXPECT_FALSE(larger.look(5000, later));
  }
  // To a table with room for 512 of them: who is known moves first.
  const KnownSenders smaller(TableFile::open(path, 8 << 10, KnownSenders::format(), later));
  int known = 0;
  for (std::uint64_t key = 0; key < 2000; key += 4) known += smaller.known(key, later) ? 1 : 0;
  EXPECT_GT(known, 430);
  EXPECT_TRUE(smaller.table().on_disk());
}

TEST(KnownSenders, SharesTellWhoIsInTheTable) {
  KnownSenders table(memory(32 << 10));  // 2048 entries, all of them in the sample
  for (std::uint64_t key = 0; key < 400; ++key) table.note(key, replied_to, kNow);
  for (std::uint64_t key = 0; key < 200; ++key) table.note(10'000 + key, accepted, kNow + 20 * kDay);
  const auto now = table.shares(kNow + 20 * kDay);
  EXPECT_DOUBLE_EQ(now.known, 400.0 / 2048);
  EXPECT_DOUBLE_EQ(now.learning, 200.0 / 2048);
  EXPECT_DOUBLE_EQ(table.shares(kNow + 40 * kDay).forgotten, 400.0 / 2048);
}

}  // namespace
}  // namespace postern::bounds
