// What it costs to see that a name is generic: once a session with reverse DNS.
//
//   bench_generic_name      time a name
#include <benchmark/benchmark.h>

#include <vector>

#include "base/result.h"
#include "signals/generic_name.h"

namespace {

using namespace postern;

struct Case {
  dns::Name name;
  ip::Address address;
  bool generic = false;
};

void judge(benchmark::State& state, const char* name, const char* address, bool generic) {
  const auto suffixes = dns::PublicSuffixList::latest();
  const Case given{*dns::Name::parse(name), *ip::Address::parse(address), generic};
  for (auto _ : state) {
    const signals::GenericName got = signals::judge_name(given.name, given.address, *suffixes);
    POSTERN_CHECK(got.generic == given.generic);
    benchmark::DoNotOptimize(got.why.data());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(judge, mail_host_ipv4, "mail-ej1-f51.google.com", "209.85.218.51", false);
BENCHMARK_CAPTURE(judge, mail_host_ipv6, "mail-wm1-x32d.google.com", "2a00:1450:4864:20::32d", false);
BENCHMARK_CAPTURE(judge, pool_ipv4, "81-2-69-142.dsl.city.isp.example", "81.2.69.142", true);
BENCHMARK_CAPTURE(judge, pool_ipv6, "2001-db8-abcd-1234-1-2-3-4.nyc.isp.example", "2001:db8:abcd:1234:1:2:3:4", true);
BENCHMARK_CAPTURE(judge, nibbles, "2.4.1.0.9.6.0.0.2.0.0.0.1.8.0.0.4.3.2.1.d.c.b.a.8.b.d.0.1.0.0.2.ip6.isp.example",
                  "2001:db8:abcd:1234:81:2:69:142", true);

// 253 octets of one-digit labels: the most that a stranger's name can cost.
void longest(benchmark::State& state, const char* address) {
  const auto suffixes = dns::PublicSuffixList::latest();
  std::string text = "1";
  while (text.size() + 2 <= dns::kNameMax) text += ".1";
  const auto name = *dns::Name::parse(text);
  const auto client = *ip::Address::parse(address);
  for (auto _ : state) benchmark::DoNotOptimize(signals::judge_name(name, client, *suffixes).generic);
}
BENCHMARK_CAPTURE(longest, ipv4, "81.2.69.142");
BENCHMARK_CAPTURE(longest, ipv6, "2001:db8:abcd:1234:81:2:69:142");

}  // namespace

BENCHMARK_MAIN();
