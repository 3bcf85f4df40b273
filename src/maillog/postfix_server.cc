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
  if (!take(text, ": ") || !read_tls_summary(text, event)) return false;
  event.kind = reused ? Kind::noted : out ? Kind::tls_out : in;
  return true;
}

namespace {

// "RCPT from host[addr]: 550 5.1.1 <data>: text; from=<> ...", behind the action
bool read_decision(std::string_view text, Event& event) {
  // The keys begin behind the last "; from=<" or "; to=<" or "; proto=": the text may hold semicolons.
  std::size_t cut = kNone;
  for (std::size_t at = find_char(text, ';'); at != kNone; at = find_char(text, ';', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.starts_with(" from=<") || rest.starts_with(" to=<") || rest.starts_with(" proto=")) {
      cut = at;
      break;
    }
  }
  if (cut != kNone) {
    event.pairs = text.substr(cut + 2);
    text = text.substr(0, cut);
  }
  std::size_t space = find_char(text, ' ');
  if (space == kNone) return false;
  event.stage = text.substr(0, space);
  text.remove_prefix(space + 1);
  if (!take(text, "from ") || !split_host(text, event.host, text) || !take(text, ": ")) {
    if (event.stage.ends_with(':')) {  // "END-OF-MESSAGE: text"
      event.stage.remove_suffix(1);
      event.text = text;
      return true;
    }
    return false;
  }
  const std::string_view reply = text;
  if (text.size() > 4 && is_digit(text[0]) && is_digit(text[1]) && is_digit(text[2]) && text[3] == ' ') {
    event.code = text.substr(0, 3);
    event.reply = reply;
    text.remove_prefix(4);
  }
  if (text.size() > 5 && is_digit(text[0]) && text[1] == '.' && is_digit(text[2])) {
    space = find_char(text, ' ');
    event.enhanced = text.substr(0, space);
    text = space == kNone ? std::string_view{} : text.substr(space + 1);
  }
  if (text.starts_with('<')) {
    const std::size_t close = text.find(">: ");
    if (close != kNone) {
      event.data = text.substr(1, close - 1);
      text.remove_prefix(close + 3);
    }
  }
  event.text = text;
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
  const std::size_t keys = rest.find("; from=<");
  event.text = rest.substr(0, keys);
  if (keys != kNone) event.pairs = rest.substr(keys + 2);
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
  // smtpd_tls_loglevel = 1: "host[addr]: Untrusted: subject_CN=..., issuer=..."; 2: the steps of the handshake
  if (message.starts_with("certificate verification failed for ") ||
      (split_host(message, event.host, behind) && behind.starts_with(": ")))
    return note(event);
  forget(event);
}

}  // namespace postern::maillog
