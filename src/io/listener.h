// Listeners. bind_listener() makes a listening socket (V6ONLY for IPv6, SO_REUSEPORT so that each loop has its own,
// TCP_SAVE_SYN so that each connection brings its SYN); Listener accepts on one loop and hands each connection over.
// Inherited sockets (socket activation) are shared by the loops, with EPOLLEXCLUSIVE.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/loop.h"
#include "ip/address.h"

namespace postern::io {

struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = true;
  bool save_syn = true;
};
// Errors name the address and, for EACCES and EADDRINUSE, the remedy.
[[nodiscard]] Result<UniqueFd> bind_listener(const ip::Endpoint& endpoint, const ListenOptions& options);
[[nodiscard]] Result<ip::Endpoint> local_endpoint(int fd);

struct Accepted {
  UniqueFd fd;        // connected, non-blocking, close-on-exec, TCP_NODELAY
  ip::Endpoint peer;  // v4-mapped folded
  ip::Endpoint local;
  std::string saved_syn;  // IP and TCP header of the SYN, raw; empty under SYN cookies or where not asked for
};

class Listener {
 public:
  // Accepts on `loop` from now on; `on_accept` runs on the loop's thread. EMFILE and ENFILE pause accepting for a
  // moment and are logged once a minute. `shared`: the descriptor is used by other loops too.
  Listener(Loop& loop, UniqueFd fd, bool shared, bool save_syn, std::move_only_function<void(Accepted)> on_accept);
  ~Listener();  // stops accepting and closes, on the loop's thread
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A unix stream socket at `path` (0600), replacing a stale one; fails when a server answers there.
[[nodiscard]] Result<UniqueFd> bind_unix_listener(const std::string& path);

}  // namespace postern::io
