// Look-ups through CachedResolver: answered from the loop's cache (what a busy server does most), and asked of a server
// on loopback, through libunbound and back.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "dns/wire.h"
#include "io/loop.h"
#include "resolver/unbound.h"

using namespace postern;

namespace {

// Answers every question with one A record.
class Server {
 public:
  Server() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
    if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    ::shutdown(socket_.get(), SHUT_RDWR);  // ends recvfrom()
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] ip::Endpoint endpoint() const { return {ip::Address::loopback(ip::Family::v4), port_}; }

 private:
  void run() const {
    std::array<char, 2048> buffer{};
    for (;;) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const auto got =
          ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) return;
      const std::string_view query(buffer.data(), static_cast<std::size_t>(got));
      const auto name = dns::read_name(query, 12);
      if (!name || query.size() < name->end + 4) continue;
      std::string out(query.substr(0, 2));
      out += std::string("\x85\x80\0\1\0\1\0\0\0\0", 10);
      out += query.substr(12, name->end - 8);
      out += std::string("\xC0\x0C\0\1\0\1\0\0\x0E\x10\0\4\xC0\0\2\1", 16);
      ::sendto(socket_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }
  UniqueFd socket_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

struct Fixture {
  explicit Fixture(const Server& server) {
    resolver::Options options;
    options.servers = {server.endpoint()};
    unbound = resolver::Unbound::open(options).value();
    cached = std::make_unique<resolver::CachedResolver>(unbound, loop);
  }
  io::Loop loop;
  std::shared_ptr<resolver::Unbound> unbound;
  std::unique_ptr<resolver::CachedResolver> cached;
};

dns::Name host(std::uint64_t n) { return *dns::Name::parse("host" + std::to_string(n) + ".example.test"); }

Task<void> fill(resolver::CachedResolver& resolver, std::uint64_t names, io::Loop& loop) {
  for (std::uint64_t i = 0; i < names; ++i) {
    dns::Budget budget;
    if ((co_await resolver.query(host(i), dns::Type::a, budget))->status != dns::Status::ok) std::abort();
  }
  loop.stop();
}

void cached(benchmark::State& state) {
  const Server server;
  Fixture fixture(server);
  const auto names = static_cast<std::uint64_t>(state.range(0));
  io::Scope scope(fixture.loop);
  fixture.loop.post([&] { scope.spawn(fill(*fixture.cached, names, fixture.loop)); });
  fixture.loop.run();
  std::vector<dns::Name> hosts;
  for (std::uint64_t i = 0; i < names; ++i) hosts.push_back(host(i));
  fixture.loop.post([&] {
    std::size_t n = 0;
    dns::Budget budget(UINT32_MAX);
    for (auto _ : state) {
      const auto answer = run_ready(fixture.cached->query(hosts[n], dns::Type::a, budget));
      if (answer->status != dns::Status::ok) std::abort();
      n = n + 1 == hosts.size() ? 0 : n + 1;
    }
    fixture.loop.stop();
  });
  fixture.loop.run();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(cached)->Arg(10)->Arg(10'000);

Task<void> ask(resolver::CachedResolver& resolver, dns::Name name, dns::Type type) {
  dns::Budget budget;
  if ((co_await resolver.query(std::move(name), type, budget))->status != dns::Status::ok) std::abort();
}
Task<void> join(io::Scope& scope, io::Loop& loop) {
  co_await scope.join();
  loop.stop();
}

// `range` at once, of names never seen before; real time, because three threads and a server share the work.
void uncached(benchmark::State& state) {
  const Server server;
  Fixture fixture(server);
  std::uint64_t n = 0;
  for (auto _ : state) {
    io::Scope scope(fixture.loop);
    io::Scope outer(fixture.loop);
    fixture.loop.post([&] {
      for (std::int64_t i = 0; i < state.range(0); ++i) scope.spawn(ask(*fixture.cached, host(n++), dns::Type::a));
      outer.spawn(join(scope, fixture.loop));
    });
    fixture.loop.run();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(uncached)->Arg(1)->Arg(500)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
