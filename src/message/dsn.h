// Delivery status notifications: the message that tells a sender what became of his (writer), and what such a message
// says (reader). multipart/report (RFC 6522) of three parts: words for people, fields for programs (RFC 3464), and the
// message or its header; the variants for internationalised mail (RFC 6533) where the original was one.
//
// Not here: who is told what and when (delivery/notices), envelopes. The reader is bounded and takes any octets; what
// it returns was said by whoever sent the report. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace postern::message {

enum class DsnAction : std::uint8_t { failed, delayed, delivered, relayed, expanded };  // RFC 3464 2.3.3
[[nodiscard]] std::string_view to_string(DsnAction action);

struct DsnRecipient {
  std::string address;   // where it was to be delivered, wire form
  std::string written;   // what the sender wrote to, for people; "" where it is the same
  std::string original;  // Original-Recipient: ORCPT, decoded (smtp/dsn_address.h); "" where there was none
  DsnAction action = DsnAction::failed;
  std::string status;      // "5.1.1" (RFC 3463)
  std::string remote_mta;  // who said so: "[2001:db8::1]:24", "mx.example.net"; "" where it was ourselves
  std::string diagnostic;  // the reply, or our own words
  WallMs last_attempt = 0;
  WallMs will_retry_until = 0;  // delayed
};

struct DsnReport {
  std::string reporting_mta;  // our hostname
  std::string from;           // the address in From
  std::string to;             // the reverse-path of the original message
  std::string help;           // an address for questions; "" where there is none
  Id id;                      // of this message
  Id original;                // of the message it is about
  std::string envid;          // ENVID=, decoded
  WallMs now = 0;
  WallMs arrived = 0;     // of the original
  WallMs deliver_by = 0;  // RFC 2852 5; 0: not asked
  WallMs held_until = 0;  // RFC 4865 5.1.2; 0: not asked
  bool utf8 = false;      // the original came with SMTPUTF8
  std::vector<DsnRecipient> recipients;
  std::string returned;  // octets of the original: all of it, or its header
  bool returned_whole = false;
};

// The message, CRLF line ends. All recipients should have one action: the words are about the first one's.
[[nodiscard]] std::string write_dsn(const DsnReport& report);

// What to do about it, in a sentence, by the class and subject of the code (RFC 3463).
[[nodiscard]] std::string_view advice(std::string_view status);

inline constexpr std::size_t kDsnHeaderMax = 256 * 1024;  // octets of a header, read or returned
inline constexpr std::size_t kDsnPartMax = 1024 * 1024;   // of the fields for programs; what is behind is not read
inline constexpr std::size_t kDsnPartsMax = 20;
inline constexpr std::size_t kDsnRecipientsMax = 1000;
inline constexpr std::size_t kDsnValueMax = 1000;  // of one field, which is cut

struct ReadRecipient {
  std::string original, address;  // as written, the type included; "" where it is missing
  std::optional<DsnAction> action;
  std::string status;
  std::string remote_mta, diagnostic, last_attempt, will_retry_until;
};

struct ReadReport {
  std::string reporting_mta, envid, arrival;
  std::vector<ReadRecipient> recipients;
  std::string returned;  // the third part, as it stands there; at most kDsnHeaderMax
};

// nullopt: the message is no delivery status notification.
[[nodiscard]] std::optional<ReadReport> read_dsn(std::string_view message);

}  // namespace postern::message
