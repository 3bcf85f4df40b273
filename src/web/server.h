// Server: the listeners of the web pages and the connections on them: HTTP/1.1, keep-alive, TLS where it belongs, and
// every limit of message.h. What is answered is the Site's. Thread rule: one loop.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/loop.h"
#include "io/stream.h"
#include "web/message.h"
#include "web/peer_user.h"

namespace postern::web {

// What answers requests.
class Handler {
 public:
  virtual ~Handler() = default;
  [[nodiscard]] virtual Task<Response> answer(Request request) = 0;
  // Before a request is read in full: whether this network may ask at all now. Seconds to wait, or 0.
  [[nodiscard]] virtual int must_wait(const Request& request) = 0;
  // What he is told then.
  [[nodiscard]] virtual Response too_many(const Request& request, int wait_s) = 0;
};

struct ServerLimits {
  std::uint32_t connections = 500;
  std::uint32_t per_network = 32;  // IPv6 /64, IPv4 address; twice of a /56 or an IPv4 /24, four times of a /48
};

class Server {
 public:
  using Tls = std::function<std::shared_ptr<io::TlsServerContext>()>;  // null: in clear; asked for each connection
  // `users` outlives the server; null: nobody is known to be of this machine.
  Server(io::Loop& loop, Handler& handler, ServerLimits limits, const PeerUsers* users = nullptr);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  void listen(UniqueFd listening, Tls tls);
  // Stops accepting, ends connections, in their handshake too, and waits for those whose answer is under way.
  [[nodiscard]] Task<void> stop();
  // One connection, for tests: until its end.
  [[nodiscard]] Task<void> serve(io::Stream& stream, ip::Endpoint peer, ip::Endpoint local, bool secure,
                                 bool own = false);
  [[nodiscard]] std::size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::web
