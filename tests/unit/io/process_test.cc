#include "io/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "support.h"

namespace postern::io {
namespace {

using test::TempDir;

TEST(SignalWatcher, CallsItsHandlerOnTheLoop) {
  Loop loop;
  std::vector<int> seen;
  {
    const SignalWatcher watcher(loop, {SIGHUP, SIGUSR1}, [&](int signo) {
      EXPECT_TRUE(loop.on_thread());
      seen.push_back(signo);
      if (seen.size() == 2) loop.stop();
    });
    loop.post([] {
      ::raise(SIGHUP);
      ::raise(SIGUSR1);
    });
    loop.run();
  }
  EXPECT_EQ(seen, (std::vector<int>{SIGHUP, SIGUSR1}));
  struct sigaction now{};
  ASSERT_EQ(::sigaction(SIGHUP, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

std::string notified_through(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  notify_supervisor("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
  std::array<char, 64> buffer{};
  const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
}

TEST(SignalWatcher, AFileOverTheLimitIsAnErrorNotADeath) {
  Loop loop;
  const SignalWatcher watcher(loop, {SIGHUP}, [](int) {});
  for (const int signo : {SIGXFSZ, SIGPIPE}) {
    struct sigaction action{};
    ASSERT_EQ(::sigaction(signo, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_IGN) << signo;
  }
}

TEST(Supervisor, IsNotifiedByPathAndByAbstractName) {
  const TempDir folder;
  EXPECT_EQ(notified_through(folder.file("notify")), "READY=1");
  EXPECT_EQ(notified_through("@postern-io-test-" + std::to_string(::getpid())), "READY=1");
  notify_supervisor("READY=1");  // without NOTIFY_SOCKET: nothing
}

// Descriptor 3 is the supervisor's to give, so this runs in a child.
template <class Function>
int in_child(Function function) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(function());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

TEST(Inherited, SocketsAreTakenOnceAndOnlyByTheRightProcess) {
  const int result = in_child([] {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) != 0) return 1;
    const int a = ::fcntl(fds[0], F_DUPFD, 100);
    const int b = ::fcntl(fds[1], F_DUPFD, 100);
    if (::dup2(a, 3) != 3 || ::dup2(b, 4) != 4) return 2;
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_FDNAMES", "mx:submission", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    const auto sockets = inherited_sockets();
    if (sockets.size() != 2) return 3;
    if (sockets[0].name != "mx" || sockets[1].name != "submission" || sockets[1].fd.get() != 4) return 4;
    if ((::fcntl(3, F_GETFD) & FD_CLOEXEC) == 0) return 5;
    if (!inherited_sockets().empty() || std::getenv("LISTEN_FDS") != nullptr) return 6;
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", "1", 1);
    return inherited_sockets().empty() ? 0 : 7;
  });
  EXPECT_EQ(result, 0);
}

TEST(Privileges, AreDroppedForGood) {
  if (!running_as_root()) {
    const auto refused = drop_privileges("nobody");
    ASSERT_FALSE(refused.has_value());
    EXPECT_NE(refused.error().what.find("root"), std::string::npos);
    GTEST_SKIP() << "not root: only the refusal was tested";
  }
  EXPECT_FALSE(drop_privileges("postern-no-such-user").has_value());
  EXPECT_FALSE(drop_privileges("root").has_value());
  const int result = in_child([] {
    if (!drop_privileges("nobody").has_value()) return 1;
    if (::getuid() == 0 || ::getgid() == 0 || ::setuid(0) == 0 || ::setgid(0) == 0) return 2;
    std::array<gid_t, 64> groups{};
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    for (int i = 0; i < count; ++i) {
      if (groups.at(static_cast<std::size_t>(i)) == 0) return 3;
    }
    return 0;
  });
  EXPECT_EQ(result, 0);
}

TEST(Limits, FilesAreRaisedToTheHardLimitAtLeast) {
  const auto in_force = raise_file_limit(1);
  EXPECT_GT(in_force, 0U);
  EXPECT_EQ(raise_file_limit(1), in_force);
}

}  // namespace
}  // namespace postern::io
