// The attacks S1 to S6 (tests/unit/bounds/attacks.h) in full size on the real tables beside an exact hierarchy, then
// day one, and the memory of ten million attacking /64s. Results are counts and the same in each run; a JSON line each.
//
//   attacks [SECONDS]      simulated; 3600
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "unit/bounds/attacks.h"

namespace {

using namespace postern;
using namespace postern::bounds;
using namespace postern::bounds::testing;

void print(std::string_view what, int scenario, const AttackPlan& plan, const AttackResult& result) {
  const Tally innocents = result.innocents();
  std::printf(
      "{\"run\": \"%s\", \"scenario\": %d, \"table_mib\": %.2f, \"catch\": %.6f, \"catch_exactly\": %.6f, "
      "\"innocents\": %llu, \"innocents_deferred\": %.6f, \"innocents_deferred_exactly\": %.6f, "
      "\"newcomers_inside_deferred\": %.6f, \"newcomers_inside_deferred_exactly\": %.6f, "
      "\"newcomers_outside_deferred\": %.6f, "
      "\"known_share\": %.4f, \"saturation\": %.5f, \"bytes_grown\": %lld, \"exact_prefixes\": %zu}\n",
      std::string(what).c_str(), scenario, static_cast<double>(plan.budget_bytes) / 1048576, result.attack.share(),
      result.attack.exact_share(), static_cast<unsigned long long>(innocents.events), innocents.share(),
      innocents.exact_share(), result.newcomers_inside.share(), result.newcomers_inside.exact_share(),
      result.newcomers_outside.share(),
      static_cast<double>(result.known_outside.events + result.known_inside.events) /
          static_cast<double>(innocents.events + result.newcomers_inside.events),
      result.gauges.saturation,
      static_cast<long long>(result.bytes_after) - static_cast<long long>(result.bytes_before), result.exact_prefixes);
  std::fflush(stdout);
}

// Octets that the process has more, heap and table, after 10^7 /64s; half of them of one /32, half of 4096 /48s.
void print_growth() {
  PrefixBudgets table(TableFile::in_memory(8 << 20), {});
  Random random(7);
  const std::uint64_t before = table.table().bytes() + mallinfo2().uordblks;
  std::uint64_t admitted = 0;
  constexpr std::uint64_t kPrefixes = 10'000'000;
  for (std::uint64_t i = 0; i < kPrefixes; ++i) {
    const std::uint64_t network =
        i % 2 == 0 ? kAttackedProvider << 32U | (i / 2 * 429 & 0xFFFFFFFF)
                   : (0x20030000ULL + i / 2 % 256) << 32U | (i / 512 % 16 * 4099) << 16U | (i / 8192 & 0xFFFF);
    const Client client{network, random.next()};
    admitted +=
        table.take({.address = client.address(), .identity = {}}, 1'795'243'208 + static_cast<std::uint32_t>(i / 1000))
                .admitted
            ? 1
            : 0;
  }
  const std::uint64_t after = table.table().bytes() + mallinfo2().uordblks;
  std::printf("{\"run\": \"growth\", \"prefixes\": %llu, \"admitted\": %llu, \"bytes_grown\": %lld}\n",
              static_cast<unsigned long long>(kPrefixes), static_cast<unsigned long long>(admitted),
              static_cast<long long>(after) - static_cast<long long>(before));
}

}  // namespace

int main(int argc, char** argv) {
  const auto seconds = static_cast<std::uint32_t>(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 3600);
  for (int scenario = 1; scenario <= kScenarios; ++scenario) {
    AttackPlan plan{.seconds = seconds, .options = {}};
    print("8 MiB", scenario, plan, run_attack(scenario, plan));
    plan.compare = false;
    plan.budget_bytes = 256 << 10;
    print("256 KiB", scenario, plan, run_attack(scenario, plan));
  }
  AttackPlan plan{.seconds = seconds, .options = {}, .day_one = true};
  print("day one", 1, plan, run_attack(1, plan));
  plan.options.scale = 4;
  print("day one, scale 4", 1, plan, run_attack(1, plan));
  print_growth();
  return 0;
}
