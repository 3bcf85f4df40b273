// What smtpd says.
#include "base/text.h"
#include "maillog/postfix_readers.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

// "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange ..."
bool read_tls_summary(std::string_view text, Event& event) {
  const std::size_t space = find_char(text, ' ');
  if (space == kNone) return false;
  event.tls = text.substr(0, space);
  text.remove_prefix(space + 1);
  if (!take(text, "with cipher ")) return false;
  const std::size_t end = find_char(text, ' ');
  event.cipher = text.substr(0, end);
  event.rest = end == kNone ? std::string_view{} : text.substr(end);
  return !event.cipher.empty();
}

}  // namespace

// "Anonymous TLS connection established from ...": trust, direction, host, summary. `reused` ones are no new handshake.
bool read_tls(std::string_view text, Kind in, Event& event) {
  const std::size_t space = find_char(text, ' ');
  if (space == kNone) return false;
  const std::string_view trust = text.substr(0, space);
  text.remove_prefix(space);
  bool out = false;
  bool reused = false;
  if (take(text, " TLS connection established ")) {
  } else if (take(text, " TLS connection reused ")) {
    reused = true;
  } else {
    return false;
  }
  if (take(text, "to "))
    out = true;
  else if (!take(text, "from "))
    return false;
  if (!split_host(text, event.host, text)) return false;
  event.action = trust;
  // tls_server_sni_maps: "from host[addr] to the.name.asked.for: TLSv1.3 ..."
  if (take(text, " to ") && (!take_until(text, ": ", event.data) || find_char(event.data, ' ') != kNone)) return false;
  if (event.data.empty() && !take(text, ": ")) return false;
  if (!read_tls_summary(text, event)) return false;
  event.kind = reused ? Kind::noted : out ? Kind::tls_out : in;
  return true;
}

namespace {

// The keys that follow a text: "; from=<", "; to=<" or "; proto=", for the text may hold semicolons. kNone: none.
std::size_t keys_at(std::string_view text) {
  for (std::size_t at = find_char(text, ';'); at != kNone; at = find_char(text, ';', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.starts_with(" from=<") || rest.starts_with(" to=<") || rest.starts_with(" proto=")) return at;
  }
  return kNone;
}

// "<data>: " at the start, which whoever writes the address chooses: what is behind it.
std::string_view take_data(std::string_view text, Event& event) {
  const std::size_t quoted = text.starts_with("<\"") ? behind_address(text, 0) : kNone;
  const std::size_t close = quoted != kNone && text.substr(quoted).starts_with(": ") ? quoted - 1 : text.find(">: ");
  if (close == kNone) return text;
  event.data = text.substr(1, close - 1);
  return text.substr(close + 3);
}

// "RCPT from host[addr]: 550 5.1.1 <data>: text; from=<> ...", behind the action
bool read_decision(std::string_view text, Event& event) {
  std::size_t space = find_char(text, ' ');
  if (space == kNone) return false;
  event.stage = text.substr(0, space);
  text.remove_prefix(space + 1);
  const bool from = take(text, "from ") && split_host(text, event.host, text) && take(text, ": ");
  if (!from && !event.stage.ends_with(':')) return false;
  const std::string_view reply = text;
  const bool coded =
      from && text.size() > 4 && is_digit(text[0]) && is_digit(text[1]) && is_digit(text[2]) && text[3] == ' ';
  if (coded) {
    event.code = text.substr(0, 3);
    text.remove_prefix(4);
  }
  if (from && text.size() >= 5 && is_digit(text[0]) && text[1] == '.' && is_digit(text[2])) {
    space = find_char(text, ' ');
    event.enhanced = text.substr(0, space);
    text = space == kNone ? text.substr(text.size()) : text.substr(space + 1);  // its place says where the reply ends
  }
  if (from && text.starts_with('<')) text = take_data(text, event);
  const std::size_t keys = keys_at(text);
  if (keys != kNone) {
    event.pairs = text.substr(keys + 2);
    text = text.substr(0, keys);
  }
  event.text = text;
  if (coded) event.reply = reply.substr(0, static_cast<std::size_t>(text.data() + text.size() - reply.data()));
  if (!from) event.stage.remove_suffix(1);  // "END-OF-MESSAGE: text"
  return true;
}

}  // namespace

bool is_action(std::string_view word) {
  static constexpr std::array<std::string_view, 17> kActions{
      "reject", "reject_warning", "warn",   "hold", "discard", "filter",   "redirect",      "bcc",           "prepend",
      "delay",  "replace",        "permit", "info", "strip",   "tempfail", "milter-reject", "milter-discard"};
  for (const std::string_view action : kActions)
    if (word == action) return true;
  return word == "milter-hold" || word == "milter-tempfail" || word == "milter-quarantine" || word == "warning";
}

// "reject: RCPT from ...", behind the queue id
bool read_action(std::string_view text, Kind kind, Event& event) {
  const std::size_t colon = find_char(text, ':');
  if (colon == kNone || colon + 1 >= text.size() || text[colon + 1] != ' ') return false;
  if (!is_action(text.substr(0, colon))) return false;
  event.action = text.substr(0, colon);
  event.kind = kind;
  return read_decision(text.substr(colon + 2), event);
}

namespace {

// "after STAGE from host[addr]...", behind what happened
bool read_after(std::string_view text, Event& event) {
  const std::size_t end = text.find(" from ");
  if (end == kNone) return false;
  event.stage = text.substr(0, end);
  const std::size_t octets = event.stage.find(" (");  // "DATA (7774180 bytes)"
  if (octets != kNone) event.stage = event.stage.substr(0, octets);
  text.remove_prefix(end + 6);
  if (!split_host(text, event.host, text)) return false;
  event.text = take(text, ": ") ? text : std::string_view{};
  return true;
}

// "x-reject: STAGE: text; pairs"
bool read_proxy(std::string_view text, Event& event) {
  if (!take(text, "proxy-")) return false;
  std::string_view rest = text;
  if (!take_until(rest, ": ", event.action) || !take_until(rest, ": ", event.stage)) return false;
  event.kind = Kind::proxy;
  event.text = rest;
  Event of;  // the text begins with code and address, which are left in it
  while (!rest.empty() && (is_digit(rest.front()) || rest.front() == '.' || rest.front() == ' ')) rest.remove_prefix(1);
  if (rest.starts_with('<')) rest = take_data(rest, of);
  const std::size_t keys = keys_at(rest);
  if (keys == kNone) return true;
  event.pairs = rest.substr(keys + 2);
  event.text.remove_suffix(rest.size() - keys);
  return true;
}

void smtpd_warning(std::string_view message, Event& event) {
  read_level(message, event);
  std::string_view rest;
  if (split_host(event.text, event.host, rest) && take(rest, ": ")) {
    event.kind =
        rest.starts_with("SASL ") && rest.find("authentication fail") != kNone ? Kind::auth_failed : Kind::client_says;
    event.text = rest;
  } else {
    event.host = {};
    if (std::string_view text = event.text; take(text, "non-SMTP command from ")) {
      if (split_host(text, event.host, rest) && take(rest, ": ")) {
        event.kind = Kind::client_says;
        return;
      }
      event.host = {};
    }
  }
}

}  // namespace

void read_smtpd(std::string_view message, Event& event) {
  std::string_view rest = message;
  std::string_view behind;
  switch (message.front()) {
    case 'c':
      if (take(rest, "connect from ")) {
        if (split_host(rest, event.host, behind)) event.kind = Kind::connect;
        return;
      }
      break;
    case 'd':
      if (take(rest, "disconnect from ")) {
        if (split_host(rest, event.host, behind)) event.kind = Kind::disconnect;
        if (take(behind, " ")) event.pairs = behind;
        return;
      }
      if (take(rest, "discarding EHLO keywords: ")) {
        event.kind = Kind::keywords;
        event.text = rest;
        return;
      }
      break;
    case 'l':
    case 't':
      for (const std::string_view what : {"lost connection", "timeout", "too many errors"}) {
        if (!take(rest, what)) continue;
        event.action = what;
        if (take(rest, " after ") && read_after(rest, event)) event.kind = Kind::lost;
        return;
      }
      break;
    case 'i':
      if (take(rest, "improper command pipelining after ")) {
        if (read_after(rest, event)) event.kind = Kind::pipelining;
        return;
      }
      if (message.starts_with("initializing the server-side TLS engine")) return note(event);
      if (message.starts_with("idle timeout -- exiting")) return note(event);
      break;
    case 's':
      if (take(rest, "setting up TLS connection from ")) {
        if (split_host(rest, event.host, behind)) event.kind = Kind::setting_up;
        return;
      }
      break;
    case 'S':
      if (take(rest, "SSL_accept error from ")) {
        event.action = "SSL_accept error";
        if (split_host(rest, event.host, behind) && take(behind, ": ")) {
          event.kind = Kind::tls_error_in;
          event.text = behind;
        }
        return;
      }
      if (message.starts_with("SSL_accept:")) return note(event);
      break;
    case 'p':
      if (read_proxy(message, event)) return;
      break;
    case 'w':
      if (message.starts_with("warning: ")) return smtpd_warning(message, event);
      break;
    default:
      break;
  }
  if (const std::size_t id = queue_id_length(message); id != 0) {
    event.queue_id = message.substr(0, id);
    rest = message.substr(id + 2);
    if (rest.starts_with("client=")) {
      event.pairs = rest;
      if (split_host(rest.substr(7), event.host, behind)) event.kind = Kind::received;
      return;
    }
    if (read_action(rest, Kind::decision, event)) return;
    if (read_proxy(rest, event)) return;
    event = Event{};
    return;
  }
  if (read_tls(message, Kind::tls_in, event)) return;
  event = Event{};
  // tls_server_sni_maps without such a name
  if (message.starts_with("TLS SNI ") && message.ends_with(" not matched, using default chain")) return note(event);
  // smtpd_tls_loglevel = 1: "host[addr]: Untrusted: subject_CN=..., issuer=..."; 2: the steps of the handshake
  if (message.starts_with("certificate verification failed for ") ||
      (split_host(message, event.host, behind) && behind.starts_with(": ")))
    return note(event);
  forget(event);
}

}  // namespace postern::maillog
