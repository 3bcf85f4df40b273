#include "io/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "io/loop_impl.h"
#include "io/sockaddr.h"
#include "io/tls_layer.h"

namespace postern::io {

namespace {

constexpr Tick kDeadlineGranularity = 10;  // in ticks of 10 ms: the tenth of a second that stream.h promises
// Operations that complete without waiting, per stream and turn; then the others of this loop come first.
constexpr int kBurst = 64;
// What close() reads and drops at most while it waits for the peer's FIN.
constexpr std::size_t kMaxDrain = std::size_t{1024} * 1024;

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t kWriteEvents = EPOLLOUT | EPOLLHUP | EPOLLERR;

class SocketStream final : public Stream, private Watch, private TimerNode {
 public:
  SocketStream(Loop& loop, UniqueFd fd, std::uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET)
      : loop_(loop), reactor_(loop.impl()), fd_(std::move(fd)) {
    watching_write_ = (events & EPOLLOUT) != 0;
    broken_ = reactor_.add(fd_.get(), events, *this);
  }
  ~SocketStream() override {
    reactor_.timers.disarm(*this);
    reactor_.remove(fd_.get(), *this);
  }
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  Task<Result<std::string_view>> receive(Deadline deadline) override;
  Task<Result<void>> send(std::string_view bytes, Deadline deadline) override;
  Task<Result<void>> start_tls_server(std::shared_ptr<TlsServerContext> context, Deadline deadline) override {
    POSTERN_CHECK(tls_ == nullptr);
    tls_ = TlsLayer::server(std::move(context), fd_.get(), std::exchange(unread_, {}));
    return handshake(deadline);
  }
  Task<Result<void>> start_tls_client(std::shared_ptr<TlsClientContext> context, TlsExpect expect,
                                      Deadline deadline) override {
    POSTERN_CHECK(tls_ == nullptr);
    tls_ = TlsLayer::client(std::move(context), expect, fd_.get());
    return handshake(deadline);
  }
  Task<Result<void>> renegotiate(Deadline deadline) override;
  Task<void> close(Deadline deadline) override;
  std::optional<ip::Address> local_address() const override {
    SocketAddress address;
    if (::getsockname(fd_.get(), address.get(), &address.size) != 0) return std::nullopt;
    const auto endpoint = from_socket_address(address);
    if (!endpoint) return std::nullopt;
    return endpoint->address;
  }
  void part() override {
    if (secure_ && !cancelled_ && broken_ == 0) tls_->say_goodbye();
  }
  void cancel() override {
    cancelled_ = true;
    wake(reader_);
    wake(writer_);
  }
  void interrupt() override {
    if (!reader_.handle || !receiving_) return;
    interrupted_ = true;
    wake(reader_);
  }
  bool readable() override;
  const TlsFacts* tls() const override { return secure_ ? &tls_->facts() : nullptr; }
  const TlsFacts* tls_attempt() const override { return tls_ != nullptr ? &tls_->facts() : nullptr; }
  void forget_client_hello() override {
    if (tls_ != nullptr) tls_->forget_client_hello();
  }
  std::string channel_binding() override { return secure_ ? tls_->channel_binding() : std::string(); }
  void put_back(std::string bytes) override { unread_ = std::move(bytes); }
  Loop& loop() override { return loop_; }

  Task<Result<void>> finish_connect(std::string doing, Deadline deadline);

 private:
  // One coroutine that waits for any of `events` or its deadline.
  struct Waiter {
    std::coroutine_handle<> handle;
    Clock::time_point deadline;
    std::uint32_t events = 0;
  };
  struct Wait {
    SocketStream& stream;
    Waiter& waiter;
    std::uint32_t events;
    Deadline deadline;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const {
      POSTERN_CHECK(!waiter.handle);
      waiter = {handle, deadline.time(), events};
      if (!deadline.is_never()) stream.reactor_.timers.arm(stream, deadline.time(), kDeadlineGranularity);
    }
    void await_resume() const noexcept {}
  };
  struct Yield {
    SocketStream& stream;
    bool await_ready() const noexcept { return !stream.burst_is_over(); }
    void await_suspend(std::coroutine_handle<> handle) const { stream.reactor_.make_ready(handle); }
    void await_resume() const noexcept {}
  };

  Task<Result<void>> handshake(Deadline deadline);
  Wait wait(Waiter& waiter, std::uint32_t events, Deadline deadline) {
    if ((events & EPOLLOUT) != 0) watch_write();
    return {*this, waiter, events, deadline};
  }
  Yield yield() { return {*this}; }
  bool burst_is_over() {
    if (burst_turn_ != reactor_.turn_number) {
      burst_turn_ = reactor_.turn_number;
      burst_ = 0;
    }
    return ++burst_ > kBurst;
  }
  void wake(Waiter& waiter) {
    if (waiter.handle) reactor_.make_ready(std::exchange(waiter.handle, {}));
  }
  void on_events(std::uint32_t events) override {
    if ((events & kReadEvents) != 0) readable_ = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hangup_ = true;
    if ((events & kWriteEvents) != 0) writable_ = true;
    if ((events & reader_.events) != 0) wake(reader_);
    if ((events & writer_.events) != 0) wake(writer_);
  }
  void on_timer(Clock::time_point now) override {
    for (Waiter* waiter : {&reader_, &writer_}) {
      if (!waiter->handle || waiter->deadline == Clock::time_point::max()) continue;
      if (now >= waiter->deadline)
        wake(*waiter);
      else
        reactor_.timers.arm(*this, waiter->deadline, kDeadlineGranularity);
    }
  }
  // Room in the send buffer is asked for only once it ran out: most sessions never register for it.
  void watch_write() {
    if (watching_write_) return;
    watching_write_ = true;
    if (const int error = reactor_.modify(fd_.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this); error != 0) {
      broken_ = error;
    }
  }
  void note_tls_read() {
    if (tls_->would_block() || (tls_->drained() && !hangup_)) readable_ = false;
  }
  // Why an operation may not go on; nothing where it may.
  [[nodiscard]] std::optional<Error> obstacle(std::string_view doing, Deadline deadline) const;
  [[nodiscard]] Error system_error(std::string_view doing, int error) const;
  TlsStep receive_some();
  TlsStep send_some(std::string_view bytes);
  [[nodiscard]] Error failure(std::string_view doing) const;

  Loop& loop_;
  Loop::Impl& reactor_;
  UniqueFd fd_;
  int broken_ = 0;  // errno of what made the stream useless
  Waiter reader_;
  Waiter writer_;
  std::unique_ptr<TlsLayer> tls_;
  std::string unread_;
  std::uint64_t burst_turn_ = 0;
  int burst_ = 0;
  bool readable_ = false;  // events set it, a short read clears it
  bool writable_ = true;   // events set it, EAGAIN clears it
  bool hangup_ = false;    // the peer ended its side: a short read no longer means that nothing is left
  bool watching_write_ = false;
  bool secure_ = false;  // the handshake is done
  bool receiving_ = false;
  bool interrupted_ = false;
  bool cancelled_ = false;
};

std::optional<Error> SocketStream::obstacle(std::string_view doing, Deadline deadline) const {
  if (cancelled_) return Error{ErrorKind::cancelled, std::string(doing) + ": cancelled", 0};
  if (broken_ != 0) return system_error(doing, broken_);
  if (deadline.passed(reactor_.now)) return Error{ErrorKind::timeout, std::string(doing) + ": timed out", 0};
  return std::nullopt;
}

Error SocketStream::system_error(std::string_view doing, int error) const {
  const bool peer_left = error == ECONNRESET || error == EPIPE || error == ECONNABORTED || error == ENOTCONN;
  return fail_errno(peer_left ? ErrorKind::closed : ErrorKind::network, doing, error).error();
}

Error SocketStream::failure(std::string_view doing) const {
  if (broken_ != 0) return system_error(doing, broken_);
  Error error = tls_->error();
  error.what = std::string(doing) + ": " + error.what;
  return error;
}

TlsStep SocketStream::receive_some() {
  const auto scratch = loop_.scratch();
  if (tls_ != nullptr) {
    const TlsStep step = tls_->read(scratch);
    note_tls_read();
    return step;
  }
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (n > 0) {
      const auto octets = static_cast<std::size_t>(n);
      if (octets < scratch.size() && !hangup_) readable_ = false;
      return {TlsStatus::done, octets};
    }
    if (n == 0) return {TlsStatus::closed, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      readable_ = false;
      return {TlsStatus::want_read, 0};
    }
    if (errno == EINTR) continue;
    broken_ = errno;
    return {TlsStatus::failed, 0};
  }
}

Task<Result<std::string_view>> SocketStream::receive(Deadline deadline) {
  static constexpr std::string_view kDoing = "receiving";
  for (;;) {
    if (std::exchange(interrupted_, false)) co_return fail(ErrorKind::cancelled, "receiving: interrupted");
    if (auto error = obstacle(kDoing, deadline)) co_return std::unexpected(std::move(*error));
    std::uint32_t wanted = kReadEvents;
    if (readable_ || (tls_ != nullptr && tls_->pending())) {
      co_await yield();
      const TlsStep step = receive_some();
      if (step.status == TlsStatus::done) co_return std::string_view(loop_.scratch().data(), step.octets);
      if (step.status == TlsStatus::closed) co_return std::string_view();
      if (step.status == TlsStatus::failed) co_return std::unexpected(failure(kDoing));
      if (step.status == TlsStatus::want_write)
        wanted |= kWriteEvents;
      else if (readable_)
        continue;  // an event came, or the peer hung up, and OpenSSL has not seen the end of it yet
    }
    receiving_ = true;
    co_await wait(reader_, wanted, deadline);
    receiving_ = false;
  }
}

TlsStep SocketStream::send_some(std::string_view bytes) {
  if (tls_ != nullptr) {
    const TlsStep step = tls_->write(bytes);
    if (step.status == TlsStatus::want_write) writable_ = false;
    return step;
  }
  for (;;) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return {TlsStatus::done, static_cast<std::size_t>(n)};
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      writable_ = false;
      return {TlsStatus::want_write, 0};
    }
    if (errno == EINTR) continue;
    broken_ = errno;
    return {TlsStatus::failed, 0};
  }
}

Task<Result<void>> SocketStream::send(std::string_view bytes, Deadline deadline) {
  static constexpr std::string_view kDoing = "sending";
  while (!bytes.empty()) {
    if (auto error = obstacle(kDoing, deadline)) co_return std::unexpected(std::move(*error));
    if (writable_) {
      co_await yield();
      const TlsStep step = send_some(bytes);
      if (step.status == TlsStatus::done) {
        bytes.remove_prefix(step.octets);
        continue;
      }
      if (step.status == TlsStatus::closed)
        co_return fail(ErrorKind::closed, "sending: the peer closed the connection");
      if (step.status == TlsStatus::failed) co_return std::unexpected(failure(kDoing));
      if (step.status == TlsStatus::want_read) {
        co_await wait(writer_, kReadEvents, deadline);
        continue;
      }
    }
    co_await wait(writer_, kWriteEvents, deadline);
  }
  co_return Result<void>();
}

Task<Result<void>> SocketStream::handshake(Deadline deadline) {
  static constexpr std::string_view kDoing = "TLS handshake";
  for (;;) {
    if (auto error = obstacle(kDoing, deadline)) {
      tls_->give_up(error->kind);
      co_return std::unexpected(std::move(*error));
    }
    const TlsStep step = tls_->handshake();
    note_tls_read();
    if (step.status == TlsStatus::done) {
      secure_ = true;
      co_return Result<void>();
    }
    if (step.status == TlsStatus::want_read) {
      if (!readable_) co_await wait(reader_, kReadEvents, deadline);
    } else if (step.status == TlsStatus::want_write) {
      writable_ = false;
      co_await wait(reader_, kWriteEvents, deadline);
    } else {
      co_return std::unexpected(failure(kDoing));
    }
  }
}

Task<Result<void>> SocketStream::renegotiate(Deadline deadline) {
  if (!secure_ || !tls_->begin_again())
    co_return fail(ErrorKind::refused, "TLS renegotiation: this connection has none");
  co_return co_await handshake(deadline);
}

Task<void> SocketStream::close(Deadline deadline) {
  if (cancelled_ || broken_ != 0) co_return;
  if (secure_) tls_->say_goodbye();
  ::shutdown(fd_.get(), SHUT_WR);
  // RFC 9293 3.10.4: closing with unread octets in the buffer would send a reset, which can overtake the last reply.
  std::size_t dropped = 0;
  const auto scratch = loop_.scratch();
  while (dropped < kMaxDrain && !obstacle("closing", deadline)) {
    if (!readable_) {
      co_await wait(reader_, kReadEvents, deadline);
      continue;
    }
    co_await yield();
    const ssize_t n = ::recv(fd_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (n > 0) {
      dropped += static_cast<std::size_t>(n);
      if (static_cast<std::size_t>(n) < scratch.size() && !hangup_) readable_ = false;
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      readable_ = false;
    } else if (n == 0 || errno != EINTR) {
      co_return;
    }
  }
}

bool SocketStream::readable() {
  if (tls_ != nullptr && tls_->pending()) return true;
  char octet = 0;
  return ::recv(fd_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Task<Result<void>> SocketStream::finish_connect(std::string doing, Deadline deadline) {
  writable_ = false;
  while (!writable_) {
    if (auto error = obstacle(doing, deadline)) co_return std::unexpected(std::move(*error));
    co_await wait(writer_, kWriteEvents, deadline);
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) co_return fail_errno(error == ETIMEDOUT ? ErrorKind::timeout : ErrorKind::network, doing, error);
  co_return Result<void>();
}

Task<Result<std::unique_ptr<Stream>>> connect_socket(Loop& loop, UniqueFd fd, SocketAddress address, std::string doing,
                                                     Deadline deadline, Breaker* breaker = nullptr) {
  if (::connect(fd.get(), address.get(), address.size) == 0) {
    auto stream = make_stream(loop, std::move(fd));
    if (breaker != nullptr) breaker->watch(stream.get());
    co_return std::move(stream);
  }
  if (errno != EINPROGRESS) co_return fail_errno(ErrorKind::network, doing, errno);
  auto stream = std::make_unique<SocketStream>(loop, std::move(fd), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  if (breaker != nullptr) breaker->watch(stream.get());
  auto connected = co_await stream->finish_connect(std::move(doing), deadline);
  if (!connected) {
    if (breaker != nullptr) breaker->watch(nullptr);
    co_return std::unexpected(std::move(connected.error()));
  }
  co_return std::unique_ptr<Stream>(std::move(stream));
}

Result<UniqueFd> tcp_socket(const ip::Endpoint& endpoint, const std::string& doing) {
  const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd.valid()) return fail_errno(ErrorKind::network, doing, errno);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

std::unique_ptr<Stream> make_stream(Loop& loop, UniqueFd fd) {
  return std::make_unique<SocketStream>(loop, std::move(fd));
}

Task<Result<void>> Stream::renegotiate(Deadline) {
  co_return fail(ErrorKind::refused, "TLS renegotiation: this connection has none");
}

Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, ip::Endpoint endpoint, Deadline deadline, Breaker* breaker) {
  std::string doing = "connecting to " + endpoint.text();
  POSTERN_CO_TRY(UniqueFd fd, tcp_socket(endpoint, doing));
  co_return co_await connect_socket(loop, std::move(fd), to_socket_address(endpoint), std::move(doing), deadline,
                                    breaker);
}

Task<Result<std::unique_ptr<Stream>>> connect_from(Loop& loop, ip::Address source, ip::Endpoint endpoint,
                                                   Deadline deadline, Breaker* breaker) {
  std::string doing = "connecting to " + endpoint.text() + " from " + source.text();
  if (source.family() != endpoint.address.family()) {
    co_return fail(ErrorKind::invalid, doing + ": the addresses are of different families");
  }
  POSTERN_CO_TRY(UniqueFd fd, tcp_socket(endpoint, doing));
  // Without this the port would be chosen at bind(), for one source address from one small range for all destinations.
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  auto local = to_socket_address({source, 0});
  if (::bind(fd.get(), local.get(), local.size) != 0) {
    co_return fail_errno(ErrorKind::network, doing + ": binding the source address", errno);
  }
  co_return co_await connect_socket(loop, std::move(fd), to_socket_address(endpoint), std::move(doing), deadline,
                                    breaker);
}

Task<Result<std::unique_ptr<Stream>>> connect_unix(Loop& loop, std::string path, Deadline deadline, Breaker* breaker) {
  std::string doing = "connecting to unix:" + path;
  SocketAddress address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    co_return fail(ErrorKind::invalid, doing + ": the path is longer than 107 octets; choose a shorter one");
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  std::memcpy(&address.storage, &name, sizeof name);
  address.size = sizeof name;
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) co_return fail_errno(ErrorKind::network, doing, errno);
  co_return co_await connect_socket(loop, std::move(fd), address, std::move(doing), deadline, breaker);
}

}  // namespace postern::io
