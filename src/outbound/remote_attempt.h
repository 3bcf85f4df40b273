// RemoteAttempt: one message to those of its recipients that go the same way. It looks for a connection (an idle one,
// else by racing the addresses), sends, and goes on to another address where that is right: when a server refuses the
// session for now, once; when it refuses the family that we came over, once over the other family. Internal to
// SmtpRemote. Thread rule: the loop of the queue.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/remote.h"
#include "outbound/candidates.h"
#include "outbound/race_run.h"
#include "outbound/smtp_remote.h"

namespace postern::outbound {

class RemoteAttempt {
 public:
  // What is referred to outlives the attempt.
  RemoteAttempt(Shared& shared, std::shared_ptr<const Options> options, delivery::RemoteHop hop,
                const delivery::Attempt& attempt, delivery::AttemptNote& note, io::Breaker& breaker);
  [[nodiscard]] Task<delivery::Results> run();

 private:
  // remote_attempt.cc: finding a connection
  Task<std::optional<Connection>> open();
  Task<void> find_hosts();
  Task<Routing> route(dns::Budget& budget);
  Task<void> plan_tls(Routing& routing, dns::Budget& budget);
  TlsPlan by_operator(TlsPlan plan) const;
  void learn(const RaceEnd& end, std::size_t level, const std::vector<std::size_t>& runners);
  Contestant contestant(const Candidate& candidate) const;
  Task<std::optional<Connection>> secure(Candidate candidate, std::unique_ptr<delivery::Conversation> conversation);
  Task<std::optional<smtp::Reply>> start_tls(std::size_t host, const ip::Endpoint& endpoint,
                                             delivery::Conversation& conversation, Connection& connection);
  Task<std::optional<smtp::Reply>> log_in(delivery::Conversation& conversation);
  std::string literal_remedy(const TlsPlan& plan, const MxHost& host, const TlsAttempt& attempt) const;
  void no_connection(smtp::Reply reply, bool said);
  void session_refused(const smtp::Reply& reply, ip::Family family);
  [[nodiscard]] std::string where(const Candidate& candidate) const;

  // remote_transaction.cc: sending
  [[nodiscard]] std::optional<smtp::Reply> check_body();
  Task<void> use(Connection connection);
  void come_again(const ip::Endpoint& endpoint);
  // What became of one transaction.
  enum class Then : std::uint8_t {
    go_on,      // with the rest, over the same connection
    hang_up,    // the connection is of no further use
    come_back,  // the connection was gone before it was used
  };
  Task<Then> transact(Connection& connection, std::vector<std::size_t> chunk);
  Then judge(Connection& connection, const std::vector<std::size_t>& chunk, const Result<void>& sent);
  [[nodiscard]] smtp::ClientMessage message_for(const std::vector<std::size_t>& chunk) const;
  void settle(std::size_t position, smtp::Reply reply, const Connection& connection);
  void settle_rest();
  [[nodiscard]] std::vector<std::size_t> pending() const;
  [[nodiscard]] bool other_family_left(ip::Family family) const;
  void hear(const smtp::Reply& reply);

  Shared& shared_;
  std::shared_ptr<const Options> options_;
  delivery::RemoteHop hop_;
  const delivery::Attempt& attempt_;
  delivery::AttemptNote& note_;
  io::Breaker& breaker_;
  const RouteOptions* route_ = nullptr;
  std::string key_;  // of the pool
  std::string first_block_;

  // The hosts, once they are looked up
  bool looked_up_ = false;
  bool by_operator_ = false;
  std::uint16_t port_ = 25;
  std::vector<MxHost> hosts_;
  std::shared_ptr<DomainTls> domain_tls_;
  std::vector<TlsPlan> plans_;  // of hosts_
  std::vector<std::vector<Candidate>> levels_;

  bool may_reuse_ = true;
  std::optional<ip::Family> only_;  // where a family was refused: the other one
  bool retried_session_ = false;
  std::optional<ip::Endpoint> refused_at_;  // an idle connection's end, which is not asked again
  bool greeted_ = false;                    // by anybody
  std::optional<smtp::Reply> failure_;
  int failure_rank_ = -1;
  std::optional<ip::Family> put_off_over_;  // a server refused the session for now over this family
  std::string put_off_words_;

  std::vector<std::optional<smtp::Reply>> results_;
  std::vector<std::optional<smtp::Reply>> blamed_;  // refusals that named the family, until the other one has spoken
};

}  // namespace postern::outbound
