// What the receiving side costs: octets of DATA a second, and a refused session from greeting to QUIT.
#include <benchmark/benchmark.h>

#include <string>

#include "smtp/receivers.h"
#include "smtp/server_machine.h"

namespace {

using namespace postern::smtp;

std::string mail(std::size_t line, std::size_t octets) {
  std::string out;
  while (out.size() < octets) out += std::string(line, 'A') + "\r\n";
  return out;
}

void data_receiver(benchmark::State& state) {
  const std::string text = mail(static_cast<std::size_t>(state.range(0)), 1U << 20U);
  std::uint64_t octets = 0;
  for (auto _ : state) {
    DataReceiver receiver(65536);
    std::string_view rest = text;
    while (!rest.empty()) {
      const BodyStep step = receiver.step(rest.substr(0, 16384));
      benchmark::DoNotOptimize(step.bytes.data());
      rest.remove_prefix(step.consumed);
    }
    octets += text.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(octets));
}
BENCHMARK(data_receiver)->Arg(76)->Arg(200)->Arg(30);

void refused_session(benchmark::State& state) {
  ServerOptions options;
  options.hostname = "mx.example.org";
  const Reply greeting(220, {}, "mx.example.org ESMTP");
  const Reply refusal(550, {5, 1, 1}, "<nobody@example.org>: no such mailbox here; check the address");
  constexpr std::string_view kSession =
      "EHLO client.example.net\r\nMAIL FROM:<sender@client.example.net> SIZE=12345\r\nRCPT TO:<nobody@example.org>\r\n"
      "QUIT\r\n";
  for (auto _ : state) {
    ServerMachine machine(options);
    machine.tag_refusals("0123456789ABCDEF");
    machine.greet(greeting);
    std::string_view rest = kSession;
    bool over = false;
    while (!over) {
      const Event event = machine.step(rest);
      rest.remove_prefix(event.consumed);
      if (event.kind == EventKind::rcpt)
        machine.refuse(refusal);
      else if (event.kind == EventKind::quit || event.kind == EventKind::none)
        over = true;
      else
        machine.accept();
    }
    benchmark::DoNotOptimize(machine.output().data());
  }
}
BENCHMARK(refused_session);

void idle_session_memory(benchmark::State& state) {
  ServerOptions options;
  options.hostname = "mx.example.org";
  std::size_t octets = 0;
  for (auto _ : state) {
    ServerMachine machine(options);
    machine.tag_refusals("0123456789ABCDEF");
    machine.greet(Reply(220, {}, "mx"));
    static_cast<void>(machine.step("EHLO client.example.net\r\n"));
    machine.accept();
    static_cast<void>(machine.step({}));
    std::string().swap(machine.output());
    octets = machine.memory();
  }
  state.counters["octets"] = static_cast<double>(octets);
}
BENCHMARK(idle_session_memory);

}  // namespace

BENCHMARK_MAIN();
