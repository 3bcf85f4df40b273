// Server: the listeners and the worker loops, one per thread, each with its own SO_REUSEPORT sockets; a session stays
// on the loop that accepted it. bind_listeners() first (it may need privileges), then start(); reload() swaps the
// settings under running sessions; stop() drains: idle sessions are told 421, transactions may end until the deadline,
// then all is closed. Thread rule: one call at a time, from any thread but the workers'.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "inbound/session.h"
#include "io/process.h"

namespace postern::inbound {

// Sockets that are open, for each worker. Separate from Server because binding may need privileges that opening the
// spool must not have.
struct BoundSocket {
  UniqueFd fd;
  std::size_t listener = 0;
  bool shared = false;  // inherited: the workers share it
};
using BoundListeners = std::vector<std::vector<BoundSocket>>;  // one entry a worker

// Opens every address of every listener for `threads` workers, taking inherited sockets where their address is one of
// ours. An inherited socket that no listener names is an error: the supervisor and the configuration disagree.
[[nodiscard]] Result<BoundListeners> bind_listeners(const std::vector<ListenerOptions>& listeners, std::size_t threads,
                                                    std::vector<io::InheritedSocket> inherited);

// Makes a worker's resolver; called on the constructing thread, used on the worker's.
using MakeResolver = std::function<std::unique_ptr<dns::Resolver>(io::Loop&)>;

// What the sessions of all workers share; it outlives the server. What is not there is not done.
struct Shared {
  record::Writer* records = nullptr;
  MakeResolver make_resolver;         // none: nothing is authenticated, and what has to be looked up is unknown
  io::BlockingPool* pool = nullptr;   // for long computing
  Defence* defence = nullptr;         // none: nobody is judged
  SinkholeStore* sinkhole = nullptr;  // none: bodies are not kept
  Logins* logins = nullptr;           // none: nobody can log in
  ExpectFirstAttempt expect = {};     // none: nobody's 250 waits for a next hop
  GiveUpFirstAttempt give_up = {};    // with `expect`
  TellLimit tell_limit = {};          // none: nobody is told of accounts at their limits
};

class Server {
 public:
  Server(spool::Store& store, BoundListeners bound, const Shared& shared);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start(std::shared_ptr<const Runtime> runtime);
  void reload(std::shared_ptr<const Runtime> runtime);
  void stop(milliseconds drain);  // blocks until every worker has ended

  [[nodiscard]] const Gate& gate() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::inbound
