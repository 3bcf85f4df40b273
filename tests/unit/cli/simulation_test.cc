#include "cli/simulation.h"

#include <gtest/gtest.h>

#include "unit/temporary_folder.h"

namespace postern::cli {
namespace {

double scale_of(const std::string& file) { return simulation_of(config::parse_policy(file, "f.toml")).budget.scale; }

TEST(Simulation, APolicyAloneHasItsPresetsScale) {
  EXPECT_EQ(scale_of("[policy]\npreset = \"provider\"\n"), 400);
  EXPECT_EQ(scale_of("[policy]\npreset = \"personal\"\n"), 1);
  EXPECT_EQ(scale_of("[policy]\npreset = \"organisation\"\n"), 4);
  EXPECT_EQ(scale_of("[policy]\nhome = [\"US\"]\n"), 4) << "the default preset is an organisation's";
}

TEST(Simulation, WhatTheFileSaysHolds) {
  EXPECT_EQ(scale_of("[policy]\npreset = \"provider\"\n[defence.budget]\nscale = 7\n"), 7);
  const auto options = simulation_of(config::parse_policy(
      "[policy]\n[defence.budget]\nburst = 9\ncost_trap = 3\ncost_hang_up = 5\ncost_tls_failed = 6\n"
      "[defence.greylist]\ndelay = \"60s\"\n",
      "f.toml"));
  EXPECT_EQ(options.budget.burst, 9);
  EXPECT_EQ(options.budget.known, 16);
  EXPECT_EQ(options.budget.scale, 4);
  EXPECT_EQ(options.trap, 3U);
  EXPECT_EQ(options.hang_up, 5U);
  EXPECT_EQ(options.tls_failed, 6U);
  EXPECT_EQ(options.unknown_user, 4U);
  EXPECT_EQ(options.greylist.delay, 60U);
}

TEST(Simulation, WhatIsWrongInDefenceIsNoProblemOfThePolicy) {
  const auto loaded = config::parse_policy("[policy]\n[defence.budget]\nburst = \"much\"\n", "f.toml");
  EXPECT_TRUE(loaded.policy);
  EXPECT_EQ(loaded.defence_problems.size(), 1U);
  const postern::testing::TemporaryFolder folder;
  EXPECT_FALSE(simulation_of(folder.write("p.toml", "[policy]\n[defence.budget]\nburst = \"much\"\n")));
  EXPECT_TRUE(simulation_of(folder.write("q.toml", "[policy]\n")));
}

}  // namespace
}  // namespace postern::cli
