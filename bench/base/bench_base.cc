// CRC-32C, which every octet of a stored message passes.
#include <benchmark/benchmark.h>

#include <string>

#include "base/bytes.h"

namespace {

void crc(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), '\x5a');
  std::uint32_t value = 0;
  for (auto _ : state) benchmark::DoNotOptimize(value = postern::crc32c(bytes, value));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(crc)->Arg(64)->Arg(4096)->Arg(65536);

void crc_without_the_instruction(benchmark::State& state) {
  const std::string bytes(static_cast<std::size_t>(state.range(0)), '\x5a');
  std::uint32_t value = 0;
  for (auto _ : state) benchmark::DoNotOptimize(value = postern::detail::crc32c_portable(bytes, value));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(crc_without_the_instruction)->Arg(4096);

}  // namespace

BENCHMARK_MAIN();
