// The server over real sockets: who gets a place.
#include "web/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <future>
#include <thread>

#include "io/listener.h"
#include "unit/io/support.h"

namespace postern::web {
namespace {

class Answers final : public Handler {
 public:
  Task<Response> answer(Request) override { co_return plain(200, "here"); }
  int must_wait(const Request&) override { return 0; }
  Response too_many(const Request&, int) override { return plain(429, ""); }
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
      : server_(loop_, answers_, limits, users) {
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
  // As a browser asks.
  std::string ask() {
    if (context_ == nullptr) return read_all(connect_to(port_, kRequest));
    io::Loop loop;
    return io::test::run(loop, ask_tls(loop, port_));
  }
  void stop() { io::test::run(loop_, server_.stop()); }
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

}  // namespace
}  // namespace postern::web
