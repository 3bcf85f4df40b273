#include "inbound/server.h"

#include <fcntl.h>

#include <algorithm>
#include <thread>
#include <unordered_set>

#include "base/log.h"

namespace postern::inbound {

namespace {

constexpr seconds kLastWords{1};  // for the 421 of a transaction that a drain cuts off

// One thread: a loop, its listeners, its sessions.
class Worker {
 public:
  Worker(spool::Store& store, Gate& gate, const Shared& shared)
      : resolver_(shared.make_resolver ? shared.make_resolver(loop_) : nullptr),
        context_{.loop = loop_,
                 .store = store,
                 .gate = gate,
                 .records = shared.records,
                 .current = &runtime_,
                 .authentication = {.resolver = resolver_.get(), .keys = &keys_, .pool = shared.pool},
                 .defence = shared.defence,
                 .sinkhole = shared.sinkhole,
                 .logins = shared.logins,
                 .expect = shared.expect,
                 .give_up = shared.give_up,
                 .tell_limit = shared.tell_limit},
        sessions_scope_(loop_),
        closing_scope_(loop_),
        session_ended_(loop_) {}

  std::vector<BoundSocket> sockets;

  void start(std::shared_ptr<const Runtime> runtime) {
    runtime_ = std::move(runtime);
    loop_.post([this] { listen(); });
    thread_ = std::thread([this] { loop_.run(); });
  }

  void reload(std::shared_ptr<const Runtime> runtime) {
    loop_.post([this, next = std::move(runtime)]() mutable { runtime_ = std::move(next); });
  }

  void begin_stop(Deadline deadline) {
    loop_.post([this, deadline] { closing_scope_.spawn(wind_down(deadline)); });
  }

  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  void listen() {
    for (BoundSocket& socket : sockets) {
      const std::size_t listener = socket.listener;
      listeners_.push_back(std::make_unique<io::Listener>(
          loop_, std::move(socket.fd), socket.shared, /*save_syn=*/true,
          [this, listener](io::Accepted accepted) { sessions_scope_.spawn(serve(listener, std::move(accepted))); }));
    }
    sockets.clear();
  }

  Task<void> serve(std::size_t listener, io::Accepted accepted) {
    Session session(context_, listener, std::move(accepted));
    const Listed listed(*this, session);
    co_await session.run();
  }

  // In the set as long as it runs, also where an exception ends it.
  class Listed {
   public:
    Listed(Worker& worker, Session& session) : worker_(worker), session_(session) {
      worker_.sessions_.insert(&session_);
    }
    ~Listed() {
      worker_.sessions_.erase(&session_);
      worker_.session_ended_.notify();
    }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;

   private:
    Worker& worker_;
    Session& session_;
  };

  Task<void> until_empty(Deadline deadline) {
    while (!sessions_.empty()) {
      const bool ended = co_await session_ended_.wait(deadline);
      if (!ended) break;
    }
  }

  Task<void> wind_down(Deadline deadline) {
    listeners_.clear();
    // drain() may end a session at once, which changes the set
    const std::vector<Session*> open(sessions_.begin(), sessions_.end());
    for (Session* session : open) {
      if (sessions_.contains(session)) session->drain();
    }
    co_await until_empty(deadline);
    // RFC 5321 3.8: no connection is closed without a 421, where the client can be told
    const std::vector<Session*> late(sessions_.begin(), sessions_.end());
    for (Session* session : late) {
      if (sessions_.contains(session)) session->drain_ends();
    }
    co_await until_empty(Deadline::after(kLastWords));
    const std::vector<Session*> stubborn(sessions_.begin(), sessions_.end());
    for (Session* session : stubborn) {
      if (sessions_.contains(session)) session->cancel();
    }
    co_await sessions_scope_.join();
    loop_.stop();
  }

  io::Loop loop_;
  std::shared_ptr<const Runtime> runtime_;
  std::unique_ptr<dns::Resolver> resolver_;
  dkim::KeyCache keys_;
  SessionContext context_;
  io::Scope sessions_scope_;
  io::Scope closing_scope_;
  io::Signal session_ended_;
  std::unordered_set<Session*> sessions_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  std::thread thread_;
};

Result<UniqueFd> duplicate(const UniqueFd& fd) {
  UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) return fail_errno(ErrorKind::network, "duplicating an inherited socket", errno);
  return copy;
}

}  // namespace

Result<BoundListeners> bind_listeners(const std::vector<ListenerOptions>& listeners, std::size_t threads,
                                      std::vector<io::InheritedSocket> inherited) {
  BoundListeners bound(threads);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    for (const ip::Endpoint& address : listeners[i].addresses) {
      const auto passed = std::ranges::find_if(inherited, [&address](const io::InheritedSocket& socket) {
        const auto local = io::local_endpoint(socket.fd.get());
        return local && *local == address;
      });
      for (auto& sockets : bound) {
        auto fd = passed != inherited.end() ? duplicate(passed->fd) : io::bind_listener(address, io::ListenOptions{});
        if (!fd) return std::unexpected(fd.error());
        sockets.push_back({std::move(*fd), i, /*shared=*/passed != inherited.end()});
      }
      if (passed != inherited.end()) inherited.erase(passed);
    }
  }
  if (!inherited.empty()) {
    const auto local = io::local_endpoint(inherited.front().fd.get());
    return fail(
        ErrorKind::invalid,
        "the supervisor passed a socket for " + (local ? local->text() : std::string("an unknown address")) +
            " that no [[listen]] names; add its address to the configuration or take it out of the socket unit");
  }
  return bound;
}

struct Server::Impl {
  Gate gate;
  std::vector<std::unique_ptr<Worker>> workers;
  bool started = false;
};

Server::Server(spool::Store& store, BoundListeners bound, const Shared& shared) : impl_(std::make_unique<Impl>()) {
  POSTERN_CHECK(!bound.empty());
  for (auto& sockets : bound) {
    impl_->workers.push_back(std::make_unique<Worker>(store, impl_->gate, shared));
    impl_->workers.back()->sockets = std::move(sockets);
  }
}

Server::~Server() {
  if (impl_->started) stop(milliseconds(0));
}

void Server::start(std::shared_ptr<const Runtime> runtime) {
  impl_->started = true;
  for (auto& worker : impl_->workers) worker->start(runtime);
}

void Server::reload(std::shared_ptr<const Runtime> runtime) {
  for (auto& worker : impl_->workers) worker->reload(runtime);
}

void Server::stop(milliseconds drain) {
  if (!impl_->started) return;
  impl_->started = false;
  const Deadline deadline = Deadline::after(drain);
  for (auto& worker : impl_->workers) worker->begin_stop(deadline);
  for (auto& worker : impl_->workers) worker->join();
}

const Gate& Server::gate() const { return impl_->gate; }

}  // namespace postern::inbound
