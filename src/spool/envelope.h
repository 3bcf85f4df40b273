// Envelope: everything about a queued message except its octets. Encoded as a versioned, bounded binary value
// (length-prefixed strings: nothing a stranger sends can end a field early).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "ip/address.h"

namespace postern::spool {

enum class RecipientState : std::uint8_t {
  pending = 0,
  delivered = 1,
  failed =
      2,  // refused for good after our 250, and nobody can be told: held, shown by `queue list`, until it is dropped
  dropped = 3,  // by the operator
  bounced = 4,  // refused for good after our 250, and the sender has been told, or did not want to be
};

// DSN NOTIFY (RFC 3461 4.1)
inline constexpr std::uint8_t kNotifySuccess = 1;
inline constexpr std::uint8_t kNotifyFailure = 2;
inline constexpr std::uint8_t kNotifyDelay = 4;
inline constexpr std::uint8_t kNotifyNever = 8;  // alone
inline constexpr std::uint8_t kExpanded = 64;    // not of the wire: one of several that an alias stands for
inline constexpr std::uint8_t kDelayTold = 128;  // not of the wire: the sender has been told that it takes longer

// Who gave us the message, and with what right.
enum class Origin : std::uint8_t {
  stranger = 0,  // a server of others, for our domains
  relay = 1,     // a client of [relay] from
  login = 2,     // an authenticated user: Envelope::login
  local = 3,     // a program of this machine, through `postern sendmail`
  own = 4,       // ourselves: notifications and reports
};

struct Recipient {
  std::string forward_path;  // where it is delivered to (after aliases), wire form
  std::string original;      // what RCPT said, where it differs
  RecipientState state = RecipientState::pending;
  std::uint32_t attempts = 0;
  std::string last_reply;   // of the last attempt: "451 4.3.0 ..." or our own words; at most kReplyMax octets. With no
                            // attempt yet and a local origin, why there shall be none: the queue tells the sender.
  std::uint8_t notify = 0;  // kNotify bits, 0 = not given
  std::string orcpt;        // decoded, with its type (smtp/dsn_address.h)
  friend bool operator==(const Recipient&, const Recipient&) = default;
};

struct Envelope {
  static constexpr std::size_t kReplyMax = 512;
  static constexpr std::size_t kRecipientsMax = 100000;
  static constexpr std::size_t kFieldsMax = 64 * 1024;

  Id id;
  Id session;
  WallMs arrived = 0;
  std::string reverse_path;  // "" for the null path
  std::vector<Recipient> recipients;
  std::uint64_t size = 0;  // octets of the message as stored (with our Received field), CRLF line ends
  bool eight_bit = false;
  bool utf8 = false;
  bool held = false;        // by the operator
  WallMs next_attempt = 0;  // due time
  std::uint32_t attempts = 0;
  std::string client;  // "[2001:db8::1]:4711"
  std::string login;
  std::string envid, ret;  // DSN: decoded; "FULL", "HDRS" or not given
  Origin origin = Origin::stranger;
  bool require_tls = false;     // REQUIRETLS (RFC 8689 3)
  bool tls_optional = false;    // the field TLS-Required: no (RFC 8689 5)
  std::int8_t priority = 0;     // MT-PRIORITY (RFC 6710), -9 to 9
  WallMs deliver_by = 0;        // DELIVERBY (RFC 2852): until when; 0: not asked
  bool return_if_late = false;  // by-mode R: fails then. N: the sender is told, and it stays in the queue
  bool trace_relays = false;    // by-trace T
  WallMs held_until = 0;        // FUTURERELEASE (RFC 4865): not sent before; 0: not asked
  // Header fields that go above the stored octets, each with its CRLF: what became known only when the message had been
  // written already (Authentication-Results). At most kFieldsMax octets: a longer value
  // is a bug of whoever sets it.
  std::string fields_on_top;
  friend bool operator==(const Envelope&, const Envelope&) = default;

  [[nodiscard]] bool settled() const;  // no recipient is pending
  // From when on delivery is tried, and delays and expiry count.
  [[nodiscard]] WallMs sending_since() const { return held_until > arrived ? held_until : arrived; }
};

inline constexpr std::size_t kEnvelopeMax = 64 * 1024 * 1024;
void encode(const Envelope& envelope, std::string& out);
[[nodiscard]] Result<Envelope> decode_envelope(std::string_view bytes);

}  // namespace postern::spool
