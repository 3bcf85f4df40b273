#include "web/peer_user.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/unique_fd.h"
#include "io/listener.h"

namespace postern::web {
namespace {

// A connection over loopback from a process of `user`, as it is accepted here; the process lives until it is told.
struct Connection {
  UniqueFd accepted, tell;
  ip::Endpoint peer, local;
  pid_t child = -1;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  void end() {
    tell.reset();
    if (child > 0) ::waitpid(child, nullptr, 0);
    child = -1;
  }
  ~Connection() { end(); }
};

void connect_as(std::uint32_t user, const char* address, bool closes, Connection& out) {
  auto listening = io::bind_listener(*ip::Endpoint::parse(std::string(address) + ":0"), {});
  ASSERT_TRUE(listening);
  out.local = *io::local_endpoint(listening->get());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  UniqueFd in(ends[0]);
  out.tell = UniqueFd(ends[1]);
  out.child = ::fork();
  if (out.child == 0) {
    out.tell.reset();
    if (::setuid(user) != 0) ::_exit(1);
    sockaddr_storage to{};
    socklen_t size = sizeof to;
    if (::getsockname(listening->get(), reinterpret_cast<sockaddr*>(&to), &size) != 0) ::_exit(1);
    UniqueFd fd(::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) != 0) ::_exit(1);
    if (closes) fd.reset();
    char octet = 0;
    [[maybe_unused]] const auto got = ::read(in.get(), &octet, 1);
    ::_exit(0);
  }
  // Bound listeners do not block
  const int flags = ::fcntl(listening->get(), F_GETFL);
  ASSERT_EQ(::fcntl(listening->get(), F_SETFL, flags & ~O_NONBLOCK), 0);
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  out.accepted = UniqueFd(::accept(listening->get(), reinterpret_cast<sockaddr*>(&from), &size));
  ASSERT_TRUE(out.accepted.valid());
  std::array<char, 64> text{};
  const bool v4 = from.ss_family == AF_INET;
  const void* const where = v4 ? static_cast<const void*>(&reinterpret_cast<sockaddr_in*>(&from)->sin_addr)
                               : static_cast<const void*>(&reinterpret_cast<sockaddr_in6*>(&from)->sin6_addr);
  ::inet_ntop(from.ss_family, where, text.data(), text.size());
  out.peer.address = *ip::Address::parse(text.data());
  out.peer.port =
      ntohs(v4 ? reinterpret_cast<sockaddr_in*>(&from)->sin_port : reinterpret_cast<sockaddr_in6*>(&from)->sin6_port);
  if (closes) {
    char octet = 0;
    EXPECT_EQ(::recv(out.accepted.get(), &octet, 1, 0), 0);  // its end has come
  }
}

class PeerUser : public ::testing::TestWithParam<std::tuple<const char*, bool>> {
 protected:
  PeerUser() {
    if (std::get<1>(GetParam())) users.forget_netlink();
  }
  const char* address = std::get<0>(GetParam());
  PeerUsers users;
};
INSTANTIATE_TEST_SUITE_P(Families, PeerUser,
                         ::testing::Combine(::testing::Values("127.0.0.1", "[::1]"), ::testing::Bool()));

TEST_P(PeerUser, OurOwnIsKnown) {
  Connection connection;
  connect_as(::getuid(), address, false, connection);
  EXPECT_EQ(users.of(connection.peer, connection.local), ::getuid());
  EXPECT_TRUE(users.is_own(connection.peer, connection.local));
  ip::Endpoint other = connection.peer;
  ++other.port;
  EXPECT_FALSE(users.is_own(other, connection.local));
  // The other end is another socket, which is ours here, too
  EXPECT_FALSE(users.of(connection.local, other).has_value());
}

TEST_P(PeerUser, AnotherUserIsNotOurs) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can be another user";
  for (const std::uint32_t user : {1U, 1000U, 65534U}) {
    Connection connection;
    connect_as(user, address, false, connection);
    EXPECT_EQ(users.of(connection.peer, connection.local), user);
    EXPECT_FALSE(users.is_own(connection.peer, connection.local));
  }
}

// The kernel calls a socket that nobody has any more root's.
TEST_P(PeerUser, WhoHasClosedItIsNobody) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can be another user";
  Connection connection;
  connect_as(1000, address, true, connection);
  EXPECT_FALSE(users.of(connection.peer, connection.local).has_value());
  EXPECT_FALSE(users.is_own(connection.peer, connection.local));
}

TEST(PeerUserStart, WhatIsOpenedIsTried) {
  EXPECT_TRUE(PeerUsers().works());
  EXPECT_TRUE(PeerUsers().has_netlink());
  // As a kernel without tcp_diag: the socket opens, and every question fails
  const PeerUsers without(NETLINK_USERSOCK);
  EXPECT_FALSE(without.has_netlink());
  EXPECT_TRUE(without.works()) << "by /proc";
  Connection connection;
  connect_as(::getuid(), "[::1]", false, connection);
  EXPECT_TRUE(without.is_own(connection.peer, connection.local));
}

// As systemd's ProcSubset=pid has it: there is no /proc/net.
TEST(PeerUserStart, ProcMayShowProcessesAlone) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
    if (::mount("proc", "/proc", "proc", 0, "subset=pid") != 0) ::_exit(77);
    if (::access("/proc/net/tcp", R_OK) == 0) ::_exit(77);
    const PeerUsers users(NETLINK_USERSOCK);
    ::_exit(users.works() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "such a /proc cannot be mounted here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PeerUserLine, AllOfItMustBeRight) {
  const ip::Endpoint peer = *ip::Endpoint::parse("127.0.0.1:39364"), local = *ip::Endpoint::parse("127.0.0.1:39905");
  const std::string line =
      "   1: 0100007F:99C4 0100007F:9BE1 01 00000000:00000000 03:0000176E 00000000  1000        0 77 3 "
      "000000007462ed0a";
  EXPECT_EQ(user_in_line(line, peer, local), 1000U);
  EXPECT_FALSE(user_in_line(line, local, peer).has_value());
  for (std::size_t cut = 0; cut < line.find(" 77"); ++cut)
    EXPECT_FALSE(user_in_line(line.substr(0, cut), peer, local).has_value()) << cut;
  std::string other = line;
  for (const char* state : {"06", "04", "05", "0A"}) {
    other.replace(line.find(" 01 ") + 1, 2, state);
    EXPECT_FALSE(user_in_line(other, peer, local).has_value()) << state;
  }
  other = line;
  other.replace(other.find("77"), 2, " 0");
  EXPECT_FALSE(user_in_line(other, peer, local).has_value()) << "closed";
}

}  // namespace
}  // namespace postern::web
