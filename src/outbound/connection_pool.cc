#include "outbound/connection_pool.h"

#include <algorithm>
#include <utility>

namespace postern::outbound {

namespace {

constexpr seconds kFarewell{5};

}  // namespace

ConnectionPool::ConnectionPool(io::Loop& loop, std::int64_t idle_ms) : keep_(idle_ms), signal_(loop), scope_(loop) {}

ConnectionPool::~ConnectionPool() = default;

void ConnectionPool::start() { scope_.spawn(watch()); }

std::optional<Connection> ConnectionPool::take(const std::string& key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return std::nullopt;
  std::optional<Connection> found;
  while (!found && !at->second.empty()) {
    Connection connection = std::move(at->second.back().connection);
    at->second.pop_back();
    --idle_;
    // Whoever speaks unasked says 421 or has closed (RFC 5321 3.8)
    if (!connection.conversation->stream().readable()) {
      connection.reused = true;
      found = std::move(connection);
    }
  }
  if (at->second.empty()) by_key_.erase(at);
  return found;
}

void ConnectionPool::give(const std::string& key, Connection connection) {
  if (stopping_ || keep_.count() <= 0 || idle_ >= kIdleMax) return dismiss(std::move(connection));
  by_key_[key].push_back({std::move(connection), Clock::now() + keep_});
  if (idle_++ == 0) signal_.notify();
}

void ConnectionPool::dismiss(Connection connection) { scope_.spawn(close(std::move(connection))); }

Task<void> ConnectionPool::close(Connection connection) {
  // RFC 5321 4.1.1.10: the client says QUIT and waits for the answer. Not into a handshake that broke.
  if (connection.conversation->machine().state() == smtp::ClientMachine::State::ready) {
    co_await connection.conversation->quit();
  } else {
    co_await connection.conversation->stream().close(Deadline::after(kFarewell));
  }
}

Task<void> ConnectionPool::watch() {
  while (!stopping_) {
    Clock::time_point next = Clock::time_point::max();
    const Clock::time_point now = Clock::now();
    for (auto at = by_key_.begin(); at != by_key_.end();) {
      // The oldest stand first
      auto& waiting = at->second;
      std::size_t over = 0;
      while (over < waiting.size() && waiting[over].until <= now) dismiss(std::move(waiting[over++].connection));
      waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(over));
      idle_ -= over;
      if (!waiting.empty()) next = std::min(next, waiting.front().until);
      at = waiting.empty() ? by_key_.erase(at) : std::next(at);
    }
    co_await signal_.wait(next == Clock::time_point::max() ? Deadline::never() : Deadline::at(next));
  }
}

void ConnectionPool::renew() {
  ++generation_;
  for (auto& [key, waiting] : std::exchange(by_key_, {})) {
    for (Idle& one : waiting) dismiss(std::move(one.connection));
  }
  idle_ = 0;
}

Task<void> ConnectionPool::stop() {
  stopping_ = true;
  for (auto& [key, waiting] : std::exchange(by_key_, {})) {
    for (Idle& one : waiting) dismiss(std::move(one.connection));
  }
  idle_ = 0;
  signal_.notify();
  co_await scope_.join();
}

}  // namespace postern::outbound
