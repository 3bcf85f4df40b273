#include "io/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/counters.h"
#include "base/log.h"
#include "io/loop_impl.h"
#include "io/sockaddr.h"

#ifndef TCP_SAVE_SYN
#define TCP_SAVE_SYN 27
#define TCP_SAVED_SYN 28
#endif

namespace postern::io {

namespace {

Counter accepted_total("io_accepted_total");
Counter accept_paused_total("io_accept_paused_total");

// Connections taken in one go: under a flood the sessions that exist still get their turns.
constexpr int kAcceptBatch = 64;
constexpr milliseconds kPause{100};
constexpr auto kLogEvery = std::chrono::minutes(1);

std::unexpected<Error> bind_error(const std::string& doing, int error) {
  std::string remedy;
  if (error == EACCES) {
    remedy = " (a port below 1024 needs CAP_NET_BIND_SERVICE, root, or a socket passed by the supervisor)";
  } else if (error == EADDRINUSE) {
    remedy = " (another server listens there: stop it, or choose another address or port; `ss -ltnp` shows which)";
  } else if (error == EADDRNOTAVAIL) {
    remedy = " (no interface has this address)";
  }
  auto failed = fail_errno(ErrorKind::network, doing, error);
  failed.error().what += remedy;
  return failed;
}

}  // namespace

Result<UniqueFd> bind_listener(const ip::Endpoint& endpoint, const ListenOptions& options) {
  const std::string doing = "listening on " + endpoint.text();
  const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.valid()) return bind_error(doing, errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Both families have sockets of their own, whatever net.ipv6.bindv6only says.
  if (family == AF_INET6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return bind_error(doing, errno);
  }
  if (options.reuse_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return bind_error(doing, errno);
  }
  // Inherited by what is accepted: one system call less for each connection.
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Where the kernel refuses it the fingerprint is unknown, nothing else.
  if (options.save_syn) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof on);
  auto address = to_socket_address(endpoint);
  if (::bind(fd.get(), address.get(), address.size) != 0) return bind_error(doing, errno);
  if (::listen(fd.get(), options.backlog) != 0) return bind_error(doing, errno);
  return fd;
}

Result<ip::Endpoint> local_endpoint(int fd) {
  SocketAddress address;
  if (::getsockname(fd, address.get(), &address.size) != 0) {
    return fail_errno(ErrorKind::network, "reading a socket's address", errno);
  }
  if (auto endpoint = from_socket_address(address)) return *endpoint;
  return fail(ErrorKind::invalid, "reading a socket's address: it is neither IPv4 nor IPv6");
}

struct Listener::Impl final : private Watch, private TimerNode {
  Impl(Loop& loop, UniqueFd listening, bool shared_with_others, bool with_syn,
       std::move_only_function<void(Accepted)> callback)
      : reactor(loop.impl()),
        fd(std::move(listening)),
        shared(shared_with_others),
        save_syn(with_syn),
        on_accept(std::move(callback)) {
    prepare();
    watch();
  }
  ~Impl() {
    reactor.timers.disarm(*this);
    if (watching) reactor.remove(fd.get(), *this);
    if (alive != nullptr) *alive = false;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // What an inherited descriptor may lack.
  void prepare() {
    const int on = 1;
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
    // For all connections alike, unless the address is the wildcard: then each has its own.
    if (const auto endpoint = local_endpoint(fd.get())) {
      tcp = true;
      if (!endpoint->address.is_any()) local = *endpoint;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (save_syn) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_SAVE_SYN, &on, sizeof on);
    }
  }
  void watch() {
    // Level-triggered: what a batch leaves in the queue is reported again. Shared descriptors wake one loop, not all.
    const std::uint32_t exclusive = shared ? static_cast<std::uint32_t>(EPOLLEXCLUSIVE) : 0U;
    const int error = reactor.add(fd.get(), EPOLLIN | exclusive, *this);
    watching = error == 0;
    if (watching) return;
    log::error("listener_failed", {{"doing", "epoll_ctl"}, {"error", std::strerror(error)}});
    reactor.timers.arm(*this, reactor.now + kPause);
  }
  void pause(int error) {
    accept_paused_total.add();
    if (reactor.now >= next_log) {
      next_log = reactor.now + kLogEvery;
      log::error("accept_paused",
                 {{"error", std::strerror(error)}, {"remedy", "raise LimitNOFILE, or lower the session limit"}});
    }
    reactor.remove(fd.get(), *this);
    watching = false;
    reactor.timers.arm(*this, reactor.now + kPause);
  }
  void on_timer(Clock::time_point) override { watch(); }
  void on_events(std::uint32_t events) override;
  [[nodiscard]] Accepted describe(UniqueFd connection, const SocketAddress& peer) const;

  Loop::Impl& reactor;
  UniqueFd fd;
  bool shared;
  bool save_syn;
  bool tcp = false;
  bool watching = false;
  bool* alive = nullptr;  // on the stack of a batch in progress: the callback may destroy the listener
  std::optional<ip::Endpoint> local;
  std::move_only_function<void(Accepted)> on_accept;
  Clock::time_point next_log = Clock::time_point::min();
};

void Listener::Impl::on_events(std::uint32_t) {
  bool still_alive = true;
  alive = &still_alive;
  for (int i = 0; i < kAcceptBatch; ++i) {
    SocketAddress peer;
    UniqueFd connection(::accept4(fd.get(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection.valid()) {
      const int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) break;
      if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EBADF ||
          error == EINVAL || error == ENOTSOCK || error == EOPNOTSUPP) {
        pause(error);
        break;
      }
      continue;  // accept(2): errors of the connection that was to be accepted; the next one may be well
    }
    accepted_total.add();
    on_accept(describe(std::move(connection), peer));
    if (!still_alive) return;
    // One connection each time round: of the loops that share the descriptor the idle one takes the next.
    if (shared) break;
  }
  alive = nullptr;
}

Accepted Listener::Impl::describe(UniqueFd connection, const SocketAddress& peer) const {
  Accepted out;
  out.fd = std::move(connection);
  if (!tcp) return out;
  if (const auto endpoint = from_socket_address(peer)) out.peer = *endpoint;
  if (local)
    out.local = *local;
  else if (const auto endpoint = local_endpoint(out.fd.get()))
    out.local = *endpoint;
  if (save_syn) {
    std::array<char, 256> syn{};  // IPv6 header with extensions and a full TCP header: 40 + 60 and some
    socklen_t size = syn.size();
    if (::getsockopt(out.fd.get(), IPPROTO_TCP, TCP_SAVED_SYN, syn.data(), &size) == 0) {
      out.saved_syn.assign(syn.data(), size);
    }
  }
  return out;
}

Listener::Listener(Loop& loop, UniqueFd fd, bool shared, bool save_syn,
                   std::move_only_function<void(Accepted)> on_accept)
    : impl_(std::make_unique<Impl>(loop, std::move(fd), shared, save_syn, std::move(on_accept))) {}
Listener::~Listener() = default;

Result<UniqueFd> bind_unix_listener(const std::string& path) {
  const std::string doing = "listening on unix:" + path;
  SocketAddress address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return fail(ErrorKind::invalid, doing + ": the path is longer than 107 octets; choose a shorter data_dir");
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  std::memcpy(&address.storage, &name, sizeof name);
  address.size = sizeof name;

  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) {
      return fail(ErrorKind::invalid, doing + ": a file that is not a socket is in the way; move it");
    }
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe.valid()) return fail_errno(ErrorKind::network, doing, errno);
    if (::connect(probe.get(), address.get(), address.size) == 0 || errno == EAGAIN) {
      return fail(ErrorKind::network, doing + ": another server answers there; stop it first", EADDRINUSE);
    }
    if (::unlink(path.c_str()) != 0)
      return fail_errno(ErrorKind::network, doing + ": removing the stale socket", errno);
  }
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(ErrorKind::network, doing, errno);
  // Before bind(), so that there is no moment in which others may connect (unix(7): the mode follows the descriptor's).
  ::fchmod(fd.get(), S_IRUSR | S_IWUSR);
  if (::bind(fd.get(), address.get(), address.size) != 0) return fail_errno(ErrorKind::network, doing, errno);
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return fail_errno(ErrorKind::network, doing, errno);
  if (::listen(fd.get(), 128) != 0) return fail_errno(ErrorKind::network, doing, errno);
  return fd;
}

}  // namespace postern::io
