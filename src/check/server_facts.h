// What one polite connection to one address of a mail host showed, and what the operator's deeper tests showed. Facts
// alone; judge_servers() of probe.h makes findings of them. Texts of strangers are printable. Thread rule: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "crypto/certificate.h"
#include "ip/address.h"

namespace postern::check {

using CertificateFacts = crypto::Certificate;

struct TlsFound {
  std::string version, cipher, group;   // "TLSv1.2", OpenSSL's names; group empty where there is none
  std::string signature_hash;           // of the server's signature in the handshake; empty where it has none
  int dh_bits = 0;                      // of a finite-field key exchange
  bool trusted = false;                 // a chain to a trusted root; names are judged from the certificate
  std::string trust_error;              // why not
  std::vector<CertificateFacts> chain;  // as sent, the server's own first
  std::size_t unreadable = 0;           // certificates of the chain that could not be read
  bool extended_master_secret = false, secure_renegotiation = false;
  std::string ocsp;              // the stapled response, DER; empty: none was
  bool ticket = false;           // of TLS 1.3: one came
  std::uint32_t early_data = 0;  // how much of it that ticket would allow
};

// A protocol version, cipher or group that was tried on a connection of its own.
struct TlsTried {
  enum class What : std::uint8_t { version, cipher, group };
  What what = What::version;
  std::string version, cipher, group;  // what was offered; where it was a version or cipher: what came of it
  std::uint16_t suite = 0;             // the cipher's number, to TLS 1.2
  bool accepted = false;
  std::string signature_hash;
  int dh_bits = 0;
};

// What a handshake with another name in SNI showed, or with none.
struct OtherName {
  std::string name;  // empty: none
  bool done = false;
  bool trusted = false;
  std::string trust_error;  // or why there was no handshake
  std::vector<std::string> names;
  std::string common_name;
};

// A known hole of TLS, tried by hand (check/hand.h).
struct Weakness {
  enum class What : std::uint8_t { heartbleed, ccs_injection, robot, compression };
  enum class State : std::uint8_t { absent, present, unknown };
  What what = What::heartbleed;
  State state = State::unknown;
  std::string evidence;  // what was sent and what came; of unknown: why
};

struct RecipientProbe {
  std::string what;  // "postmaster", "abuse", "unknown", "relay", "relay-percent", "null-sender", ...
  std::string path;  // what was in the command
  std::uint16_t code = 0;
  std::string reply;
};

struct ServerFacts {
  ip::Endpoint endpoint;
  WallMs visited = 0;     // when the connection was tried; 0: it was not
  bool recalled = false;  // seen for another run, minutes ago: no connection was made
  // The name that our own address has, where DNS says; and whether that is what EHLO said.
  std::string visitor;  // our address towards it
  std::optional<bool> visitor_named;
  // There were two visits, this long apart; what put us off on the first.
  std::int64_t again_after_ms = 0;
  std::string put_off_before;
  bool connected = false;
  std::string problem;     // what ended the connection early, in words; empty where it went its course
  bool our_side = false;   // the problem is ours (no route from here, no time left): not tested, never a failure
  bool timed_out = false;  // of the connection: nothing came at all
  std::int64_t connect_ms = -1, banner_ms = -1, whole_ms = -1;
  std::uint16_t banner_code = 0;
  std::string banner;                                   // the first line's text
  std::optional<bool> banner_name_resolves;             // nothing: it has no name, or DNS did not say
  std::uint16_t hello_code = 0;                         // of the last reply to EHLO or HELO
  bool extended = false;                                // EHLO was taken
  std::string hello_reply;                              // the first line of the reply to EHLO
  std::vector<std::string> extensions, extensions_tls;  // lines of the EHLO replies without the first
  bool extended_tls = false;                            // EHLO was taken under TLS
  bool offers_starttls = false;
  std::uint16_t starttls_code = 0;
  std::optional<TlsFound> tls;  // of the connection itself
  std::string tls_problem;      // why there is none although STARTTLS was offered

  // The operator's tests. `deep_ended` says why they stopped early (rate limit, time); what is missing then was not
  // tested; without `deep`, why they were not begun.
  bool deep = false;
  std::string deep_ended;
  std::uint32_t connections = 0;  // all that were made to the address
  std::vector<TlsTried> tried;
  // Of the newest version below TLS 1.3 that was accepted; TLS 1.3 needs neither.
  std::optional<bool> older_master_secret, older_renegotiation;
  std::string ciphers_open;       // versions whose list of ciphers is not whole, and why
  std::optional<bool> own_order;  // the server goes by its own preference, not by the client's
  std::vector<Weakness> weaknesses;
  std::optional<int> renegotiations;  // of one connection of TLS 1.2 or older, asked for by us and taken
  std::string renegotiation_end;      // what ended them; empty: we did
  std::vector<OtherName> other_names;
  std::vector<CertificateFacts> certificates;  // the server's own ones that were seen, each once
  std::string stranger;  // the local part of nobody that recipients were asked with; the same on both visits
  std::vector<RecipientProbe> probes;
  std::string vrfy_reply, vrfy_unknown_reply, expn_reply;
  std::optional<bool> injection_answered;
  std::string injection_evidence;
  std::optional<std::string> line_end_taken;  // "LF.LF", ...; empty: none was taken for the end
};

}  // namespace postern::check
