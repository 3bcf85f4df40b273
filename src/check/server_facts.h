// What one polite connection to one address of a mail host showed, and what the operator's deeper tests showed. Facts
// alone; judge_server.h makes findings of them. Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ip/address.h"

namespace postern::check {

// Of a certificate chain as it was sent: read from DER by the TLS client side.
struct CertificateFacts {
  std::string subject, issuer;
  std::vector<std::string> names;  // dNSName of subjectAltName
  WallMs not_before = 0, not_after = 0;
  std::string key_type;  // "RSA", "EC", "ED25519"
  int key_bits = 0;
  std::string signature_hash;  // "SHA256"
  std::string der;
  std::string spki;  // DER
};

struct TlsFound {
  std::string version, cipher, group;
  bool verified = false;     // PKIX with the host's name
  std::string verify_error;  // why not
  std::vector<CertificateFacts> chain;
  bool extended_master_secret = false, secure_renegotiation = false, compression = false;
};

// A protocol version or cipher that was tried on a connection of its own.
struct TlsTried {
  std::string version, cipher;  // cipher empty: any of the version
  bool accepted = false;
  std::string group;
};

struct RecipientProbe {
  std::string what;  // "postmaster", "abuse", "unknown", "relay", "relay-percent", "null-sender", ...
  std::uint16_t code = 0;
  std::string reply;
};

struct ServerFacts {
  ip::Endpoint endpoint;
  bool connected = false;
  std::string problem;    // what ended the connection early, in words; empty where it went its course
  bool our_side = false;  // the problem is ours (no route from here): not tested, never a failure
  std::int64_t connect_ms = -1, banner_ms = -1, whole_ms = -1;
  std::uint16_t banner_code = 0;
  std::string banner;                                   // the first line's text
  bool extended = false;                                // EHLO was taken
  std::vector<std::string> extensions, extensions_tls;  // lines of the EHLO replies without the first
  bool offers_starttls = false;
  std::optional<TlsFound> tls;  // of the connection itself
  std::string tls_problem;
  std::vector<TlsTried> tried;                                  // deep
  std::vector<RecipientProbe> probes;                           // deep
  std::optional<bool> injection_answered, bare_line_feed_ends;  // deep
};

}  // namespace postern::check
