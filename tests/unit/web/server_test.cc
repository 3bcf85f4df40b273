// The server over real sockets: who gets a place.
#include "web/server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
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

// Whoever begins a request and does not go on gives way to who does; our own to our own.
TEST(Server, HalfHeadsShutNobodyOut) {
  for (const bool own : {false, true}) {
    io::Loop loop;
    Answers answers;
    const PeerUsers users;
    Server server(loop, answers, {.connections = 8, .per_network = 32}, own ? &users : nullptr);
    auto listening = io::bind_listener(*ip::Endpoint::parse("[::1]:0"), {});
    ASSERT_TRUE(listening);
    const std::uint16_t port = io::local_endpoint(listening->get())->port;
    std::string answer;
    std::thread client([&] {
      std::vector<UniqueFd> halves;
      for (int i = 0; i < 40; ++i) halves.push_back(connect_to(port, "GET / HTT"));
      answer = read_all(connect_to(port, kRequest));
      halves.clear();
      loop.post([&loop] { loop.stop(); });
    });
    loop.post([&] { server.listen(std::move(*listening), nullptr); });
    loop.run();
    client.join();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << own << answer;
    EXPECT_LE(server.connections(), 8U);
    io::test::run(loop, server.stop());
  }
}

}  // namespace
}  // namespace postern::web
