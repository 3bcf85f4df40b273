// Options of the web pages: [web] of the configuration. Plain values; config fills them in. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/tls.h"
#include "ip/address.h"
#include "mtasts/mtasts.h"

namespace postern::web {

// A policy of our own for a domain (RFC 8461), served to whoever asks its host mta-sts.DOMAIN.
struct StsPolicy {
  std::string domain;  // A-labels
  mtasts::Policy policy;
};

struct Options {
  std::vector<ip::Endpoint> listen;  // empty: no web pages
  // With certificates every listener that is not on loopback speaks TLS, and those on loopback speak in clear.
  io::TlsServerOptions tls;
  std::string public_url;  // "https://postern.example.org", without a slash at its end; "" where there is none
  std::string user;        // of the operator; "" where only the token or loopback lets him in
  std::string password;    // verifier, as `postern web password` prints it
  std::string token;       // verifier of a bearer token, likewise
  bool check = false;      // the check page is open to everybody
  bool why = true;         // the why page is open to everybody
  // Of one network (IPv6 /64, IPv4 address): requests at once, and a minute for ever.
  std::uint32_t burst = 60;
  std::uint32_t requests_per_minute = 120;
  std::uint32_t connections = 500;   // in all
  std::uint32_t checks_at_once = 2;  // of domains, by visitors
  std::vector<StsPolicy> sts;

  // Of the rest of the configuration.
  std::string hostname, postmaster, data_dir, records, control_socket;

  [[nodiscard]] bool authenticates() const { return (!user.empty() && !password.empty()) || !token.empty(); }
};

}  // namespace postern::web
