// Header sections cut into fields, and address lists: octets a second.
#include <benchmark/benchmark.h>

#include <string>

#include "message/author.h"
#include "message/header_section.h"

namespace {

using namespace postern::message;

std::string header(std::size_t octets) {
  std::string out;
  while (out.size() < octets) {
    out +=
        "Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id "
        "0123456789\r\n"
        "\tfor <x@example.net>; Sat, 21 Nov 2026 11:00:00 +0000\r\n"
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;\r\n h=from:to:subject:date;\r\n"
        " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=abcdefghijklmnopqrstuvwxyz\r\n"
        "Subject: a short one\r\nFrom: J. Doe <j.doe@example.org>\r\n";
  }
  return out;
}

void section(benchmark::State& state) {
  const std::string text = header(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    const HeaderSection parsed{std::string(text)};
    benchmark::DoNotOptimize(parsed.fields().size());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(section)->Arg(2048)->Arg(1 << 20);

void addresses(benchmark::State& state, const char* body) {
  const std::string text = body;
  for (auto _ : state) {
    const auto parsed = parse_addresses(text);
    benchmark::DoNotOptimize(parsed.has_value());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(addresses, plain, "j.q.public@mail.example.com");
BENCHMARK_CAPTURE(addresses, named, "\"Public, John Q.\" <j.q.public@mail.example.com> (home)");
BENCHMARK_CAPTURE(addresses, encoded,
                  "=?utf-8?q?J=C3=BCrgen_Q=2E?=\r\n =?utf-8?q?Public?= <j.q.public@mail.example.com>");

void hostile(benchmark::State& state) {
  std::string text;
  while (text.size() < (1U << 20U)) text += "(((((\\))))))\"a\\\"\" a . b [c] ";
  for (auto _ : state) {
    const auto parsed = parse_addresses(text);
    benchmark::DoNotOptimize(parsed.has_value());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
BENCHMARK(hostile);

}  // namespace

BENCHMARK_MAIN();
