// `postern send`: a test client for SMTP and LMTP. It sends one generated or given message (or several), writes the
// transcript with the time of each line to stdout, and tells in the end what became of each recipient. It never sends
// AUTH.
//
// Exit codes: 0 every recipient accepted (or the stage asked for was reached); 1 a negative finding: refused (the
// output says whether for now, 4xx, or for good, 5xx), no connection, TLS failed; 2 bad usage (also a message file that
// cannot be read).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace postern::cli {

struct SendOptions {
  std::vector<std::string> to;  // --to ADDRESS, repeatable; one at least, unless stopping before rcpt
  std::string from;             // --from ADDRESS; "" is the null path
  std::string server;           // --server HOST:PORT: "192.0.2.1:25", "[::1]:25", "mx.example.org:25"; port 25 if none
  bool ipv4_only = false;       // -4
  bool ipv6_only = false;       // -6
  std::string helo;             // --helo NAME; the host's own name if empty
  bool tls = false;             // --tls: STARTTLS, or fail
  bool tls_optional = false;    // --tls-optional: STARTTLS where offered; in clear if it fails or is not
  bool tls_on_connect = false;  // --tls-on-connect: TLS from the first octet
  bool tls_verify = false;      // --tls-verify: chain and name must verify
  std::string tls_ca_file;      // --tls-ca FILE: instead of the system's certificates
  bool lmtp = false;            // --lmtp
  std::string data;             // --data FILE, "-" is stdin; a message is generated if empty
  std::vector<std::string> headers;  // --header "Name: value", repeatable; replaces a generated field of that name
  std::string body;                  // --body TEXT
  bool has_body = false;             // --body was given (it may be empty)
  std::uint64_t size = 0;            // --size N: octets of the generated message, at least; 0: as it comes
  std::uint32_t count = 1;           // --count N: messages, over one connection
  bool pipelining = true;            // --no-pipelining clears it
  std::string quit_after;            // --quit-after connect|helo|mail|rcpt|data; after `data` the connection is dropped
  std::int64_t timeout_ms = 30'000;  // --timeout DURATION: for each reply, and for the connection
  bool json = false;                 // --json: one object instead of the transcript
};

// Blocks until done; makes its own loop. Returns the exit code.
[[nodiscard]] int run_send(const SendOptions& options);

// The parts, for tests. What is wrong with the options: empty if nothing.
[[nodiscard]] std::string send_usage_error(const SendOptions& options);
// The message as it is sent, CRLF line ends. `number` from 0. Errors: the file cannot be read.
[[nodiscard]] Result<std::string> send_message_text(const SendOptions& options, std::uint32_t number);
// "[::1]:25" -> {"::1", 25}; "host" -> {"host", 25}.
struct HostPort {
  std::string host;
  std::uint16_t port = 25;
};
[[nodiscard]] Result<HostPort> parse_host_port(const std::string& text);

}  // namespace postern::cli
