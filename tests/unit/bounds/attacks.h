// Attacks on a mail server with a population of innocent senders, seen by the real tables and by an exact hierarchy
// that forgets nothing. The unit test runs a tenth of it; bench/bounds/attacks.cc all of it.
//
// The population: 100,000 senders at 8000 providers (a /32 each, sizes Zipf 0.8), a machine each, messages as a Poisson
// process whose rate is lognormal (median 2 an hour, at most 30). One in a hundred lives in the /32 that attacks. Nine
// of ten have written before: in the 24 hours before the beginning their messages go, as accepted, through the real
// KnownSenders under their /64, as the server would note them; so who is known is what that table says at that moment,
// for them and for newcomers, who become known by their own accepted messages while the attack runs. An attacker's mail
// is never accepted, so that he never becomes known.
//
// Time is simulated and randomness seeded: the same run gives the same counts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bounds/known_senders.h"
#include "bounds/prefix_budgets.h"
#include "unit/bounds/exact_hierarchy.h"

namespace postern::bounds::testing {

struct AttackPlan {
  double size = 1;               // of population, attack rate, number of attacking prefixes
  std::uint32_t seconds = 3600;  // the attack begins after the first 300
  double attack_per_second = 1000;
  std::uint64_t budget_bytes = 8 << 20;
  std::uint64_t known_bytes = 8 << 20;
  BudgetOptions options;
  bool day_one = false;  // nobody has written before
  bool compare = true;   // with the exact hierarchy, which takes hundreds of megabytes
};

struct Tally {
  std::uint64_t events = 0;
  std::uint64_t deferred = 0;          // by the table
  std::uint64_t deferred_exactly = 0;  // by the exact hierarchy
  [[nodiscard]] double share() const {
    return events == 0 ? 0 : static_cast<double>(deferred) / static_cast<double>(events);
  }
  [[nodiscard]] double exact_share() const {
    return events == 0 ? 0 : static_cast<double>(deferred_exactly) / static_cast<double>(events);
  }
};

struct AttackResult {
  Tally known_outside, newcomers_outside, known_inside, newcomers_inside, attack;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  std::size_t exact_prefixes = 0;
  PrefixBudgets::Gauges gauges;
  // Innocents that are known or outside the attacked /32: what must not be deferred.
  [[nodiscard]] Tally innocents() const {
    Tally all;
    for (const Tally* part : {&known_outside, &newcomers_outside, &known_inside}) {
      all.events += part->events;
      all.deferred += part->deferred;
      all.deferred_exactly += part->deferred_exactly;
    }
    return all;
  }
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return spread(state_);
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }
  double normal() { return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(2 * 3.141592653589793 * uniform()); }
  std::uint64_t poisson(double mean) {
    if (mean > 60) return static_cast<std::uint64_t>(std::max(0.0, std::round(mean + std::sqrt(mean) * normal())));
    const double limit = std::exp(-mean);
    std::uint64_t count = 0;
    for (double product = uniform(); product > limit; product *= uniform()) ++count;
    return count;
  }

 private:
  std::uint64_t state_;
};

struct Client {
  std::uint64_t network = 0;
  std::uint64_t host = 0;
  [[nodiscard]] ip::Address address() const {
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < 8; ++i) {
      octets[i] = static_cast<std::uint8_t>(network >> (56 - 8 * i));
      octets[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
    }
    return ip::Address::v6(octets);
  }
};

inline constexpr std::uint64_t kAttackedProvider = 0x20010DB8;
inline constexpr int kScenarios = 6;

inline std::string_view scenario_name(int scenario) {
  switch (scenario) {
    case 1:
      return "10,000,000 /64s of one /32";
    case 2:
      return "4096 /48s in 256 /32s, a new /64 each time";
    case 3:
      return "one /64, a new address each time";
    case 4:
      return "1,000,000 /64s in 30,000 /32s, each within its budget";
    case 5:
      return "100,000 /48s in 3000 /32s, a new /64 each time, each within its budget";
    default:
      return "16 whole /32s, a new /48 and /64 each time";
  }
}

inline Client attacker(int scenario, double size, Random& random) {
  const auto scaled = [size](double count) {
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(count * size));
  };
  switch (scenario) {
    case 1:
      return {kAttackedProvider << 32U | (random.below(scaled(1e7)) * 429 & 0xFFFFFFFF), random.next()};
    case 2: {
      const std::uint64_t site = random.below(scaled(4096));
      return {(0x20030000ULL + site % scaled(256)) << 32U | (site * 4099 % 65536) << 16U | random.below(65536),
              random.next()};
    }
    case 3:
      return {kAttackedProvider << 32U | 0x10002, random.next()};
    case 4: {
      const std::uint64_t machine = random.below(scaled(1e6));
      const std::uint64_t mixed = spread(machine + 1);
      return {(0x20040000ULL + mixed % scaled(30'000)) << 32U | (mixed >> 32U), machine};
    }
    case 5: {
      const std::uint64_t site = random.below(scaled(1e5));
      return {(0x20050000ULL + site % scaled(3000)) << 32U | (spread(site + 7) & 0xFFFF) << 16U | random.below(65536),
              random.next()};
    }
    default:
      return {(0x20060000ULL + random.below(scaled(16))) << 32U | random.below(65536) << 16U | random.below(65536),
              random.next()};
  }
}

struct Innocent {
  Client client;
  double per_second = 0;
  bool inside = false;  // the attacked /32
  bool regular = false;
  [[nodiscard]] std::uint64_t identity() const { return spread(client.network); }  // "net:" and the /64
};

inline std::vector<Innocent> population(const AttackPlan& plan, Random& random) {
  const auto count = static_cast<std::size_t>(100'000 * plan.size);
  std::vector<double> providers(static_cast<std::size_t>(8000 * plan.size));
  double sum = 0;
  for (std::size_t i = 0; i < providers.size(); ++i) {
    sum += std::pow(static_cast<double>(i + 1), -0.8);
    providers[i] = sum;
  }
  std::vector<Innocent> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    Innocent& innocent = all[i];
    innocent.inside = i < count / 100;
    const auto provider = std::ranges::lower_bound(providers, random.uniform() * sum) - providers.begin();
    const std::uint64_t prefix =
        innocent.inside ? kAttackedProvider : 0x20020000ULL + static_cast<std::uint64_t>(provider);
    innocent.client = {prefix << 32U | random.below(std::uint64_t{1} << 32U), random.next()};
    innocent.per_second = std::min(30.0, 2 * std::exp(1.2 * random.normal())) / 3600;
    innocent.regular = !plan.day_one && random.uniform() < 0.9;
  }
  return all;
}

inline AttackResult run_attack(int scenario, const AttackPlan& plan) {
  constexpr std::uint32_t kBegin = 1'795'243'208;
  constexpr std::uint32_t kDay = 86'400;
  constexpr std::uint32_t kQuiet = 300;
  constexpr crypto::SipKey kAttackSecret{0x0123456789ABCDEFULL, 0xFEDCBA9876543210ULL};
  Random random(42 + static_cast<std::uint64_t>(scenario));
  PrefixBudgets budgets(TableFile::in_memory(plan.budget_bytes, kAttackSecret), plan.options);
  KnownSenders senders(TableFile::in_memory(plan.known_bytes, kAttackSecret));
  ExactHierarchy exact(plan.options);
  AttackResult result;
  result.bytes_before = budgets.table().bytes() + senders.table().bytes();

  const std::vector<Innocent> innocents = population(plan, random);
  std::vector<double> rates;
  double total = 0;
  for (const Innocent& innocent : innocents) {
    total += innocent.per_second;
    rates.push_back(total);
    if (!innocent.regular) continue;
    const std::uint64_t messages = std::min<std::uint64_t>(random.poisson(innocent.per_second * kDay), 15);
    for (std::uint64_t i = 0; i < messages; ++i) {
      senders.note(innocent.identity(), SenderEvent::accepted,
                   kBegin - kDay + static_cast<std::uint32_t>(random.below(kDay)));
    }
  }

  const auto judge = [&](const Client& client, bool known, std::uint32_t now, Tally& tally) {
    const Event event{.address = client.address(), .known = known, .identity = {}};
    const bool admitted = budgets.take(event, now).admitted;
    ++tally.events;
    tally.deferred += admitted ? 0 : 1;
    if (plan.compare) tally.deferred_exactly += exact.take(event, now) ? 0 : 1;
    return admitted;
  };
  const double attack = plan.attack_per_second * plan.size;
  for (std::uint32_t second = 0; second < plan.seconds; ++second) {
    const std::uint32_t now = kBegin + second;
    std::uint64_t of_innocents = random.poisson(total);
    std::uint64_t of_attackers = second < kQuiet ? 0 : random.poisson(attack);
    while (of_innocents + of_attackers > 0) {
      if (random.below(of_innocents + of_attackers) < of_attackers) {
        --of_attackers;
        judge(attacker(scenario, plan.size, random), false, now, result.attack);
        continue;
      }
      --of_innocents;
      const auto at = std::ranges::lower_bound(rates, random.uniform() * total) - rates.begin();
      const Innocent& innocent = innocents[std::min(static_cast<std::size_t>(at), innocents.size() - 1)];
      const bool known = senders.known(innocent.identity(), now);
      Tally& tally = innocent.inside ? (known ? result.known_inside : result.newcomers_inside)
                                     : (known ? result.known_outside : result.newcomers_outside);
      if (judge(innocent.client, known, now, tally)) senders.note(innocent.identity(), SenderEvent::accepted, now);
    }
  }
  result.bytes_after = budgets.table().bytes() + senders.table().bytes();
  result.exact_prefixes = exact.prefixes();
  result.gauges = budgets.gauges(kBegin + plan.seconds);
  return result;
}

}  // namespace postern::bounds::testing
