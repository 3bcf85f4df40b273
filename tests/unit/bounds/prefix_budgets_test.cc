#include "bounds/prefix_budgets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "unit/bounds/exact_hierarchy.h"
#include "unit/bounds/support.h"

namespace postern::bounds {
namespace {

using testing::kNow;
using testing::memory;

Event event_of(std::string_view address, bool known = false, double cost = 1) {
  return {.address = *ip::Address::parse(address), .known = known, .identity = {}, .cost = cost};
}

PrefixBudgets budgets(const BudgetOptions& options = {}, std::uint64_t bytes = 1 << 20) {
  return {memory(bytes), options};
}

ip::Address v6(std::uint64_t network, std::uint64_t host) {
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < 8; ++i) {
    octets[i] = static_cast<std::uint8_t>(network >> (56 - 8 * i));
    octets[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
  }
  return ip::Address::v6(octets);
}

int admitted_at_once(PrefixBudgets& table, const Event& event, std::uint32_t now = kNow) {
  int count = 0;
  while (count < 1'000'000 && table.take(event, now).admitted) ++count;
  return count;
}

TEST(PrefixBudgets, ABurstFitsExactlyAndNoEventMore) {
  PrefixBudgets table = budgets();
  EXPECT_EQ(admitted_at_once(table, event_of("2001:db8::1")), 20);
  const Decision refused = table.decide(event_of("2001:db8::1"), kNow);
  EXPECT_FALSE(refused.admitted);
  EXPECT_EQ(refused.refused_by, 128);
  EXPECT_EQ(refused.fullest.level, 128);
  EXPECT_NEAR(refused.fullest.share, 1, 0.001);
  EXPECT_EQ(admitted_at_once(table, event_of("2001:db8::2")), 20);  // the /64 holds two of them
  EXPECT_EQ(table.decide(event_of("2001:db8::3"), kNow).refused_by, 64);
}

TEST(PrefixBudgets, EachLevelHasItsMultiple) {
  // Spread over enough prefixes of the next level that only the one asked for can be full.
  const auto fill = [](PrefixBudgets& table, int vary_from) {
    int admitted = 0;
    for (std::uint64_t i = 0;; ++i) {
      const std::uint64_t network =
          vary_from == 128 ? 0x20010DB8ULL << 32U : (0x20010DB8ULL << 32U) + (i % 200 << (64 - vary_from));
      const Decision decision = table.take({.address = v6(network, i), .identity = {}}, kNow);
      if (!decision.admitted) return std::pair(admitted, decision.refused_by);
      ++admitted;
    }
  };
  PrefixBudgets at_64 = budgets();
  EXPECT_EQ(fill(at_64, 128), std::pair(40, 64));
  PrefixBudgets at_56 = budgets();
  EXPECT_EQ(fill(at_56, 64), std::pair(60, 56));
  PrefixBudgets at_48 = budgets();
  EXPECT_EQ(fill(at_48, 56), std::pair(80, 48));
  PrefixBudgets at_32 = budgets();
  const auto [admitted, level] = fill(at_32, 48);
  EXPECT_NEAR(admitted, 1280, 2);
  EXPECT_EQ(level, 32);
}

TEST(PrefixBudgets, Ipv4HasItsOwnLevels) {
  PrefixBudgets table = budgets();
  EXPECT_EQ(admitted_at_once(table, event_of("192.0.2.1")), 20);
  EXPECT_EQ(table.decide(event_of("192.0.2.1"), kNow).refused_by, 32);
  int in_24 = 20;
  for (int host = 2; host < 200; ++host) {
    in_24 += admitted_at_once(table, event_of("192.0.2." + std::to_string(host)));
  }
  EXPECT_NEAR(in_24, 640, 1);
  EXPECT_EQ(table.decide(event_of("192.0.2.250"), kNow).refused_by, 24);
  EXPECT_TRUE(table.decide(event_of("192.0.3.1"), kNow).admitted);
  const auto loads = table.describe(*ip::Address::parse("192.0.2.1"), kNow);
  ASSERT_EQ(loads.all().size(), 3U);
  EXPECT_EQ(loads.all()[0].level, 32);
  EXPECT_NEAR(loads.all()[0].share, 1, 0.001);
  EXPECT_NEAR(loads.all()[1].share, 1, 0.001);
  EXPECT_NEAR(loads.all()[2].share, 640.0 / 5120, 0.001);
}

TEST(PrefixBudgets, WhatIsRefusedWritesNothing) {
  PrefixBudgets table = budgets({}, 64 << 10);
  while (table.take({.address = v6(0x20010DB8'00000000ULL, 7), .identity = {}}, kNow).admitted) {
  }
  for (std::uint64_t i = 0;
       table.take({.address = v6(0x20010DB8'00000000ULL + (i % 65536 << 16U), i), .identity = {}}, kNow).admitted;
       ++i) {
  }
  const std::vector<Line> before(table.table().lines().begin(), table.table().lines().end());
  for (std::uint64_t n = 0; n < 10'000; ++n) {
    ASSERT_EQ(table.take({.address = v6(0x20010DB8'00000000ULL + n * 65537, n), .identity = {}}, kNow + 0).refused_by,
              32);
  }
  for (std::size_t line = 0; line < before.size(); ++line) {
    ASSERT_EQ(before[line].words, table.table().lines()[line].words) << line;
  }
}

TEST(PrefixBudgets, WhoIsKnownIsJudgedByHisOwnPrefixAlone) {
  PrefixBudgets table = budgets();
  for (std::uint64_t i = 0;
       table.take({.address = v6((0x20010DB8ULL << 32U) + (i << 16U), i), .identity = {}}, kNow).admitted; ++i) {
  }
  EXPECT_FALSE(table.decide(event_of("2001:db8:ffff::1"), kNow).admitted);
  EXPECT_TRUE(table.decide(event_of("2001:db8:ffff::1", true), kNow).admitted);
  EXPECT_EQ(admitted_at_once(table, event_of("2001:db8:ffff::1", true)), 20);
  EXPECT_EQ(table.decide(event_of("2001:db8:ffff::1", true), kNow).refused_by, 128);
  // and what the known one did is not on the wider levels' account
  PrefixBudgets other = budgets();
  for (int i = 0; i < 20; ++i) other.charge(event_of("2001:db8::1", true), kNow);
  const auto loads = other.describe(*ip::Address::parse("2001:db8::1"), kNow);
  EXPECT_NEAR(loads.all()[0].share, 1, 0.001);
  EXPECT_NEAR(loads.all()[1].share, 0.5, 0.001);
  EXPECT_EQ(loads.all()[2].share, 0);
  EXPECT_EQ(loads.all()[4].share, 0);
}

TEST(PrefixBudgets, WhoIsKnownMayHaveAMultipleAndHasAnEnd) {
  PrefixBudgets table = budgets({.known = 16});
  EXPECT_NEAR(admitted_at_once(table, event_of("192.0.2.1", true)), 320, 2);
  EXPECT_EQ(table.decide(event_of("192.0.2.1", true), kNow).refused_by, 32);
  EXPECT_EQ(admitted_at_once(table, event_of("192.0.2.2")), 20) << "nobody else has it";
  // What strangers have used up he finds used, but a sixteenth of an event suffices him
  EXPECT_FALSE(table.decide(event_of("192.0.2.2", true), kNow).admitted);
  EXPECT_TRUE(table.decide(event_of("192.0.2.2", true), kNow + 5).admitted);
  EXPECT_FALSE(table.decide(event_of("192.0.2.2"), kNow + 5).admitted);
  // An identity's budget has many machines in it as it is
  Event one{.address = {}, .known = true, .identity = 42};
  int admitted = 0;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    one.address = v6(i << 32U, i);
    admitted += table.take(one, kNow).admitted ? 1 : 0;
  }
  EXPECT_NEAR(admitted, 64 * 20, 2);
}

TEST(PrefixBudgets, NarrowLevelsCanBeAskedAlone) {
  PrefixBudgets table = budgets();
  Event event = event_of("2001:db8::1");
  for (std::uint64_t i = 0;
       table.take({.address = v6(0x20010DB8'00000000ULL + (i << 8U), i), .identity = {}}, kNow).admitted; ++i) {
  }
  EXPECT_GT(table.decide(event, kNow).refused_by, 0);
  EXPECT_LT(table.decide(event, kNow).refused_by, 64);
  event.narrow = true;
  EXPECT_TRUE(table.decide(event, kNow).admitted);
  EXPECT_EQ(admitted_at_once(table, event), 20);
  EXPECT_EQ(table.decide(event, kNow).refused_by, 128);
}

TEST(PrefixBudgets, AnIdentityIsALevelOfItsOwn) {
  PrefixBudgets table = budgets();
  int admitted = 0;
  Decision decision;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    decision = table.take({.address = v6(i << 32U, i), .known = true, .identity = 42}, kNow);
    if (!decision.admitted) break;
    ++admitted;
  }
  EXPECT_NEAR(admitted, 1280, 2);
  EXPECT_EQ(decision.refused_by, kIdentityLevel);
  EXPECT_TRUE(table.decide({.address = v6(1, 1), .known = true, .identity = 43}, kNow).admitted);
}

TEST(PrefixBudgets, CostsAreEventsAndAChargeIsNeverRefused) {
  PrefixBudgets table = budgets();
  EXPECT_TRUE(table.take(event_of("2001:db8::1", false, 19), kNow).admitted);
  EXPECT_FALSE(table.take(event_of("2001:db8::1", false, 2), kNow).admitted);
  EXPECT_TRUE(table.take(event_of("2001:db8::1", false, 1), kNow).admitted);
  EXPECT_FALSE(table.decide(event_of("2001:db8::9", false, 50), kNow).admitted);  // more than a burst never fits
  table.charge(event_of("2001:db8::9", false, 50), kNow);
  EXPECT_EQ(table.decide(event_of("2001:db8::9"), kNow).refused_by, 56);
  table.charge(event_of("2001:db8::9", false, 1e300), kNow);
  table.charge(event_of("2001:db8::9", false, -5), kNow);
  table.charge(event_of("2001:db8::9", false, 0), kNow);
  const auto loads = table.describe(*ip::Address::parse("2001:db8::9"), kNow);
  for (const Load& load : loads.all()) EXPECT_LE(load.share, 1);
  EXPECT_TRUE(table.decide(event_of("2001:db8::9", false, 0), kNow + 86'400).admitted);
}

TEST(PrefixBudgets, ALoadDecaysByTheBudgetsRate) {
  PrefixBudgets table = budgets();
  admitted_at_once(table, event_of("2001:db8::1"));
  const auto share = [&](std::uint32_t later) {
    return table.describe(*ip::Address::parse("2001:db8::1"), kNow + later).all()[0].share;
  };
  for (const std::uint32_t later : {1U, 59U, 600U, 1200U, 4000U, 5000U}) {
    EXPECT_NEAR(share(later), std::exp(-static_cast<double>(later) / 1200), 0.001) << later;
  }
  EXPECT_EQ(share(10'000'000), 0);
  EXPECT_EQ(admitted_at_once(table, event_of("2001:db8::1"), kNow + 1200), 12);  // 20 x (1 - 1/e) = 12.6
}

TEST(PrefixBudgets, TheScaleMultipliesEveryBudget) {
  PrefixBudgets table = budgets({.scale = 400});
  int admitted = 0;  // a provider's day from one /32: 100 events a second from 250 machines
  std::mt19937_64 random(3);
  for (std::uint32_t second = 0; second < 600; ++second) {
    for (int i = 0; i < 100; ++i) {
      admitted +=
          table.take({.address = v6((0x20010DB8ULL << 32U) + (random() % 25 << 16U), random() % 10), .identity = {}},
                     kNow + second)
                  .admitted
              ? 1
              : 0;
    }
  }
  EXPECT_EQ(admitted, 60'000);
}

TEST(PrefixBudgets, AClockThatGoesBackNeitherAddsNorFreezes) {
  PrefixBudgets table = budgets();
  const Event event = event_of("2001:db8::1");
  for (int i = 0; i < 10; ++i) table.charge(event, kNow);
  const auto share = [&](std::uint32_t now) {
    return table.describe(*ip::Address::parse("2001:db8::1"), now).all()[0].share;
  };
  EXPECT_NEAR(share(kNow), 0.5, 0.001);
  EXPECT_NEAR(share(kNow - 5), 0.5, 0.001);
  EXPECT_NEAR(share(kNow - 1'000'000), 0.5, 0.001);
  EXPECT_NEAR(share(kNow - 1'000'000'000), 0.5, 0.001);
  table.charge(event, kNow - 5);  // within the slack: the line's time stays
  EXPECT_NEAR(share(kNow), 0.55, 0.001);
  table.charge(event, kNow - 1'000'000);  // an hour set back for good: it decays from there on
  EXPECT_NEAR(share(kNow - 1'000'000), 0.6, 0.001);
  EXPECT_NEAR(share(kNow - 1'000'000 + 1200), 0.6 / std::exp(1), 0.001);
}

TEST(PrefixBudgets, SecondsMayBeginAnewIn2106) {
  PrefixBudgets table = budgets();
  const Event event = event_of("2001:db8::1");
  table.charge(event, 0xFFFFFFFFU);
  table.charge(event, 3);
  const auto loads = table.describe(*ip::Address::parse("2001:db8::1"), 1199);
  EXPECT_NEAR(loads.all()[0].share, 0.1 / std::exp(1), 0.001);
}

TEST(PrefixBudgets, IsTheExactHierarchyWhereThereIsRoom) {
  // Random events over few prefixes, known and not, of many costs: the decision differs from a model without rounding
  // only where the model itself stands within a thousandth of a limit.
  std::mt19937_64 random(7);
  const BudgetOptions options{.v6_32 = 8, .v4_24 = 6, .v4_16 = 10, .identity = 8};
  PrefixBudgets table(memory(8 << 20), options);
  testing::ExactHierarchy exact(options);
  std::uint32_t now = kNow;
  int refused = 0;
  int close = 0;
  for (int i = 0; i < 60'000; ++i) {
    if (random() % 40 == 0) now += static_cast<std::uint32_t>(random() % (random() % 500 == 0 ? 9000 : 5));
    Event event{.address = {}, .known = random() % 3 == 0, .identity = {}};
    if (random() % 4 == 0) {
      event.address =
          ip::Address::v4({192, 0, static_cast<std::uint8_t>(random() % 2), static_cast<std::uint8_t>(random() % 60)});
    } else {
      event.address = v6(
          (0x20010DB8ULL << 32U) + (random() % 3 << 32U) + (random() % 40 << 16U) + (random() % 3 << 8U) + random() % 2,
          random() % 3);
    }
    if (random() % 5 == 0) event.identity = random() % 3;
    event.cost = static_cast<double>(1 + random() % 3);
    const auto [admits, margin] = exact.decide(event, now);
    const Decision decision = table.take(event, now);
    if (margin < 0.001) {
      ++close;
    } else {
      ASSERT_EQ(decision.admitted, admits) << i << " " << event.address.text() << " margin " << margin;
    }
    if (decision.admitted) exact.charge(event, now);
    refused += decision.admitted ? 0 : 1;
  }
  EXPECT_GT(refused, 10'000);
  EXPECT_LT(refused, 55'000);
  EXPECT_LT(close, 6'000);
  EXPECT_EQ(table.gauges(now).evictions, 0U);
  EXPECT_EQ(table.gauges(now).refused, static_cast<std::uint64_t>(refused));
}

TEST(PrefixBudgets, TooSmallATableForgetsAndRefusesNobody) {
  // 50,000 /64s with two events each, in room for 768 prefixes: nobody is near a limit, and nobody is refused.
  PrefixBudgets table(memory(kTableBytesMin), {});
  std::mt19937_64 random(11);
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(table
                    .take({.address = v6(random() & ~0xFFULL, random()), .identity = {}},
                          kNow + static_cast<std::uint32_t>(i / 1000))
                    .admitted);
  }
  const auto gauges = table.gauges(kNow + 100);
  EXPECT_GT(gauges.evictions, 300'000U);
  EXPECT_GT(gauges.newcomers, gauges.evictions);
  EXPECT_GT(table.occupancy(kNow + 100), 0.99);
}

TEST(PrefixBudgets, SaturationIsTheShareThatIsPushedOutBetweenTwoEventsAtTheLimit) {
  PrefixBudgets table(memory(32 << 10), {});  // 6144 slots
  std::mt19937_64 random(12);
  const auto newcomers = [&](std::uint32_t from, std::uint32_t seconds, int per_second) {
    for (std::uint32_t second = 0; second < seconds; ++second) {
      for (int i = 0; i < per_second; ++i) {  // known, so that each takes two slots
        table.charge({.address = v6(random(), 1), .known = true, .identity = {}}, from + second);
      }
    }
  };
  newcomers(kNow, 130, 200);
  // 400 slots a second of 6144, for 60 seconds; nearly every one pushes out another.
  EXPECT_NEAR(table.gauges(kNow + 130).saturation, 400.0 * 60 / 6144, 0.5);
  newcomers(kNow + 130, 70, 10);
  newcomers(kNow + 200, 70, 10);
  EXPECT_LT(table.gauges(kNow + 270).saturation, PrefixBudgets::kSaturationAlarm);
  EXPECT_LT(table.gauges(kNow + 100'000).saturation, 0.01);
  table.set_options({.scale = 100});  // whose limits are met a hundred times as fast
  newcomers(kNow + 100'100, 130, 200);
  EXPECT_LT(table.gauges(kNow + 100'230).saturation, PrefixBudgets::kSaturationAlarm);
  EXPECT_LT(table.occupancy(kNow + 8'640'000), 0.01);
}

TEST(PrefixBudgets, SurvivesARestart) {
  const testing::Folder folder;
  const std::string path = folder.at("budgets");
  {
    PrefixBudgets table(TableFile::open(path, 64 << 10, PrefixBudgets::format(), kNow), {});
    ASSERT_TRUE(table.table().on_disk());
    admitted_at_once(table, event_of("2001:db8::1"));
  }
  PrefixBudgets table(TableFile::open(path, 64 << 10, PrefixBudgets::format(), kNow + 60), {});
  EXPECT_EQ(table.decide(event_of("2001:db8::1"), kNow).refused_by, 128);
  EXPECT_TRUE(table.table().notes().empty());
  // Another size: prefixes cannot be placed anew from their tags.
  PrefixBudgets larger(TableFile::open(path, 128 << 10, PrefixBudgets::format(), kNow + 60), {});
  EXPECT_TRUE(testing::told(larger.table(), "starts empty"));
  EXPECT_TRUE(larger.decide(event_of("2001:db8::1"), kNow).admitted);
}

TEST(PrefixBudgets, TheSameEventsLeaveTheSameTable) {
  const auto run = [] {
    PrefixBudgets table(memory(16 << 10), {});
    std::mt19937_64 random(5);
    for (int i = 0; i < 20'000; ++i) {
      table.take({.address = v6(random() % 5000 << 16U, random() % 2), .identity = {}},
                 kNow + static_cast<std::uint32_t>(i) / 50);
    }
    std::uint64_t sum = 0;
    for (const Line& line : table.table().lines()) {
      for (const std::uint64_t word : line.words) sum = spread(sum ^ word);
    }
    return sum;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace postern::bounds
