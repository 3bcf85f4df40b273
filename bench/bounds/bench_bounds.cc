// What the tables of constant size cost, on one core at 8 MiB each: budgets (events a second, IPv6 at five levels), the
// pending greylist (a look and, where it is the first, a note), known senders. `bytes_per_entry` is what one takes, all
// overhead of its line included.
//
//   bench_bounds [--benchmark_filter=...]       items_per_second counts CPU time, so that other load does not show
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "bounds/known_senders.h"
#include "bounds/pending.h"
#include "bounds/prefix_budgets.h"

namespace {

using namespace postern;
using namespace postern::bounds;

constexpr std::uint64_t kBytes = 8 << 20;
constexpr std::uint32_t kNow = 1'795'243'208;
constexpr std::size_t kPrepared = 1 << 20;

ip::Address v6(std::uint64_t network, std::uint64_t host) {
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < 8; ++i) {
    octets[i] = static_cast<std::uint8_t>(network >> (56 - 8 * i));
    octets[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
  }
  return ip::Address::v6(octets);
}

// Clients as a busy server sees them: many prefixes, each with a few machines, most far below their limits.
std::vector<Event> clients(int known_of_ten) {
  std::mt19937_64 random(1);
  std::vector<Event> events;
  for (std::size_t i = 0; i < kPrepared; ++i) {
    const std::uint64_t hoster = 0x20010000ULL + random() % 4000;
    events.push_back({.address = v6(hoster << 32U | (random() % 200'000 << 12U & 0xFFFFFFFFU), random() % 4),
                      .known = static_cast<int>(random() % 10) < known_of_ten,
                      .identity = {}});
  }
  return events;
}

// One rotating /64 after the other out of one /32: refused, nearly all.
std::vector<Event> flood() {
  std::mt19937_64 random(2);
  std::vector<Event> events;
  for (std::size_t i = 0; i < kPrepared; ++i) {
    events.push_back({.address = v6(0x20010DB8ULL << 32U | (random() & 0xFFFFFFFFU), random()), .identity = {}});
  }
  return events;
}

std::vector<Event> ipv4() {
  std::mt19937_64 random(3);
  std::vector<Event> events;
  for (std::size_t i = 0; i < kPrepared; ++i) {
    const std::uint64_t a = random();
    events.push_back(
        {.address = ip::Address::v4({static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(a >> 8U),
                                     static_cast<std::uint8_t>(a >> 16U), static_cast<std::uint8_t>(a >> 24U)}),
         .identity = {}});
  }
  return events;
}

void budgets(benchmark::State& state, const std::vector<Event>& events, double events_per_second) {
  PrefixBudgets table(TableFile::in_memory(kBytes), {});
  double now = kNow;
  std::size_t next = 0;
  std::uint64_t admitted = 0;
  for (auto _ : state) {
    admitted += table.take(events[next], static_cast<std::uint32_t>(now)).admitted ? 1 : 0;
    next = (next + 1) % events.size();
    now += 1 / events_per_second;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["admitted"] = static_cast<double>(admitted) / static_cast<double>(state.iterations());
  state.counters["bytes_per_entry"] = 64.0 / 12;
}

void mixed(benchmark::State& state) { budgets(state, clients(9), 1000); }
void strangers(benchmark::State& state) { budgets(state, clients(0), 1000); }
void rotating(benchmark::State& state) { budgets(state, flood(), 1000); }
void addresses_of_ipv4(benchmark::State& state) { budgets(state, ipv4(), 1000); }
BENCHMARK(mixed)->Name("budgets/90%_known");
BENCHMARK(strangers)->Name("budgets/nobody_known");
BENCHMARK(rotating)->Name("budgets/rotating_64s_of_one_32");
BENCHMARK(addresses_of_ipv4)->Name("budgets/random_ipv4");

void fill(Pending& table) {
  std::mt19937_64 random(4);
  for (std::uint64_t i = 0; i < table.table().bytes() / Pending::kEntryBytes; ++i) {
    table.note(random(), kNow + static_cast<std::uint32_t>(i / 1000), {});
  }
}

void pending_check(benchmark::State& state) {
  Pending table(TableFile::in_memory(kBytes));
  fill(table);
  std::uint64_t key = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.look(spread(++key), kNow + 2000, {}).kind);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_entry"] = static_cast<double>(Pending::kEntryBytes);
}
BENCHMARK(pending_check)->Name("pending/check");

void pending_first(benchmark::State& state) {
  Pending table(TableFile::in_memory(kBytes));
  fill(table);
  std::uint64_t key = 0;
  double now = kNow + 2000;
  for (auto _ : state) {
    const std::uint64_t sender = spread(++key);
    if (table.look(sender, static_cast<std::uint32_t>(now), {}).kind == Pending::Kind::unseen) {
      table.note(sender, static_cast<std::uint32_t>(now), {});
    }
    now += 0.001;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_entry"] = static_cast<double>(Pending::kEntryBytes);
}
BENCHMARK(pending_first)->Name("pending/check_and_note");

void known_check(benchmark::State& state) {
  KnownSenders table(TableFile::in_memory(kBytes));
  for (std::uint64_t key = 0; key < 400'000; ++key) table.note(key, SenderEvent::accepted, kNow);
  std::uint64_t key = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.known(spread(++key) % 800'000, kNow));
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_entry"] = static_cast<double>(KnownSenders::kEntryBytes);
}
BENCHMARK(known_check)->Name("known/check");

}  // namespace

BENCHMARK_MAIN();
