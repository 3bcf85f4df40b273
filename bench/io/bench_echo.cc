// One echo in lockstep over a socket pair: CPU per exchange (both ends on one loop), and memory per idle session.
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/stream.h"

using namespace postern;

namespace {

double cpu() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto s = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return s(use.ru_utime) + s(use.ru_stime);
}

Task<void> echo(io::Stream& stream) {
  for (;;) {
    const auto got = co_await stream.receive(Deadline::after(seconds(300)));
    if (!got || got->empty()) co_return;
    if (!(co_await stream.send(*got, Deadline::after(seconds(300))))) co_return;
  }
}
Task<void> ask(io::Stream& stream, int count) {
  for (int i = 0; i < count; ++i) {
    if (!(co_await stream.send("NOOP\r\n", Deadline::after(seconds(300))))) std::abort();
    const auto got = co_await stream.receive(Deadline::after(seconds(300)));
    if (!got || got->empty()) std::abort();
  }
  stream.loop().stop();
}
Task<void> idle(io::Stream& stream) { (void)co_await stream.receive(Deadline::after(seconds(300))); }
Task<void> join(io::Scope& scope, io::Loop& loop) {
  co_await scope.join();
  loop.stop();
}

long resident_kib() {
  std::ifstream status("/proc/self/smaps_rollup");
  std::string word;
  while (status >> word) {
    if (word == "Pss:") {
      long kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200000;
  const int sessions = argc > 2 ? std::atoi(argv[2]) : 5000;
  io::Loop loop;
  io::Scope scope(loop);
  std::array<int, 2> fds{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) != 0) return 1;
  auto a = io::make_stream(loop, UniqueFd(fds[0]));
  auto b = io::make_stream(loop, UniqueFd(fds[1]));
  const double before = cpu();
  loop.post([&] {
    scope.spawn(echo(*a));
    scope.spawn(ask(*b, count));
  });
  loop.run();
  std::printf("%.2f us CPU per lockstep exchange, both ends\n", (cpu() - before) * 1e6 / count);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::vector<std::unique_ptr<io::Stream>> streams;
  std::vector<UniqueFd> others;
  streams.reserve(static_cast<std::size_t>(sessions));
  others.reserve(static_cast<std::size_t>(sessions));
  const long idle_before = resident_kib();
  loop.post([&] {
    for (int i = 0; i < sessions; ++i) {
      std::array<int, 2> ends{};
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0) break;
      streams.push_back(io::make_stream(loop, UniqueFd(ends[0])));
      others.emplace_back(ends[1]);
      scope.spawn(idle(*streams.back()));
    }
    loop.stop();
  });
  loop.run();
  std::printf("%.0f octets PSS per idle session (%zu): stream, pending receive, task\n",
              static_cast<double>(resident_kib() - idle_before) * 1024 / static_cast<double>(streams.size()),
              streams.size());
  a->cancel();
  for (const auto& stream : streams) stream->cancel();
  io::Scope last(loop);
  loop.post([&] { last.spawn(join(scope, loop)); });
  loop.run();
  return 0;
}
