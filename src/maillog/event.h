// What a message of Postfix or Exim says. One pass over the message, no allocation: parts are views into it, and what
// only `--lines` needs (key=value pairs, counters) is left in one piece for fields.h to cut.
//
// A message is `unknown` where nothing here fits; `noted` where it is understood and counts nothing.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "maillog/line.h"

namespace postern::maillog {

enum class Kind : std::uint8_t {
  unknown,
  noted,    // understood, and of no further interest
  message,  // action: its level ("warning", "fatal"); text
  // smtpd
  connect,       // host
  disconnect,    // host; pairs: "ehlo=1 starttls=1 commands=2"
  lost,          // action: "lost connection", "timeout", "too many errors"; stage, host
  tls_in,        // action: the trust ("Anonymous"); host; data: the name asked for (SNI); tls, cipher, rest
  setting_up,    // host: TLS begins
  received,      // pairs: "client=..."; host
  decision,      // action: "reject", "hold", ...; stage, host, code, enhanced, data, text, pairs
  proxy,         // action: "reject", "accept"; stage, text, pairs
  pipelining,    // stage, host, text
  tls_error_in,  // action: "SSL_accept error"; host, text
  client_says,   // a warning about a client: host, text
  auth_failed,   // the same, of AUTH
  keywords,      // text: EHLO keywords that were discarded
  // postscreen, tlsproxy, dnsblog; host has a port and no name
  screen_connect,    // host
  screen_access,     // action: "PASS NEW", "ALLOWLISTED"; host
  screen_violation,  // action: "DNSBL", "PREGREET", "HANGUP", "COMMAND TIME LIMIT"; host, stage, text: rank or seconds
  screen_decision,   // as decision
  screen_busy,       // action, stage, host, text
  screen_end,        // DISCONNECT: host
  tls_proxied,       // as tls_in, of tlsproxy: connections that smtpd never sees
  listed,            // host; data: the list, text: its answer
  // cleanup, qmgr, bounce, pickup
  message_id,       // text
  content,          // cleanup on a header or body: action, text, pairs
  milter,           // action: "reject"; text, pairs
  queued,           // pairs: "from=<>, size=1, nrcpt=1 (queue active)"
  expired,          // data: the sender; status, text
  removed,          // text: "removed", "placed on hold", ...
  notice,           // bounce: action: who is told; text: of what; data: the notice's queue id
  picked_up,        // pairs: "uid=0 from=<root>"
  postsuper,        // text: "removed", "placed on hold"
  postsuper_total,  // action, text: the number
  cache,            // text
  statistics,       // anvil, scache: text
  terminating,      // text: the signal
  // smtp, lmtp, local, virtual, pipe, error; host is the relay
  delivery,        // pairs; of them data: delay=, rest: tls=; host, status, enhanced, text: what it ended with
  tls_out,         // as tls_in
  tls_error_out,   // action: "SSL_connect error", "certificate verification failed"; host, text
  connect_failed,  // host, text
  said,            // host, text, stage
  lost_out,        // action: "lost connection", "conversation timed out"; host, text: while what
  workaround,      // host, text
  // Exim
  exim_arrival,   // host; tls, cipher; pairs
  exim_delivery,  // action: "=>", "->", ">>", "**", "=="; host, tls, cipher, status, text
  exim_reject,    // host, stage, text
};

// "name[address]:port" as Postfix has it.
struct Host {
  std::string_view name, address, port;
  [[nodiscard]] bool known() const { return !address.empty() && address != "unknown"; }
  // An IPv6 address has a colon among its first five characters. RFC 4291 2.5.5.2: ::ffff:192.0.2.1 is IPv4.
  [[nodiscard]] bool ipv6() const { return address.substr(0, 5).find(':') != std::string_view::npos && !mapped(); }
  [[nodiscard]] bool mapped() const {
    return address.starts_with("::ffff:") && address.find('.') != std::string_view::npos;
  }
};

struct Event {
  Kind kind = Kind::unknown;
  std::string_view queue_id;  // "NOQUEUE" as it stands
  Host host;
  std::string_view action, stage, code, enhanced, data, text, pairs, status;
  std::string_view reply;              // of a decision: code, enhanced code, data and text in one
  std::string_view tls, cipher, rest;  // "TLSv1.3", "TLS_AES_256_GCM_SHA384", " (256/256 bits) key-exchange ..."
};

// `event` is empty before; it is filled in place because it is large and there are millions of lines.
void read_postfix(Daemon daemon, std::string_view message, Event& event);
void read_exim(std::string_view message, Event& event);
// By the line's origin; unknown where it is neither's.
void read_event(const Line& line, Event& event);

// The value of `key` in "key=value" pairs that commas or spaces part; values may stand between < and >, which are left
// out, and what they hold is no pair. Empty where it is not there.
[[nodiscard]] std::string_view pair_value(std::string_view pairs, std::string_view key);
// "name[address]:port", "[address]:port" at the start of `text`; what is behind is `rest`. False where there is none.
[[nodiscard]] bool split_host(std::string_view text, Host& host, std::string_view& rest);

}  // namespace postern::maillog
