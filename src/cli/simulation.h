// What a replay that simulates budgets and greylist rests on: the numbers of [defence] of the file that has the policy.
// Thread rule: pure, but for the file.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "insight/simulated_state.h"

namespace postern::cli {

// As a server with this policy would have them: a scale that the file does not say is that of the policy's preset.
[[nodiscard]] insight::SimulationOptions simulation_of(const config::LoadedPolicy& loaded);
// Of a configuration, or of a file with its [policy] alone; none where [defence] has problems, with complaints.
[[nodiscard]] std::optional<insight::SimulationOptions> simulation_of(const std::string& file);

}  // namespace postern::cli
