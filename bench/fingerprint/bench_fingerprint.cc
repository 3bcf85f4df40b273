// Nanoseconds to read a saved SYN, to print its signature, and to find its system in our table and in p0f's database;
// microseconds of a JA4.
#include <benchmark/benchmark.h>

#include <string>

#include "base/text.h"
#include "fingerprint/client_hello.h"
#include "fingerprint/os_table.h"

namespace {

using namespace postern;
using namespace postern::fingerprint;

// Of a Linux 6, over IPv4.
const std::string& saved_syn() {
  static const std::string octets = *from_hex(
      "4500003c1c4640004006b1e6c0000201c6336402d4310019a1b2c3d400000000a002faf0fe300000020405b40402080a3f1e2d0c00000000"
      "01030307");
  return octets;
}

void syn_parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_syn(saved_syn()));
}
void syn_signature(benchmark::State& state) {
  const auto syn = parse_syn(saved_syn());
  for (auto _ : state) benchmark::DoNotOptimize(signature(*syn));
}
void syn_match(benchmark::State& state) {
  const OsTable table;
  const auto syn = parse_syn(saved_syn());
  for (auto _ : state) benchmark::DoNotOptimize(table.match(*syn));
}
void syn_match_p0f(benchmark::State& state) {
  const auto database = P0fDatabase::load();
  if (!database) {
    state.SkipWithError("p0f's database is not installed");
    return;
  }
  const auto syn = parse_syn(saved_syn());
  for (auto _ : state) benchmark::DoNotOptimize(database->match(*syn));
}

void ja4_of_hello(benchmark::State& state) {
  std::string ciphers, extensions;
  const auto put = [](std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8U);
    out += static_cast<char>(value & 0xFFU);
  };
  for (unsigned i = 0; i < 31; ++i) put(ciphers, 0xC030 - i * 7);
  for (const unsigned type : {0U, 11U, 10U, 35U, 22U, 23U, 43U, 45U, 51U}) {
    put(extensions, type);
    put(extensions, 0);
  }
  put(extensions, 13);
  put(extensions, 42);
  put(extensions, 40);
  for (unsigned i = 0; i < 20; ++i) put(extensions, 0x0403 + i);
  std::string body = std::string("\x03\x03", 2) + std::string(32, 'r') + '\0';
  put(body, static_cast<unsigned>(ciphers.size()));
  body += ciphers + std::string("\1\0", 2);
  put(body, static_cast<unsigned>(extensions.size()));
  body += extensions;
  const std::string message =
      std::string("\1\0", 2) + static_cast<char>(body.size() >> 8U) + static_cast<char>(body.size() & 0xFFU) + body;
  for (auto _ : state) {
    const auto hello = parse_client_hello(message);
    if (!hello) {
      state.SkipWithError("no ClientHello");
      return;
    }
    benchmark::DoNotOptimize(ja4(*hello));
  }
}

BENCHMARK(syn_parse);
BENCHMARK(syn_signature);
BENCHMARK(syn_match);
BENCHMARK(syn_match_p0f);
BENCHMARK(ja4_of_hello)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
