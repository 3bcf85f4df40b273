// What the files of the probe share: a run's context, one connection, and a raw dialogue on it. Internal to check.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "check/etiquette.h"
#include "check/probe.h"
#include "check/run.h"
#include "check/server_facts.h"
#include "io/stream.h"
#include "smtp/reply.h"

namespace postern::check::probing {

// All connections of a run, so that its deadline ends them.
class Breakers {
 public:
  void add(io::Breaker& breaker);
  void remove(io::Breaker& breaker);
  void cancel();
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  std::vector<io::Breaker*> all_;
  bool cancelled_ = false;
};

// One connection's hold. It is declared before the stream that it watches.
class Hold {
 public:
  explicit Hold(Breakers& all) : all_(all) { all_.add(breaker); }
  ~Hold() { all_.remove(breaker); }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  io::Breaker breaker;

 private:
  Breakers& all_;
};

struct Run {
  const Options& options;
  Services services;
  Etiquette& etiquette;
  dns::Name name;  // the domain
  std::string domain;
  Deadline deadline;
  Breakers breakers;
  std::shared_ptr<io::TlsClientContext> wide;  // offers all there is
};
// `own` is used where the process has no etiquette.
[[nodiscard]] inline Run run_of(const Target& target, const Options& options, Services services, Etiquette& own,
                                Deadline deadline) {
  return {.options = options,
          .services = services,
          .etiquette = services.etiquette != nullptr ? *services.etiquette : own,
          .name = target.domain,
          .domain = target.domain.text(),
          .deadline = deadline,
          .breakers = {},
          .wide = {}};
}

// Our stay at an address, after Etiquette::enter() said true.
class AtAddress {
 public:
  AtAddress(Etiquette& etiquette, const ip::Address& address) : etiquette_(etiquette), address_(address) {}
  ~AtAddress() { etiquette_.leave(address_); }
  AtAddress(const AtAddress&) = delete;
  AtAddress& operator=(const AtAddress&) = delete;

 private:
  Etiquette& etiquette_;
  ip::Address address_;
};

// How long is waited for one thing. RFC 5321 4.5.3.2 gives minutes to senders; a checker's reader is waiting, and 30 s
// are what smtp.delay warns of.
inline constexpr auto kConnectWait = std::chrono::seconds(20);
inline constexpr auto kReplyWait = std::chrono::seconds(35);
inline constexpr auto kHandshakeWait = std::chrono::seconds(20);
inline constexpr auto kSilence = std::chrono::seconds(3);  // no answer within it: the server waits for more

// internet.nl's limit: a server that takes so many takes any number.
inline constexpr int kRenegotiationsMax = 10;

// A dialogue where every octet is the caller's: for what a client that sends mail must never do.
class Dialogue {
 public:
  explicit Dialogue(io::Stream& stream) : stream_(stream) {}
  [[nodiscard]] Task<Result<void>> say(std::string bytes);
  [[nodiscard]] Task<Result<smtp::Reply>> hear(Deadline deadline);
  [[nodiscard]] Task<Result<smtp::Reply>> ask(std::string line);  // with CRLF, then hear()
  // After a handshake: what came before counts no more.
  void forget();

 private:
  io::Stream& stream_;
  smtp::ReplyReader reader_;
  std::string rest_;
};

// A connection that has been greeted.
struct Visit {
  explicit Visit(Breakers& all) : hold(all) {}
  Hold hold;
  std::unique_ptr<io::Stream> stream;
  std::unique_ptr<Dialogue> dialogue;
  smtp::Reply hello;  // the reply to EHLO
};

// Connects, is greeted, says EHLO. nullptr: it came to nothing, or no more may be tried; `facts.deep_ended` says why.
[[nodiscard]] Task<std::unique_ptr<Visit>> visit(Run& run, ServerFacts& facts);
// STARTTLS, up to the server's 220. Where it answered otherwise, deep_ended is set.
[[nodiscard]] Task<bool> begin_tls(Visit& visit, ServerFacts& facts);
// The same, and the handshake.
[[nodiscard]] Task<bool> secure(Visit& visit, ServerFacts& facts, std::shared_ptr<io::TlsClientContext> context,
                                io::TlsExpect expect);
[[nodiscard]] Task<void> part(Visit& visit);  // QUIT

// A version was accepted ("TLSv1.2").
[[nodiscard]] bool speaks(const ServerFacts& facts, std::string_view version);
void note_certificate(ServerFacts& facts, const CertificateFacts& own);
[[nodiscard]] bool says_too_much(const smtp::Reply& reply);  // 421, 450, 451, 454
[[nodiscard]] TlsFound read_tls(const io::TlsFacts& facts);

// A context that offers all there is.
[[nodiscard]] Result<std::shared_ptr<io::TlsClientContext>> widest(const Options& options);
// One stay at an address for one of its hosts: the polite connection, unless `fresh` is false and it is known from
// minutes ago, and the deeper tests where `deep_here`. Fills in address.server.
[[nodiscard]] Task<void> one_host(Run& run, MailHost& host, Address& address, bool deep_here, bool fresh);
[[nodiscard]] bool is_ours_to_test(const Run& run, const MailHost& host);
// Ends all connections of a run at its deadline, unless `finished` comes before.
[[nodiscard]] Task<void> watchdog(io::Signal& finished, Deadline deadline, Breakers& all);

// The parts of the deep tests, each on connections of its own.
[[nodiscard]] Task<void> deep_tls(Run& run, std::string host, ServerFacts& facts);
// By hand, in octets that OpenSSL would not send: old versions, all their ciphers, holes.
[[nodiscard]] Task<void> deep_old_versions(Run& run, std::string host, ServerFacts& facts);  // of SSL
[[nodiscard]] Task<void> deep_ciphers(Run& run, std::string host, ServerFacts& facts);  // of TLS 1.2, and their order
[[nodiscard]] Task<void> deep_old_ciphers(Run& run, std::string host, ServerFacts& facts);
[[nodiscard]] Task<void> deep_holes(Run& run, std::string host, ServerFacts& facts);
[[nodiscard]] Task<void> deep_smtp(Run& run, std::string host, ServerFacts& facts);

}  // namespace postern::check::probing
