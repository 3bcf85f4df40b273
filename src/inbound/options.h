// What the configuration decides about receiving mail. Plain values: config fills them, a reload replaces them whole,
// and every session keeps the ones it began with until its next transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "directory/directory.h"
#include "inbound/defence_options.h"
#include "inbound/submission_options.h"
#include "io/tls.h"
#include "ip/address.h"
#include "mailauth/signing.h"
#include "policy/policy.h"
#include "signals/lists.h"
#include "smtp/server_machine.h"
#include "srs/rewriter.h"

namespace postern::inbound {

enum class TlsMode : std::uint8_t { starttls, none, on_connect };

// Concurrent sessions. Each is a count; beyond it the connection gets 421 4.7.0 (a budget may speak at connect, design
// invariant 4). Loopback without a PROXY header is not counted per prefix.
struct SessionLimits {
  std::uint32_t total = 20000;
  std::uint32_t v6_64 = 50;    // one site's subnet
  std::uint32_t v6_56 = 100;   // one household
  std::uint32_t v6_48 = 200;   // one site
  std::uint32_t v6_32 = 2000;  // one provider
  std::uint32_t v4_32 = 50;    // one host, or one NAT
  std::uint32_t v4_24 = 200;
  std::uint64_t bytes_in_flight = 512ULL << 20;  // octets of messages being received, RAM and log together
};

struct Timeouts {  // milliseconds; RFC 5321 4.5.3.2.7: at least 5 minutes for a command
  std::int64_t command = 300000;
  std::int64_t data_block = 180000;  // RFC 5321 4.5.3.2.5: between blocks of DATA
  std::int64_t write = 60000;
  std::int64_t tls_handshake = 30000;
  std::int64_t proxy_header = 5000;
  std::int64_t session = 7200000;  // all of a session, so that a trickle ends
};

// What a listener with the role "sinkhole" takes, and keeps of it. Nothing of it is ever delivered, relayed or queued.
// Bodies of all sinkholes lie in one folder, data_dir/sinkhole, so that all of them have the same bounds.
struct SinkholeOptions {
  std::vector<std::string> domains = {"*"};                    // canonical, as smtp::Domain::text(); "*" is any
  bool keep_bodies = false;                                    // false: the record alone
  std::uint64_t bodies_bytes = 1ULL << 30;                     // octets on disk; the oldest go first
  std::uint32_t bodies_days = 30;                              // older ones go
  [[nodiscard]] bool takes(const smtp::Domain& domain) const;  // <postmaster> without a domain too
};

// One listener's own settings.
struct ListenerOptions {
  std::string role = "mx";  // "sinkhole", "submission" or "submissions"
  std::vector<ip::Endpoint> addresses;
  TlsMode tls = TlsMode::starttls;
  std::vector<ip::Prefix> proxy_from;  // peers that must send a PROXY header; others must not
  SinkholeOptions sinkhole;            // of that role
  // Of users who have logged in, and of nobody else (RFC 6409); "submissions" begins with TLS (RFC 8314 3.3).
  [[nodiscard]] bool is_submission() const { return role == "submission" || role == "submissions"; }
};

// Everything a session looks at. Immutable once published; shared by all loops.
struct Settings {
  std::string hostname = "localhost";
  smtp::ServerLimits limits;
  SessionLimits sessions;
  Timeouts timeouts;
  std::uint32_t received_max = 100;  // RFC 5321 6.3: loop detection counts Received fields
  std::uint32_t header_fields_max = 2000;
  std::uint64_t header_bytes_max = 1 << 20;
  std::vector<ip::Prefix> relay_from;  // who may send to foreign domains; empty: nobody
  std::vector<ListenerOptions> listeners;
  bool authenticate = true;  // SPF, DKIM, DMARC and ARC of mail from others
  std::string authserv_id;   // RFC 8601 2.5: our name in Authentication-Results; empty: hostname
  DefenceOptions defence;
  SubmissionOptions submission;
  std::shared_ptr<const policy::Policy> policy;  // null: nobody is judged
  std::shared_ptr<const signals::Lists> lists;   // null: none
  std::shared_ptr<const directory::Directory> directory;
  std::shared_ptr<const mailauth::SigningKeys> signing;  // null: nothing is signed
  bool seal_forwarded = true;                            // ARC, of what an alias passes on, where there is a key
  std::shared_ptr<const srs::Rewriter> srs;              // null: nothing that comes back is known
  std::shared_ptr<io::TlsServerContext> tls;             // null: STARTTLS is not offered
};

}  // namespace postern::inbound
