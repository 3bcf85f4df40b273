// SessionRecord: what one SMTP session was: who, when, over what, what it said, what it was answered. One JSON line
// (docs/records.md: schema "postern.session/1", stable keys, bounded length). Statistics, `why` and replay read nothing
// else. The writer of fields is here, pure; the file is record/writer.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/json.h"
#include "base/time.h"
#include "evidence/evidence.h"
#include "evidence/verdict.h"
#include "ip/address.h"
#include "record/beyond.h"
#include "smtp/server_machine.h"

namespace postern::record {

inline constexpr int kSessionVersion = 1;
inline constexpr std::size_t kTransactionsMax = 100;  // further ones are counted, not listed (Beyond)
inline constexpr std::size_t kRecipientsMax = 100;    // per transaction or delivery, likewise
inline constexpr std::size_t kDecisionsMax = 250;     // per session; further ones are counted
inline constexpr std::size_t kLabelsMax = 32;  // tags, and shadow rules, of a decision; further ones are left out
inline constexpr std::size_t kTextMax = 512;   // octets of any text a stranger sent
// Octets of a line with its newline; readers skip longer ones. Lists end early where they would pass it: a stranger who
// names ten thousand recipients must not make his own record unreadable.
inline constexpr std::size_t kLineMax = 1 << 20;

struct RecipientRecord {
  std::string path;
  std::uint16_t code = 0;
  std::string enhanced;
  std::string reason;  // stable word: "ok", "unknown_user", "relay_denied", "too_many_recipients", ...
};

// What mail authentication found (docs/mail-authentication.md). Results are the words of RFC 8601; `problem` says why
// it is not a pass, and is empty where nothing went wrong.
struct AuthenticationRecord {
  struct Spf {
    std::string result, domain, mechanism, problem;
    std::uint32_t lookups = 0;
  };
  struct Dkim {
    std::string result, domain, selector, algorithm, problem;
    int bits = 0;
    bool testing = false;
  };
  struct Dmarc {
    std::string result, author_domain, policy, policy_domain, problem;
    bool testing = false, spf_aligned = false, dkim_aligned = false;
    // The tags of the record at policy_domain that a report repeats (RFC 9990 3.1.1.5); p empty: no usable record
    struct Published {
      std::string p, sp, np, fo;
      bool strict_dkim = false, strict_spf = false;
    };
    Published published = {};
  };
  struct Arc {
    std::string result, problem;
    std::uint32_t instances = 0;
  };
  std::optional<Spf> spf_helo, spf;
  std::vector<Dkim> dkim;
  std::uint32_t dkim_signatures = 0;  // in the message; those beyond the limit were not tried
  Dmarc dmarc;
  Arc arc;
  std::uint32_t results_removed = 0;  // incoming Authentication-Results fields that claimed our name
  std::uint32_t lookups = 0;          // DNS questions, cached ones too
  std::uint32_t dns_ms = 0;           // waited for DNS after the end of the message
  std::uint32_t ms = 0;               // in all after the end of the message
};

struct TransactionRecord {
  Id message;  // empty where none was stored
  std::string reverse_path;
  std::vector<RecipientRecord> recipients;
  std::uint32_t recipients_total = 0;
  std::uint64_t size = 0;
  std::uint16_t code = 0;  // the reply to DATA/BDAT, or to what ended the transaction
  std::string enhanced;
  std::string reason;  // "accepted", "bare_line_feed", "too_large", "storage", "reset", "disconnected", ...
  bool chunked = false;
  bool utf8 = false;
  std::uint32_t data_ms = 0;    // from 354 to the final dot
  std::uint32_t commit_ms = 0;  // from the final dot to stable storage, without authentication
  std::optional<AuthenticationRecord> authentication;
};

struct TlsRecord {
  std::string version, cipher, group, sni, alpn;
  bool resumed = false;
  std::string error;  // of a failed handshake; the rest is empty then
  std::uint32_t handshake_ms = 0;
  std::string_view failure;  // stable word of `error` (io::TlsFacts::failure); static
};

// One judgement of the policy (docs/records.md: decisions). Its evidence is written as what changed since the decision
// before it, so that the line stays short and replay still sees the very same.
struct DecisionRecord {
  std::uint32_t ms = 0;  // since the session began
  evidence::Stage stage = evidence::Stage::connect;
  std::int32_t transaction = -1;  // index in the session's; -1: none
  std::int32_t recipient = -1;    // index in the transaction's; -1: of the message or the session
  std::string changes;            // JSON, by Evidence::append_changes()
  evidence::Action action = evidence::Action::accept;
  evidence::Reason reason = evidence::Reason::none;
  std::string rule;
  bool enforced = true;  // false: told, not done (a role account, a client of our own, loopback)
  float score = 0, score_low = 0;
  std::vector<std::string> tags, shadow;
};

// State behind the evidence, for people: which budget level was fullest, whose history was asked.
struct StateRecord {
  std::string identity;               // "spf:example.org", "rdns:example.net", "name:www.example.net", "net:..."
  std::string known_by;               // whose history made it known, of the last such decision: an identity
  std::string budget_level;           // "v6_48"; empty where no budget was asked
  float budget_load = 0;              // share of that budget in use
  std::uint32_t greylist_wait_s = 0;  // left of the delay, where one was told
};

// What the role of a listener makes of its sessions: of a sinkhole they are no mail traffic, and counted apart; of
// submission they are users'.
[[nodiscard]] inline bool is_sinkhole(std::string_view listener) { return listener == "sinkhole"; }
[[nodiscard]] inline bool is_submission(std::string_view listener) {
  return listener == "submission" || listener == "submissions";
}

struct SessionRecord {
  Id id;
  WallMs start = 0;
  std::uint32_t duration_ms = 0;
  std::string listener;  // "mx", "submission", ...
  ip::Endpoint client;
  ip::Endpoint server;
  std::optional<ip::Endpoint> proxy;  // the peer that sent the PROXY header
  std::string syn;                    // raw saved SYN octets
  std::string helo;
  bool extended = false;
  std::optional<TlsRecord> tls;
  std::string login;
  std::uint32_t facts = 0;  // smtp::Fact bits, written as an array of names
  std::vector<smtp::Exchange> outline;
  std::vector<std::string> errors_kept;  // of sinkholes: commands in error, as they came
  std::uint32_t commands = 0;
  std::uint32_t errors = 0;
  std::vector<TransactionRecord> transactions;
  std::uint32_t transactions_total = 0;
  Beyond beyond;               // recipients and transactions that are not listed
  std::uint32_t accepted = 0;  // messages
  std::uint64_t bytes_in = 0, bytes_out = 0;
  // timing facts, milliseconds; -1 = did not happen
  std::int32_t first_octet_ms = -1;  // from accept to the client's first octet
  std::int32_t greeting_ms = -1;     // from accept to our greeting sent
  std::int32_t hello_ms = -1;        // from greeting to HELO/EHLO
  std::string end;      // "quit", "eof", "timeout", "reset", "tls_failed", "limit", "drain", "refused", "internal"
  std::string refusal;  // reason word where the connection itself was refused

  std::string policy;  // fingerprint of the policy that decided
  // Of the evidence below. Not written: its changes name the lists, and a reader brings the names that it has.
  evidence::ListNames list_names;
  std::vector<DecisionRecord> decisions;
  std::uint32_t decisions_total = 0;
  StateRecord state;
};

// Appends the record as one JSON line with its '\n'.
void append_json(const SessionRecord& record, std::string& out);
[[nodiscard]] std::vector<std::string_view> fact_names(std::uint32_t facts);

// A delivery attempt of one recipient group ("postern.delivery/1").
struct DeliveryRecord {
  Id id;  // of the attempt
  Id message;
  WallMs start = 0;
  std::uint32_t duration_ms = 0;
  std::string transport;  // "maildir", "lmtp", "sink", "smtp"
  std::string host;       // endpoint or path
  std::string tls;        // version, "" in clear
  std::string tls_cipher;
  bool tls_verified = false;  // by the proof that was demanded, or by a trusted root and the name
  // Of servers of others ("smtp"); empty otherwise
  std::string destination;  // domain, address literal or next hop
  std::string host_name;    // the host's, "mx.example.net"
  std::string family;       // "ipv6", "ipv4"
  std::string tls_policy;   // what was demanded: "dane", "sts", "opportunistic", ...
  struct Outcome {
    std::string path;
    std::string state;  // "delivered", "deferred", "failed"
    std::string reply;
  };
  std::vector<Outcome> outcomes;
  // Those that are not listed, by state.
  struct Counts {
    std::uint32_t delivered = 0, deferred = 0, failed = 0;
    void add(std::string_view state);
    [[nodiscard]] std::uint32_t total() const { return delivered + deferred + failed; }
  } beyond;
  std::uint64_t size = 0;
  std::uint32_t queued_ms = 0;  // since the message arrived
  std::uint32_t attempt = 0;
};
void append_json(const DeliveryRecord& record, std::string& out);

}  // namespace postern::record
