// SmtpRemote: the sending side. It delivers what the queue has for servers of others: chooses the way (the operator's
// routes, else MX records), races the addresses, secures the connection as the TLS policy says, sends, and learns from
// what comes back: families, pace, refusals. Connections are kept a few seconds for the next message.
//
// One attempt is remote_attempt.h; what they share is here. Thread rule: the loop of the queue. Order at the end: the
// queue stops, then stop().
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>

#include "delivery/remote.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "outbound/connection_pool.h"
#include "outbound/family_memory.h"
#include "outbound/options.h"
#include "outbound/pace.h"
#include "outbound/routing.h"
#include "outbound/tls_policy.h"

namespace postern::outbound {

// What one message at a time needs of the others.
struct Shared {
  io::Loop& loop;
  dns::Resolver& resolver;
  TlsPolicy& tls;
  FamilyMemory memory;
  Pace pace;
  ConnectionPool pool;
  io::BlockingPool& blocking;
  std::minstd_rand random;
};

class SmtpRemote final : public delivery::Remote {
 public:
  // `tls` decides what is demanded of hosts; `destination_concurrency` is the most that one destination gets.
  SmtpRemote(io::Loop& loop, io::BlockingPool& pool, Options options, dns::Resolver& resolver, TlsPolicy& tls,
             std::size_t destination_concurrency);
  ~SmtpRemote() override;
  SmtpRemote(const SmtpRemote&) = delete;
  SmtpRemote& operator=(const SmtpRemote&) = delete;

  void start();  // reads what is remembered
  void reload(Options options);
  // What connections may do has changed: those that are kept idle are closed.
  void renew_connections();
  [[nodiscard]] Task<void> stop();  // closes what is idle, writes what is remembered

  [[nodiscard]] std::string destination(const smtp::Domain& domain) const override;
  [[nodiscard]] std::size_t concurrency(const std::string& destination) const override;
  [[nodiscard]] bool doubtful(const std::string& destination) const override;
  [[nodiscard]] Task<delivery::Results> deliver(delivery::RemoteHop hop, const delivery::Attempt& attempt,
                                                delivery::AttemptNote& note, io::Breaker& breaker) override;

  // For status pages and tests.
  [[nodiscard]] const FamilyMemory& memory() const;
  [[nodiscard]] std::size_t idle_connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The route for a domain: its own, that of the nearest domain above it (".example.net"), "*", the smarthost; nullptr
// where its MX records decide.
[[nodiscard]] const RouteOptions* find_route(const Options& options, const smtp::Domain& domain);

}  // namespace postern::outbound
