// What the operator may say about mail to servers of others: [outbound], [relay] smarthost and [[route]]. Plain values,
// filled by config. Thread rule: values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ip/address.h"
#include "smtp/address.h"

namespace postern::outbound {

// A server that the operator named: no MX records are asked for (RFC 5321 5.1 speaks of domains).
struct NextHop {
  smtp::Domain host;  // a name, or an address
  std::uint16_t port = 0;
  [[nodiscard]] std::string text() const;  // "smtp.example.net:587", "[2001:db8::1]:587"
  // Forms as in text(), "192.0.2.1:25" too. Errors say the right form.
  [[nodiscard]] static Result<NextHop> parse(std::string_view text);
  friend bool operator==(const NextHop&, const NextHop&) = default;
};

// What the operator demands of TLS on a way, beside what the receiving domain publishes.
enum class TlsDemand : std::uint8_t {
  published,  // DANE, MTA-STS, else encrypted where it works
  none,       // STARTTLS is not asked for
  required,   // encrypted, whoever it is
  verified,   // with a certificate for the host's name from a trusted root
};

struct RouteOptions {
  std::vector<std::string> domains;  // A-labels; ".example.net": every domain below it; "*": all others
  std::optional<NextHop> via;        // none: the domain's MX hosts
  std::vector<ip::Family> families;  // empty: as [outbound] families
  TlsDemand tls = TlsDemand::published;
  std::string user, password;  // of `via`; never sent in clear
  std::string password_file;
  int line = 0;  // of the configuration file
};

struct Timeouts {  // RFC 5321 4.5.3.2; the defaults are what it asks for, but for the connection
  std::int64_t connect_ms = 30 * 1000;
  std::int64_t greeting_ms = 5 * 60 * 1000;
  std::int64_t command_ms = 5 * 60 * 1000;
  std::int64_t data_block_ms = 3 * 60 * 1000;
  std::int64_t final_reply_ms = 10 * 60 * 1000;
};

struct Options {
  std::string hostname;
  std::string memory_file;  // what is remembered of families; "": nothing outlives the process
  std::uint32_t port = 25;  // of MX hosts
  bool allow_loopback = false;
  std::vector<ip::Address> source;          // at most one of each family
  std::string hello_ipv4, hello_ipv6;       // in EHLO; "": hostname
  std::vector<ip::Family> families;         // that this host can send over; empty: both
  std::optional<NextHop> other_family_via;  // for destinations that have addresses of the other family only
  std::optional<ip::Prefix> nat64;          // RFC 6052, a /96
  std::optional<RouteOptions> smarthost;    // [relay]: for all that no route names
  std::vector<RouteOptions> routes;
  Timeouts timeouts;
  std::int64_t idle_ms = 5000;  // a connection is kept for the next message
  std::uint32_t messages_per_connection = 100;
  std::vector<ip::Endpoint> listeners;  // our own: what leads there is a loop
};

}  // namespace postern::outbound
