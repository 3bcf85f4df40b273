// The server over real sockets: who gets a place.
#include "web/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <functional>
#include <future>
#include <list>
#include <thread>

#include "io/listener.h"
#include "unit/io/support.h"

namespace postern::web {
namespace {

class Answers final : public Handler {
 public:
  explicit Answers(io::Loop& loop) : loop_(loop) {}
  Task<Response> answer(Request request) override {
    if (request.path == "/wait") static_cast<void>(co_await gates.emplace_back(loop_).wait(io::test::soon()));
    co_return plain(200, "here");
  }
  int must_wait(const Request&) override { return 0; }
  Response too_many(const Request&, int) override { return plain(429, ""); }
  std::list<io::Signal> gates;  // of those that wait for their answers

 private:
  io::Loop& loop_;
};

UniqueFd connect_to(std::uint16_t port, std::string_view says) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(port);
  UniqueFd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::send(fd.get(), says.data(), says.size(), MSG_NOSIGNAL), static_cast<ssize_t>(says.size()));
  return fd;
}

std::string read_all(const UniqueFd& fd) {
  std::string out;
  std::array<char, 4096> block;
  for (ssize_t got = 0; (got = ::recv(fd.get(), block.data(), block.size(), 0)) > 0;)
    out.append(block.data(), static_cast<std::size_t>(got));
  return out;
}

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

// A server on a port of its own, whose clients run on a thread; ends with them.
class Served {
 public:
  explicit Served(ServerLimits limits, bool tls, const PeerUsers* users = nullptr, const char* at = "[::1]:0")
      : answers_(loop_), server_(loop_, answers_, limits, users) {
    auto listening = io::bind_listener(*ip::Endpoint::parse(at), {});
    EXPECT_TRUE(listening);
    port_ = io::local_endpoint(listening->get())->port;
    if (tls)
      context_ = *io::TlsServerContext::make({.certificates = {io::test::make_certificate(folder_, "localhost")}});
    loop_.post([this, fd = std::move(*listening)]() mutable {
      server_.listen(std::move(fd), context_ == nullptr ? Server::Tls() : [this] { return context_; });
    });
  }
  void with(const std::function<void()>& clients) {
    std::thread thread([&] {
      clients();
      loop_.post([this] { loop_.stop(); });
    });
    loop_.run();
    thread.join();
  }
  // While they are open: of the server's thread.
  std::size_t connections() {
    std::promise<std::size_t> told;
    loop_.post([&] { told.set_value(server_.connections()); });
    return told.get_future().get();
  }
  void wait_for_connections(std::size_t count) {
    while (connections() != count) std::this_thread::yield();
  }
  void wait_for_waiting(std::size_t count) {
    for (std::size_t now = 0; now != count; std::this_thread::yield()) {
      std::promise<std::size_t> told;
      loop_.post([&] { told.set_value(answers_.gates.size()); });
      now = told.get_future().get();
    }
  }
  // As a browser asks.
  std::string ask() {
    if (context_ == nullptr) return read_all(connect_to(port_, kRequest));
    io::Loop loop;
    return io::test::run(loop, ask_tls(loop, port_));
  }
  void stop() { io::test::run(loop_, server_.stop()); }
  void open_gates() {
    loop_.post([this] {
      for (io::Signal& gate : answers_.gates) gate.notify();
    });
  }
  void begin_to_stop() {
    loop_.post([this] { scope_.spawn(server_.stop()); });
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  static Task<std::string> ask_tls(io::Loop& loop, std::uint16_t port) {
    auto stream = co_await io::connect(loop, {ip::Address::loopback(ip::Family::v6), port}, io::test::soon());
    if (!stream) co_return stream.error().what;
    const auto secure =
        co_await (*stream)->start_tls_client(*io::TlsClientContext::make({}), io::TlsExpect{}, io::test::soon());
    if (!secure) co_return secure.error().what;
    static_cast<void>(co_await (*stream)->send(kRequest, io::test::soon()));
    auto all = co_await io::test::receive_all(**stream);
    co_return all ? *all : all.error().what;
  }

  io::test::TempDir folder_;
  io::Loop loop_;
  io::Scope scope_{loop_};
  Answers answers_;
  Server server_;
  std::shared_ptr<io::TlsServerContext> context_;
  std::uint16_t port_ = 0;
};

constexpr std::size_t kMany = 96;  // more than may be leaving at once

// Whoever begins a request, or a handshake, and does not go on gives way to who does; our own to our own.
TEST(Server, HalfHeadsShutNobodyOut) {
  const PeerUsers users;
  for (const bool own : {false, true}) {
    for (const auto& [tls, says] : {std::pair(false, "GET / HTT"), {false, ""}, {true, ""}, {true, "\x16\x03\x01"}}) {
      Served served({.connections = 8, .per_network = 32}, tls, own ? &users : nullptr);
      served.with([&] {
        std::vector<UniqueFd> halves;
        for (std::size_t i = 0; i < kMany; ++i) halves.push_back(connect_to(served.port(), says));
        const std::string answer = served.ask();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << own << tls << answer;
        EXPECT_LE(served.connections(), 8U) << own << tls;
      });
      served.stop();
    }
  }
}

// The end waits for no handshake either: it is there after some turns of the loop.
TEST(Server, StopsWhileHandshakesAreUnderWay) {
  Served served({}, true);
  served.with([&] {
    std::vector<UniqueFd> silent;
    for (std::size_t i = 0; i < 4; ++i) silent.push_back(connect_to(served.port(), ""));
    while (served.connections() < silent.size()) std::this_thread::yield();
    served.begin_to_stop();
    for (int turn = 0; turn < 8; ++turn) static_cast<void>(served.connections());
    EXPECT_EQ(served.connections(), 0U);
  });
}

// In a network of its own, where 192.0.2.0/24 is this machine's too: clients that come over no loopback. 77: there can
// be none. Runs in a child; what it expects in vain is told.
int in_own_network(const std::function<void()>& tests) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNET) != 0) ::_exit(77);
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) ::_exit(77);
    // All of an address' prefix is local on that interface
    std::strcpy(request.ifr_name, "lo:1");
    auto& address = reinterpret_cast<sockaddr_in&>(request.ifr_addr);
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::inet_addr("192.0.2.1");
    if (::ioctl(fd.get(), SIOCSIFADDR, &request) != 0) ::_exit(77);
    address.sin_addr.s_addr = ::inet_addr("255.255.255.0");
    if (::ioctl(fd.get(), SIOCSIFNETMASK, &request) != 0) ::_exit(77);
    tests();
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// From an address of ours to the same port of another. What is refused may be reset before it is heard.
UniqueFd connect_from(const std::string& from, const char* to, std::uint16_t port, std::string_view says) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::inet_addr(from.c_str());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << from;
  address.sin_addr.s_addr = ::inet_addr(to);
  address.sin_port = htons(port);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << from;
  static_cast<void>(::send(fd.get(), says.data(), says.size(), MSG_NOSIGNAL));
  return fd;
}
bool is_taken(const std::string& from, std::uint16_t port) {
  return read_all(connect_from(from, "192.0.2.1", port, kRequest)).starts_with("HTTP/1.1 200 ");
}

TEST(Server, ANetworkHasSoManyConnections) {
  const int code = in_own_network([] {
    Served served({.connections = 100, .per_network = 3}, false, nullptr, "0.0.0.0:0");
    served.with([&] {
      std::vector<UniqueFd> open;
      const auto hold = [&](const std::string& from) {
        open.push_back(connect_from(from, "192.0.2.1", served.port(), "GET"));
      };
      hold("192.0.2.10");
      hold("192.0.2.10");
      EXPECT_TRUE(is_taken("192.0.2.10", served.port())) << "the third";
      served.wait_for_connections(2);
      hold("192.0.2.10");
      EXPECT_FALSE(is_taken("192.0.2.10", served.port())) << "one more";
      hold("192.0.2.11");
      hold("192.0.2.11");
      EXPECT_TRUE(is_taken("192.0.2.12", served.port())) << "the sixth of the /24";
      served.wait_for_connections(5);
      hold("192.0.2.11");
      EXPECT_FALSE(is_taken("192.0.2.12", served.port())) << "one more";
      // Over loopback nobody's network counts
      for (int i = 0; i < 8; ++i) open.push_back(connect_from("127.0.0.1", "127.0.0.1", served.port(), "GET"));
      served.wait_for_connections(14);
      open.clear();
      served.wait_for_connections(0);
      EXPECT_TRUE(is_taken("192.0.2.12", served.port())) << "what ended counts no longer";
    });
    served.stop();
  });
  if (code == 77) GTEST_SKIP() << "no network of its own here";
  EXPECT_EQ(code, 0);
}

// The last places, and those that they have, are our own's, whatever strangers do.
TEST(Server, StrangersTakeNoPlaceOfOurOwn) {
  const int code = in_own_network([] {
    const PeerUsers users;
    Served served({.connections = 8, .per_network = 1000}, false, &users, "0.0.0.0:0");
    served.with([&] {
      const auto own = [&](std::string_view says) {
        return connect_from("127.0.0.1", "127.0.0.1", served.port(), says);
      };
      UniqueFd first = own("GET / HTT");
      std::vector<UniqueFd> halves;
      for (std::size_t i = 0; i < kMany; ++i)
        halves.push_back(connect_from("192.0.2.10", "192.0.2.1", served.port(), "GET / HTT"));
      EXPECT_TRUE(is_taken("192.0.2.10", served.port()));
      constexpr std::string_view kRest = "P/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      EXPECT_EQ(::send(first.get(), kRest.data(), kRest.size(), MSG_NOSIGNAL), static_cast<ssize_t>(kRest.size()));
      EXPECT_TRUE(read_all(first).starts_with("HTTP/1.1 200 ")) << "it did not give way to strangers";
      first.reset();
      halves.clear();
      served.wait_for_connections(0);
      // Six that wait for their answers are all that strangers can have; two places are left for us
      std::vector<UniqueFd> busy;
      for (int i = 0; i < 6; ++i)
        busy.push_back(
            connect_from("192.0.2.10", "192.0.2.1", served.port(), "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      served.wait_for_waiting(6);
      EXPECT_FALSE(is_taken("192.0.2.10", served.port()));
      EXPECT_TRUE(read_all(own(kRequest)).starts_with("HTTP/1.1 200 "));
      served.open_gates();
    });
    served.stop();
  });
  if (code == 77) GTEST_SKIP() << "no network of its own here";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace postern::web
