// The catalogue of signals: everything that a policy can ask about a session, by name, with its type, the values it can
// take and the stage at which it is known. One table, so that the policy language, the records, `postern signals` and
// the documentation cannot know a signal that another does not. Names and words are an interface: policies and records
// of years ago are read with them. New values are appended; numbers are never reused.
//
// Not here: how a signal is measured (signals/, geo, fingerprint, bounds), what it is worth (policy/).
// Thread rule: constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace postern::evidence {

// When a signal is known at the latest. A refusal is spoken at RCPT whatever the stage (design invariant 4: the role
// accounts stay reachable); only budgets speak at connect.
enum class Stage : std::uint8_t { connect, helo, mail, rcpt, data };
inline constexpr std::size_t kStages = 5;
[[nodiscard]] std::string_view to_string(Stage stage);
[[nodiscard]] std::optional<Stage> parse_stage(std::string_view word);

enum class Type : std::uint8_t {
  category,  // one word of `values`
  country,   // two letters (ISO 3166-1)
  number,    // an integer
  names,     // which of the lists of the configuration name this sender; each is listed, not listed, or unknown
  text,      // octets as they were said, at most kTextMax; compared without regard to ASCII case
};

enum class Signal : std::uint8_t {
  // connect
  family,
  address,
  country,
  rdns,
  rdns_name,
  rdns_domain,
  os,
  syn,
  early_talk,
  lists,
  list_score,
  budget,
  known,
  verdict_of_operator,  // "operator" in the language
  // helo
  helo,
  helo_match,
  helo_name,
  protocol,
  pipelining,
  tls,
  tls_retry,
  cipher,
  ja4,
  // mail
  sender,
  sender_domain,
  spf,
  // rcpt
  recipient,
  recipient_domain,
  recipient_address,
  greylist,
  trap,
  errors,
  unknown_recipients,
  recipients,
  messages,
  // data
  dkim,
  dkim_domain,
  dmarc,
  dmarc_policy,
  arc,
  author_domain,
  size,
  // appended: their stage is in the table
  tls_group,
  hang_up,
};
inline constexpr std::size_t kSignals = static_cast<std::size_t>(Signal::hang_up) + 1;

// The values of the categories. 0 is unknown in each: not measured, not measurable, or not answered in time. It never
// counts against a sender (design invariant 6).
namespace value {
enum class Family : std::uint8_t { unknown, ipv4, ipv6 };
enum class Address : std::uint8_t { unknown, global, private_use, documentation, reserved, loopback };
// generic: the name encodes the address, or is one of a numbered pool; it is generic also where it is confirmed, since
// a synthesised zone confirms everything. mail: confirmed, and named as mail servers are.
enum class Rdns : std::uint8_t { unknown, none, unconfirmed, generic, confirmed, mail };
enum class Os : std::uint8_t {
  unknown,  // no SYN was saved
  unrecognised,
  windows,
  linux,
  android,
  apple,
  freebsd,
  openbsd,
  netbsd,
  solaris,
  other,
};
enum class Budget : std::uint8_t { unknown, within, over };
// undecided: no history was found, and a look-up failed that could have told who the sender is.
enum class Known : std::uint8_t { unknown, stranger, seen, known, replied_to, undecided };
enum class Operator : std::uint8_t { unknown, silent, allow, deny };
// own: our own name or address, which no stranger can have.
enum class Helo : std::uint8_t {
  unknown,
  name,
  unqualified,
  literal,
  wrong_literal,
  bare_address,
  own,
  localhost,
  invalid
};
// Strongest agreement between HELO and the client. RFC 5321 4.1.4: a mismatch is for logging, and is no ground to
// refuse. no_address: nothing agrees, and the name has no address of either family.
enum class HeloMatch : std::uint8_t { unknown, ptr, organisation, address, differs, no_address };
enum class Protocol : std::uint8_t { unknown, smtp, http, tls };
enum class YesNo : std::uint8_t { unknown, no, yes };  // early_talk, pipelining, tls_retry, trap, hang_up
enum class Tls : std::uint8_t { unknown, plain, failed, tls1_0, tls1_1, tls1_2, tls1_3 };
enum class Sender : std::uint8_t { unknown, null, address };
enum class Spf : std::uint8_t { unknown, none, neutral, pass, softfail, fail, temperror, permerror };
enum class Recipient : std::uint8_t { unknown, mailbox, role, no_such_user, retired, trap };
// due: seen before and the delay is over. weak: so by the pair of sender and recipient alone.
enum class Greylist : std::uint8_t { unknown, first, early, due, weak };
enum class Dkim : std::uint8_t { unknown, none, pass, fail, policy, neutral, temperror, permerror };
enum class Dmarc : std::uint8_t { unknown, none, pass, fail, temperror, permerror };
enum class DmarcPolicy : std::uint8_t { unknown, none, quarantine, reject };
enum class Arc : std::uint8_t { unknown, none, pass, fail };
}  // namespace value

struct SignalInfo {
  Signal signal;
  std::string_view name;
  Type type;
  Stage stage;
  std::span<const std::string_view> values;  // of a category, by number; values[0] is "unknown"
  std::string_view doc;                      // one sentence for an administrator
};

[[nodiscard]] std::span<const SignalInfo, kSignals> signals();
[[nodiscard]] const SignalInfo& info(Signal signal);
[[nodiscard]] std::optional<Signal> find_signal(std::string_view name);
// The number of a category's word, or nothing.
[[nodiscard]] std::optional<std::uint8_t> find_value(Signal signal, std::string_view word);

}  // namespace postern::evidence
