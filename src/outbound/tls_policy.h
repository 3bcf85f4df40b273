// TlsPolicy: what must be true of the TLS layer before mail is given to a host, decided before anything is connected
// to; and what is remembered of how it went. Of each destination DANE (RFC 7672) stands over MTA-STS (RFC 8461), both
// stand over what REQUIRETLS asks (RFC 8689), and what is left is opportunistic: encrypt where it works. `TLS-Required:
// no` of a message turns every demand into opportunistic.
//
// An interface, so that the sending side is tested without DNSSEC, certificates and HTTPS; the real one is
// published_tls.h. Thread rule: the loop of the queue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/task.h"
#include "dns/resolver.h"
#include "io/stream.h"
#include "io/tls.h"
#include "ip/address.h"
#include "smtp/reply.h"

namespace postern::outbound {

// A destination whose MX hosts are known. Made once for an attempt, before its hosts are asked about.
struct TlsDestination {
  dns::Name domain;           // of the recipients, or the smarthost's name
  dns::Name canonical;        // what it is an alias of, where it is one: the name that has the MX records
  std::uint16_t port = 25;    // TLSA records are published for a port
  bool by_operator = false;   // a smarthost or next hop: no MTA-STS, which speaks of MX hosts
  bool mx_secure = false;     // the MX records (or their absence) were validated: RFC 7672 2.2.1
  bool require_tls = false;   // of the message: REQUIRETLS
  bool tls_optional = false;  // of the message: TLS-Required: no
};

// What binds the destination as a whole: its MTA-STS policy and what is remembered. Opaque to the sending side.
class DomainTls {
 public:
  virtual ~DomainTls() = default;
};

// For one MX host.
struct TlsPlan {
  enum class Kind : std::uint8_t {
    opportunistic,
    dane,
    sts_enforce,
    sts_testing,
    required,
    remembered
  } kind = Kind::opportunistic;
  // The host must not be tried at all: its name is not in the policy, its TLSA records cannot be trusted or read. A 4xx
  // unless the policy says that it can never be otherwise.
  std::optional<smtp::Reply> refusal;
  // What is wrong with the host itself, in the words of RFC 8460 4.3, whatever the handshake gives: its session counts
  // as this failure. tried() is told of a refused host, too, where it would have been the next.
  struct Finding {
    std::string type, reason;
  };
  std::optional<Finding> finding;
  bool tls_needed = false;  // without a handshake that gives the proof, this host gets nothing
  // tls_needed: why, and what can be done about it, for the reply that is kept where TLS cannot be had (unmet_reply()).
  std::string demand;
  io::TlsExpect expect;  // name for SNI, proof, records
  std::shared_ptr<io::TlsClientContext> context;
  std::shared_ptr<io::TlsClientContext> strict;  // for who demands a proof beyond the plan's: weak keys prove nothing
};
// "opportunistic", "dane", "sts", "sts_testing", "requiretls", "remembered"
[[nodiscard]] std::string_view to_string(TlsPlan::Kind kind);

struct TlsAttempt {
  dns::Name host;
  ip::Endpoint endpoint;
  std::optional<ip::Address> local;  // the address that we came from, for reports
  bool offered = false;              // STARTTLS stood in EHLO's reply
  bool established = false;
  bool avoided = false;  // STARTTLS was not asked for, as it breaks there (starttls_breaks()); `failure` says how
  std::string failure;   // TlsFacts::failure, or "starttls_refused" and the like; empty where it worked
  std::string why;       // for people
  const io::TlsFacts* facts = nullptr;
};

// What becomes of a host whose plan needs TLS and which gave none: 4.7.5, another time or another host; for REQUIRETLS
// 5.7.10 (RFC 8689 4.2.1), which is for good once no host is left. Where such a message has TLS and the host does not
// offer REQUIRETLS, the sender's answer is 550 5.7.30.
[[nodiscard]] smtp::Reply unmet_reply(const TlsPlan& plan, const TlsAttempt& attempt);

class TlsPolicy {
 public:
  virtual ~TlsPolicy() = default;
  [[nodiscard]] virtual Task<std::shared_ptr<DomainTls>> destination(TlsDestination destination,
                                                                     dns::Budget& budget) = 0;
  // `addresses_secure`: the host's A and AAAA records (after CNAMEs) were validated; TLSA is asked for only then.
  [[nodiscard]] virtual Task<TlsPlan> plan(std::shared_ptr<DomainTls> destination, dns::Name host,
                                           bool addresses_secure, dns::Budget& budget) = 0;
  // Opportunistic only: how STARTTLS of this host broke lately at this address, where it did. The message may go in
  // clear, and the connection does not ask for it then.
  [[nodiscard]] virtual std::optional<std::string> starttls_breaks(const dns::Name& host,
                                                                   const ip::Address& address) = 0;
  // How it went: remembered, and counted for TLS-RPT. Once a connection, or once for a host that the plan refuses.
  virtual void tried(const DomainTls& destination, const TlsPlan& plan, const TlsAttempt& attempt) = 0;
};

// Encrypts where STARTTLS is offered, demands nothing, remembers nothing: for tests, and for next hops that are ours.
[[nodiscard]] std::unique_ptr<TlsPolicy> make_opportunistic_tls(std::shared_ptr<io::TlsClientContext> context);

}  // namespace postern::outbound
