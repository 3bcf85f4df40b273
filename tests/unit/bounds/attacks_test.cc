// A tenth of the attacks that `./dev bench attacks` runs, with tables of a tenth of the default size: the same shares
// of the limits and of the memory, hence the same catch.
#include "unit/bounds/attacks.h"

#include <gtest/gtest.h>

#include "unit/bounds/support.h"

namespace postern::bounds {
namespace {

using testing::AttackPlan;
using testing::AttackResult;
using testing::run_attack;

AttackPlan tenth() {
  return {.size = 0.1, .seconds = 900, .budget_bytes = (8 << 20) / 10, .known_bytes = (8 << 20) / 10, .options = {}};
}

class Attack : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Scenarios, Attack, ::testing::Range(1, testing::kScenarios + 1));

TEST_P(Attack, IsCaughtAsByAnExactHierarchyAndCostsInnocentsNothing) {
  const AttackResult result = run_attack(GetParam(), tenth());
  EXPECT_GT(result.attack.events, 50'000U);
  EXPECT_NEAR(result.attack.share(), result.attack.exact_share(), 0.005);
  EXPECT_GT(result.innocents().events, 5'000U);
  EXPECT_GT(result.known_inside.events, 20U);
  EXPECT_LE(result.innocents().deferred * 10'000, result.innocents().events);
  EXPECT_NEAR(result.newcomers_inside.share(), result.newcomers_inside.exact_share(), 0.005);
  EXPECT_EQ(result.bytes_after, result.bytes_before);
  EXPECT_LT(result.gauges.saturation, PrefixBudgets::kSaturationAlarm);
}

TEST(AttackTest, RotatingPrefixesAreCaught) {
  EXPECT_GT(run_attack(1, tenth()).attack.share(), 0.95);
  EXPECT_GT(run_attack(3, tenth()).attack.share(), 0.99);
  EXPECT_GT(run_attack(6, tenth()).attack.share(), 0.9);
}

TEST(AttackTest, AFarTooSmallTableFailsOpen) {
  AttackPlan plan = tenth();
  plan.budget_bytes = 8 << 10;
  plan.compare = false;
  for (int scenario = 1; scenario <= testing::kScenarios; ++scenario) {
    const AttackResult result = run_attack(scenario, plan);
    EXPECT_EQ(result.innocents().deferred, 0U) << scenario;
    // The gauge says so wherever an attack has the means to push others out.
    if (scenario == 2 || scenario == 4 || scenario == 5) {
      EXPECT_GT(result.gauges.saturation, PrefixBudgets::kSaturationAlarm) << scenario;
    }
  }
}

TEST(AttackTest, OnDayOneOnlyNewcomersOfTheAttackedProviderAreDeferred) {
  AttackPlan plan = tenth();
  plan.day_one = true;
  const AttackResult result = run_attack(1, plan);
  EXPECT_GT(result.newcomers_inside.deferred, 0U);
  EXPECT_EQ(result.known_inside.deferred + result.known_outside.deferred, 0U);
  EXPECT_GT(result.known_outside.events, 50U);  // who wrote five times is known within the quarter of an hour
  EXPECT_NEAR(result.newcomers_inside.share(), result.newcomers_inside.exact_share(), 0.02);
}

TEST(AttackTest, AMillionAttackingPrefixesTakeNoOctetMore) {
  const testing::Folder folder;
  const std::string path = folder.at("budgets");
  PrefixBudgets table(TableFile::open(path, 1 << 20, PrefixBudgets::format(), testing::kNow), {});
  const std::uint64_t size = std::filesystem::file_size(path);
  testing::Random random(1);
  std::uint64_t admitted = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    const testing::Client client{testing::kAttackedProvider << 32U | i * 4099 % (std::uint64_t{1} << 32U),
                                 random.next()};
    admitted +=
        table.take({.address = client.address(), .identity = {}}, testing::kNow + static_cast<std::uint32_t>(i / 1000))
                .admitted
            ? 1
            : 0;
  }
  EXPECT_EQ(std::filesystem::file_size(path), size);
  EXPECT_EQ(table.table().bytes(), std::uint64_t{1} << 20U);
  // A burst and 1000 seconds of the /32's rate: 1280 + 1000 x 3840/3600, less what decays at the limit.
  EXPECT_NEAR(static_cast<double>(admitted), 1280 + 1067, 40);
  // What is refused writes nothing: four new prefixes below the /32 for each that was admitted.
  EXPECT_LE(table.gauges(testing::kNow).newcomers, 4 * admitted + 1);
}

}  // namespace
}  // namespace postern::bounds
