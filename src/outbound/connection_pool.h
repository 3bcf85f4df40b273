// ConnectionPool: connections that have taken a message and may take the next one, for a few seconds. What asks for one
// must ask for the very same: destination, next hop and demands on TLS make the key. Thread rule: the loop of the
// queue. Memory: at most kIdleMax connections; a further one is closed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "delivery/conversation.h"
#include "io/loop.h"
#include "outbound/options.h"

namespace postern::outbound {

inline constexpr std::size_t kIdleMax = 200;

struct Connection {
  std::unique_ptr<delivery::Conversation> conversation;  // ready
  std::string host_name;
  ip::Endpoint endpoint;
  std::string tls;  // version
  std::string tls_cipher;
  bool tls_verified = false;
  std::string_view tls_policy;  // static
  std::uint32_t messages = 0;   // sent over it
  bool reused = false;
  [[nodiscard]] ip::Family family() const { return endpoint.address.family(); }
};

class ConnectionPool {
 public:
  ConnectionPool(io::Loop& loop, std::int64_t idle_ms);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  void start();
  [[nodiscard]] std::optional<Connection> take(const std::string& key);
  void give(const std::string& key, Connection connection);
  // Says QUIT, in the background.
  void dismiss(Connection connection);
  // Owner of what still has to be closed.
  [[nodiscard]] io::Scope& farewells() { return scope_; }
  // Demands have changed: what is kept is closed. Who has a connection now made it under the old generation, which
  // belongs into its key.
  void renew();
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  [[nodiscard]] Task<void> stop();
  [[nodiscard]] std::size_t idle() const { return idle_; }

 private:
  struct Idle {
    Connection connection;
    Clock::time_point until;
  };
  Task<void> watch();
  Task<void> close(Connection connection);

  milliseconds keep_;
  std::unordered_map<std::string, std::vector<Idle>> by_key_;
  std::size_t idle_ = 0;
  io::Signal signal_;
  io::Scope scope_;
  std::uint64_t generation_ = 0;
  bool stopping_ = false;
};

}  // namespace postern::outbound
