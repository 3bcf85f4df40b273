// What postscreen, tlsproxy and dnsblog say.
#include "base/text.h"
#include "maillog/postfix_readers.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

// "[addr]:port", behind `text`
bool screen_host(std::string_view text, Event& event) {
  std::string_view behind;
  return text.starts_with('[') && split_host(text, event.host, behind);
}

}  // namespace

void read_postscreen(std::string_view message, Event& event) {
  std::string_view rest = message;
  if (take(rest, "CONNECT from ")) {
    if (screen_host(rest, event)) event.kind = Kind::screen_connect;
    return;
  }
  if (take(rest, "DISCONNECT ")) {
    if (screen_host(rest, event)) event.kind = Kind::screen_end;
    return;
  }
  static constexpr std::array<std::string_view, 9> kAccess{"PASS NEW",       "PASS OLD",       "WHITELISTED",
                                                           "ALLOWLISTED",    "BLACKLISTED",    "DENYLISTED",
                                                           "WHITELIST VETO", "ALLOWLIST VETO", "PASS"};
  for (const std::string_view access : kAccess) {
    if (!message.starts_with(access) || message.size() <= access.size() + 1) continue;
    if (screen_host(message.substr(access.size() + 1), event)) {
      event.kind = Kind::screen_access;
      event.action = message.substr(0, access.size());
      return;
    }
  }
  if (take(rest, "DNSBL rank ")) {
    event.action = "DNSBL";
    if (take_until(rest, " for ", event.text) && screen_host(rest, event)) event.kind = Kind::screen_violation;
    return;
  }
  for (const std::string_view what : {"PREGREET ", "HANGUP "}) {
    if (!take(rest, what)) continue;
    const std::size_t after = rest.find("after ");
    const std::size_t from = rest.find(" from ");
    if (after == kNone || from == kNone || from < after + 6) return;
    event.action = what.substr(0, what.size() - 1);
    event.text = rest.substr(after + 6, from - after - 6);
    if (screen_host(rest.substr(from + 6), event)) event.kind = Kind::screen_violation;
    return;
  }
  for (const std::string_view what : {"COMMAND TIME LIMIT", "COMMAND LENGTH LIMIT", "COMMAND COUNT LIMIT",
                                      "COMMAND PIPELINING", "NON-SMTP COMMAND", "BARE NEWLINE", "BARE LINEFEED"}) {
    if (!message.starts_with(what)) continue;
    event.action = message.substr(0, what.size());
    const std::size_t from = message.find(" from ");
    const std::size_t after = message.find(" after ");
    if (from == kNone || !screen_host(message.substr(from + 6), event)) return;
    if (after != kNone) {
      event.stage = message.substr(after + 7);
      event.stage = event.stage.substr(0, event.stage.find(": "));
      event.stage = event.stage.substr(0, event.stage.find(" from "));
    }
    event.kind = Kind::screen_violation;
    return;
  }
  if (take(rest, "discarding EHLO keywords: ")) {
    event.kind = Kind::keywords;
    event.text = rest;
    return;
  }
  if (take(rest, "cache ")) {
    event.kind = Kind::cache;
    event.text = rest;
    return;
  }
  if (const std::size_t id = queue_id_length(message); id != 0) {
    event.queue_id = message.substr(0, id);
    rest = message.substr(id + 2);
    if (!read_action(rest, Kind::screen_decision, event)) return forget(event);
    if (event.code.empty()) event.kind = Kind::screen_busy;
    return;
  }
  if (message.starts_with("entering STRESS mode") || message.starts_with("leaving STRESS mode")) return note(event);
}

void read_tlsproxy(std::string_view message, Event& event) {
  std::string_view rest = message;
  if (take(rest, "CONNECT from ") || take(rest, "CONNECT to ")) {
    if (screen_host(rest, event)) event.kind = Kind::noted;
  } else if (take(rest, "DISCONNECT ")) {
    if (screen_host(rest, event)) event.kind = Kind::screen_end;
  } else if (read_conversation(message, event)) {
  } else if (!read_tls(message, Kind::tls_proxied, event)) {
    forget(event);
    read_smtpd(message, event);
    if (event.kind != Kind::tls_error_in && event.kind != Kind::noted) event.kind = Kind::unknown;
  }
}

void read_dnsblog(std::string_view message, Event& event) {
  if (take(message, "addr ") && take_until(message, " listed by domain ", event.host.address) &&
      take_until(message, " as ", event.data)) {
    event.text = message;
    event.kind = Kind::listed;
  }
}

}  // namespace postern::maillog
