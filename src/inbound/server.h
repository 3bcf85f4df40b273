// Server: the listeners and the worker loops, one per thread, each with its own SO_REUSEPORT sockets; a session stays on
// the loop that accepted it. bind() first (it may need privileges), then start(); reload() swaps the settings under
// running sessions; stop() drains: idle sessions are told 421, transactions may end until the deadline, then all is closed.
// Thread rule: all calls from the thread that made it.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "inbound/session.h"
#include "io/process.h"

namespace postern::inbound {

class Server {
 public:
  Server(spool::Store& store, record::Writer* records, std::size_t threads);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens every address of every listener, taking inherited sockets where their address is one of ours. An inherited
  // socket that no listener names is an error: the supervisor and the configuration disagree.
  [[nodiscard]] Result<void> bind(const std::vector<ListenerOptions>& listeners,
                                  std::vector<io::InheritedSocket> inherited);
  void start(std::shared_ptr<const Runtime> runtime);
  void reload(std::shared_ptr<const Runtime> runtime);
  void stop(milliseconds drain);  // blocks until every worker has ended

  [[nodiscard]] const Gate& gate() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::inbound
