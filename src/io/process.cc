#include "io/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "io/loop_impl.h"

namespace postern::io {

namespace {
// Where each signal is written to, plus one; 0 = nowhere. Read by the handler, so nothing but lock-free atomics.
std::array<std::atomic<int>, NSIG> signal_pipes{};
static_assert(std::atomic<int>::is_always_lock_free);
}  // namespace

extern "C" {
static void postern_on_signal(int signo) {
  const int saved_errno = errno;
  const int fd = signal_pipes.at(static_cast<std::size_t>(signo)).load(std::memory_order_relaxed) - 1;
  const auto octet = static_cast<unsigned char>(signo);
  // A full pipe already holds what wakes the loop.
  if (fd >= 0) [[maybe_unused]]
    const auto n = ::write(fd, &octet, 1);
  errno = saved_errno;
}
}

struct SignalWatcher::Impl final : private Watch {
  Impl(Loop& loop, std::vector<int> wanted, std::function<void(int)> callback)
      : reactor(loop.impl()), signals(std::move(wanted)), handler(std::move(callback)) {
    std::array<int, 2> ends{};
    POSTERN_CHECK(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    POSTERN_CHECK(reactor.add(read_end.get(), EPOLLIN, *this) == 0);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file over RLIMIT_FSIZE is EFBIG from write(2), as any full disk
    previous.resize(signals.size());
    for (std::size_t i = 0; i < signals.size(); ++i) {
      signal_pipes.at(static_cast<std::size_t>(signals[i])).store(write_end.get() + 1, std::memory_order_relaxed);
      struct sigaction action{};
      action.sa_handler = postern_on_signal;
      action.sa_flags = SA_RESTART;
      POSTERN_CHECK(::sigaction(signals[i], &action, &previous[i]) == 0);
    }
  }
  ~Impl() {
    for (std::size_t i = 0; i < signals.size(); ++i) {
      ::sigaction(signals[i], &previous[i], nullptr);
      signal_pipes.at(static_cast<std::size_t>(signals[i])).store(0, std::memory_order_relaxed);
    }
    reactor.remove(read_end.get(), *this);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void on_events(std::uint32_t) override {
    std::array<unsigned char, 32> octets{};
    const ssize_t n = ::read(read_end.get(), octets.data(), octets.size());
    // Posted: the handler may destroy the watcher.
    for (ssize_t i = 0; i < n; ++i) {
      reactor.post([call = handler, signo = int{octets.at(static_cast<std::size_t>(i))}] { call(signo); });
    }
  }

  Loop::Impl& reactor;
  std::vector<int> signals;
  std::function<void(int)> handler;
  std::vector<struct sigaction> previous;
  UniqueFd read_end;
  UniqueFd write_end;
};

SignalWatcher::SignalWatcher(Loop& loop, std::vector<int> signals, std::function<void(int)> handler)
    : impl_(std::make_unique<Impl>(loop, std::move(signals), std::move(handler))) {}
SignalWatcher::~SignalWatcher() = default;

void notify_supervisor(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  const std::string_view name(path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || name.size() >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // sd_notify(3): the abstract namespace
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return;
  // An abstract name ends where the address does, so the length has to be exact.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

std::vector<InheritedSocket> inherited_sockets() {
  constexpr int kFirst = 3;  // sd_listen_fds(3): SD_LISTEN_FDS_START
  constexpr std::uint64_t kMax = 1024;
  std::vector<InheritedSocket> out;
  const char* const pid = std::getenv("LISTEN_PID");
  const char* const count = std::getenv("LISTEN_FDS");
  const char* const names = std::getenv("LISTEN_FDNAMES");
  // Meant for this process, not for a parent whose environment leaked.
  if (pid != nullptr && count != nullptr && parse_unsigned(pid) == static_cast<std::uint64_t>(::getpid())) {
    const std::string all_names = names != nullptr ? names : "";
    const auto listed = split(all_names, ':');
    const auto number = parse_unsigned(count, kMax).value_or(0);
    for (std::size_t i = 0; i < number; ++i) {
      const int fd = kFirst + static_cast<int>(i);
      const int flags = ::fcntl(fd, F_GETFD);
      if (flags < 0) continue;
      ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
      out.push_back({UniqueFd(fd), i < listed.size() ? std::string(listed[i]) : std::string()});
    }
  }
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  return out;
}

bool running_as_root() { return ::geteuid() == 0; }

Result<void> drop_privileges(const std::string& user) {
  const std::string doing = "becoming user '" + user + "'";
  if (!running_as_root()) {
    return fail(ErrorKind::invalid,
                doing + ": not started as root; start it as root, or remove `user` and start it as that user");
  }
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  const int error = ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return fail_errno(ErrorKind::invalid, doing, error);
  if (found == nullptr) {
    return fail(ErrorKind::not_found, doing + ": there is no such user; create it (`useradd --system " + user + "`)");
  }
  const uid_t uid = entry.pw_uid;
  const gid_t gid = entry.pw_gid;
  if (uid == 0) return fail(ErrorKind::invalid, doing + ": that is root again; name an ordinary user");
  if (::initgroups(user.c_str(), gid) != 0) return fail_errno(ErrorKind::invalid, doing + ": initgroups", errno);
  if (::setresgid(gid, gid, gid) != 0) return fail_errno(ErrorKind::invalid, doing + ": setresgid", errno);
  if (::setresuid(uid, uid, uid) != 0) return fail_errno(ErrorKind::invalid, doing + ": setresuid", errno);
  // A process that could become root again has dropped nothing: going on would be worse than not starting.
  uid_t real = 0;
  uid_t effective = 0;
  uid_t saved = 0;
  POSTERN_CHECK(::getresuid(&real, &effective, &saved) == 0 && real == uid && effective == uid && saved == uid);
  POSTERN_CHECK(::setuid(0) != 0 && ::seteuid(0) != 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail_errno(ErrorKind::invalid, doing + ": no_new_privs", errno);
  }
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno(ErrorKind::invalid, doing + ": dumpable", errno);
  return {};
}

std::size_t raise_file_limit(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit raised = limit;
  raised.rlim_cur = std::max<rlim_t>(limit.rlim_max, wanted);
  raised.rlim_max = raised.rlim_cur;
  // Above the hard limit only root may go.
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
    raised.rlim_cur = raised.rlim_max = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &raised);
  }
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace postern::io
