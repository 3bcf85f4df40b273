#include "cli/simulation.h"

#include "cli/record_source.h"
#include "inbound/defence.h"
#include "policy/presets.h"

namespace postern::cli {

insight::SimulationOptions simulation_of(const config::LoadedPolicy& loaded) {
  insight::SimulationOptions out;
  const inbound::BudgetOptions& budget = loaded.defence.budget;
  const auto preset = loaded.policy ? loaded.policy->choices.preset : std::nullopt;
  out.budget.burst = budget.burst;
  out.budget.rate_per_hour = budget.rate_per_hour;
  out.budget.scale =
      budget.scale > 0 ? budget.scale : inbound::budget_scale(preset.value_or(std::string(policy::kDefaultPreset)));
  out.budget.known = inbound::kKnownMultiple;
  out.connect = budget.costs.connect;
  out.recipient_refused = budget.costs.recipient_refused;
  out.unknown_user = budget.costs.unknown_user;
  out.trap = budget.costs.trap;
  out.tls_failed = budget.costs.tls_failed;
  out.hang_up = budget.costs.hang_up;
  out.message = budget.costs.message;
  out.greylist.delay = static_cast<std::uint32_t>(loaded.defence.greylist.delay_ms / 1000);
  out.greylist.window = static_cast<std::uint32_t>(loaded.defence.greylist.window_ms / 1000);
  return out;
}

std::optional<insight::SimulationOptions> simulation_of(const std::string& file) {
  const config::LoadedPolicy loaded = config::load_policy(file);
  for (const config::Problem& problem : loaded.defence_problems) complain(problem.text());
  if (!loaded.defence_problems.empty()) return std::nullopt;
  return simulation_of(loaded);
}

}  // namespace postern::cli
