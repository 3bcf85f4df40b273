// Countries: nanoseconds a look-up and milliseconds to load, on what tor-geoipdb installs (skipped where it is not).
#include <benchmark/benchmark.h>

#include <array>
#include <random>
#include <vector>

#include "geo/country_table.h"

namespace {

using namespace postern;

std::vector<ip::Address> addresses(ip::Family family) {
  std::mt19937_64 random(1);
  std::vector<ip::Address> out;
  for (int i = 0; i < 65536; ++i) {
    const std::uint64_t bits = random();
    const auto octet = [&](unsigned n) { return static_cast<std::uint8_t>(bits >> (8 * n)); };
    if (family == ip::Family::v4) {
      out.push_back(ip::Address::v4({octet(0), octet(1), octet(2), octet(3)}));
    } else {  // where the registries give out most of their space
      constexpr std::array<std::uint16_t, 8> kHeads{0x2001, 0x2402, 0x2404, 0x2600, 0x2804, 0x2a00, 0x2a02, 0x2a0e};
      const std::uint16_t head = kHeads.at(octet(0) % kHeads.size());
      std::array<std::uint8_t, 16> octets{static_cast<std::uint8_t>(head >> 8U),
                                          static_cast<std::uint8_t>(head & 0xFFU),
                                          octet(2),
                                          octet(3),
                                          octet(4),
                                          octet(5),
                                          octet(6),
                                          octet(7)};
      out.push_back(ip::Address::v6(octets));
    }
  }
  return out;
}

void look_up(benchmark::State& state, ip::Family family) {
  const auto table = geo::CountryTable::load();
  if (!table || table->empty()) {
    state.SkipWithError("tor-geoipdb is not installed");
    return;
  }
  const auto clients = addresses(family);
  std::size_t i = 0;
  std::size_t found = 0;
  for (auto _ : state) found += table->country(clients[i++ % clients.size()]).known() ? 1 : 0;
  benchmark::DoNotOptimize(found);
}

void country_v4(benchmark::State& state) { look_up(state, ip::Family::v4); }
void country_v6(benchmark::State& state) { look_up(state, ip::Family::v6); }

void country_load(benchmark::State& state) {
  for (auto _ : state) {
    const auto table = geo::CountryTable::load();
    if (!table || table->empty()) {
      state.SkipWithError("tor-geoipdb is not installed");
      return;
    }
    state.counters["KiB"] = static_cast<double>(table->memory()) / 1024;
  }
}

BENCHMARK(country_v4);
BENCHMARK(country_v6);
BENCHMARK(country_load)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
