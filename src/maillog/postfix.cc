// What Postfix's daemons say. Formats are those of Postfix 2.3 to 3.11 (src/smtpd, src/global/log_adhoc.c,
// src/postscreen, src/tls/tls_misc.c: tls_log_summary).
#include "base/text.h"
#include "maillog/postfix_readers.h"
#include "maillog/scan.h"

namespace postern::maillog {

// "warning: ...", "fatal: ...": any daemon may say it
bool read_level(std::string_view message, Event& event) {
  static constexpr std::array<std::string_view, 6> kLevels{
      "warning: ", "error: ", "fatal: ", "panic: ", "info: ", "debug: "};
  for (const std::string_view level : kLevels) {
    if (!message.starts_with(level)) continue;
    event.kind = Kind::message;
    event.action = level.substr(0, level.size() - 2);
    event.text = message.substr(level.size());
    if (const std::size_t length = queue_id_length(event.text); length != 0 && event.text[0] != 'N') {
      event.queue_id = event.text.substr(0, length);
      event.text.remove_prefix(length + 2);
    }
    return true;
  }
  return false;
}

namespace {

void read_qmgr(std::string_view message, Event& event) {
  const std::size_t id = queue_id_length(message);
  if (id == 0) return;
  event.queue_id = message.substr(0, id);
  const std::string_view rest = message.substr(id + 2);
  if (rest == "removed") {
    event.kind = Kind::removed;
    event.text = rest;
  } else if (rest.starts_with("from=")) {
    const std::size_t sender = rest.size() > 5 && rest[5] == '<' ? behind_address(rest, 5) : 5;
    constexpr std::string_view kStatus = ", status=";
    if (sender == kNone || !rest.substr(sender).starts_with(kStatus)) {
      event.kind = Kind::queued;
      event.pairs = rest;
      return;
    }
    event.kind = Kind::expired;
    event.data = pair_value(rest, "from");
    event.status = rest.substr(sender + kStatus.size());
    const std::size_t comma = find_char(event.status, ',');
    if (comma != kNone) {
      event.text = trim(event.status.substr(comma + 1));
      event.status = event.status.substr(0, comma);
    }
  } else if (rest.starts_with("to=")) {
    if (!read_delivery(rest, event)) event.kind = Kind::unknown;
  } else if (rest.starts_with("skipped, still being delivered") || rest.starts_with("placed on hold")) {
    event.kind = Kind::noted;
  } else {
    return forget(event);
  }
}

void read_cleanup(std::string_view message, Event& event) {
  const std::size_t id = queue_id_length(message);
  if (id == 0) return;
  event.queue_id = message.substr(0, id);
  std::string_view rest = message.substr(id + 2);
  if (rest.starts_with("message-id=") || rest.starts_with("resent-message-id=")) {
    event.kind = Kind::message_id;
    event.text = rest.substr(rest.find('=') + 1);
    return;
  }
  const std::size_t colon = find_char(rest, ':');
  if (colon == kNone || !is_action(rest.substr(0, colon)) || rest.size() < colon + 2) return forget(event);
  event.action = rest.substr(0, colon);
  rest.remove_prefix(colon + 2);
  event.stage = rest.substr(0, find_char(rest, ' '));
  // "header Subject: ... from host[addr]; from=<...>": a header may say "; from=<" itself, and stands before the host.
  const bool content = event.stage == "header" || event.stage == "body";
  const std::size_t host = content ? rest.rfind("]; from=<") : kNone;
  const std::size_t keys = host != kNone ? host + 1 : rest.find("; from=<");
  event.text = rest.substr(0, keys);
  if (keys != kNone) event.pairs = rest.substr(keys + 2);
  // "header Subject: ... from host[addr]", "END-OF-MESSAGE from host[addr]: 5.7.1 text"
  const std::size_t from = event.text.rfind(" from ");
  if (from != kNone) {
    std::string_view behind;
    if (!split_host(event.text.substr(from + 6), event.host, behind)) event.host = {};
  }
  if (take(event.action, "milter-")) {
    event.kind = Kind::milter;
  } else {
    event.kind = Kind::content;
  }
}

void read_bounce(std::string_view message, Event& event) {
  const std::size_t id = queue_id_length(message);
  if (id == 0) return;
  event.queue_id = message.substr(0, id);
  std::string_view rest = message.substr(id + 2);
  // "sender non-delivery notification: 1DF35917"
  if (take_until(rest, " ", event.action) && take_until(rest, " notification: ", event.text)) {
    event.data = rest;
    event.kind = Kind::notice;
  }
}

void read_postsuper(std::string_view message, Event& event) {
  if (const std::size_t id = queue_id_length(message); id != 0) {
    event.queue_id = message.substr(0, id);
    event.text = message.substr(id + 2);
    event.kind = Kind::postsuper;
    return;
  }
  std::string_view rest = message;
  if (take_until(rest, ": ", event.action) && rest.find(" message") != kNone) {
    event.text = rest.substr(0, find_char(rest, ' '));
    if (parse_unsigned(event.text)) event.kind = Kind::postsuper_total;
  }
}

void read_master(std::string_view message, Event& event) {
  if (take(message, "terminating on signal ")) {
    event.kind = Kind::terminating;
    event.text = message;
    return;
  }
  for (const std::string_view start :
       {"daemon started -- ", "reload -- ", "reload configuration ", "stopping the Postfix mail system"}) {
    if (message.starts_with(start)) return note(event);
  }
}

void read_quiet(Daemon daemon, std::string_view message, Event& event) {
  switch (daemon) {
    case Daemon::pickup:
      if (const std::size_t id = queue_id_length(message); id != 0) {
        event.queue_id = message.substr(0, id);
        event.pairs = message.substr(id + 2);
        if (event.pairs.starts_with("uid=") || event.pairs.starts_with("sender=")) event.kind = Kind::picked_up;
      }
      break;
    case Daemon::anvil:
    case Daemon::scache:
      if (take(message, "statistics: ")) {
        event.kind = Kind::statistics;
        event.text = message;
      }
      break;
    case Daemon::script:
      // The script, and who logs by postlog(1), says what it likes.
      event.kind = Kind::noted;
      event.text = message;
      break;
    case Daemon::verify:
      if (take(message, "cache ")) {
        event.kind = Kind::cache;
        event.text = message;
      }
      break;
    case Daemon::master:
      return read_master(message, event);
    case Daemon::dnsblog:
      return read_dnsblog(message, event);
    case Daemon::postsuper:
      return read_postsuper(message, event);
    case Daemon::quiet:
      // tlsmgr and its kin tell of their caches at higher log levels.
      if (message.find(" TLS cache ") != kNone || message.starts_with("tlsmgr_")) return note(event);
      break;
    default:
      break;
  }
}

// What any daemon may say.
bool is_common(std::string_view message) {
  return message.starts_with("table ") || message.starts_with("Using backwards-compatible default") ||
         message.starts_with("using backwards-compatible default") || message.starts_with("statistics: ") ||
         message.starts_with("close database ") ||
         message.starts_with("Postfix is running with backwards-compatible") || message.starts_with("name_mask: ") ||
         message.starts_with("idle timeout");
}

}  // namespace

bool split_host(std::string_view text, Host& host, std::string_view& rest) {
  const std::size_t open = find_char(text, '[');
  if (open == kNone) return false;
  const std::size_t close = find_char(text, ']', open + 1);
  if (close == kNone) return false;
  // A host's name has no space: what has one is a sentence with brackets further on.
  const std::string_view name = text.substr(0, open);
  if (find_char(name, ' ') != kNone) return false;
  host.name = name;
  host.address = text.substr(open + 1, close - open - 1);
  std::size_t end = close + 1;
  if (end + 1 < text.size() && text[end] == ':' && is_digit(text[end + 1])) {
    std::size_t digits = end + 1;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    host.port = text.substr(end + 1, digits - end - 1);
    end = digits;
  } else {
    host.port = {};
  }
  rest = text.substr(end);
  return true;
}

std::string_view pair_value(std::string_view pairs, std::string_view key) {
  while (!pairs.empty()) {
    std::size_t end = 0;
    while (end < pairs.size() && pairs[end] != '=' && pairs[end] != ' ') ++end;
    if (end == pairs.size()) return {};
    const bool wanted = pairs.substr(0, end) == key && pairs[end] == '=';
    const bool named = pairs[end] == '=';
    pairs.remove_prefix(end + 1);
    if (!named) continue;
    if (pairs.starts_with('<')) {
      const std::size_t behind = behind_address(pairs, 0);
      if (wanted) return behind == kNone ? pairs.substr(1) : pairs.substr(1, behind - 2);
      if (behind == kNone) return {};
      pairs.remove_prefix(behind);
    } else if (wanted) {
      end = 0;
      while (end < pairs.size() && pairs[end] != ' ' && pairs[end] != ',') ++end;
      return pairs.substr(0, end);
    }
    const std::size_t space = find_char(pairs, ' ');
    if (space == kNone) return {};
    pairs.remove_prefix(space + 1);
  }
  return {};
}

void read_postfix(Daemon daemon, std::string_view message, Event& event) {
  if (message.empty()) return;
  switch (daemon) {
    case Daemon::smtpd:
      read_smtpd(message, event);
      break;
    case Daemon::smtp:
      read_smtp(message, true, event);
      break;
    case Daemon::local:
      read_smtp(message, false, event);
      break;
    case Daemon::qmgr:
      read_qmgr(message, event);
      break;
    case Daemon::cleanup:
      read_cleanup(message, event);
      break;
    case Daemon::postscreen:
      read_postscreen(message, event);
      break;
    case Daemon::tlsproxy:
      read_tlsproxy(message, event);
      break;
    case Daemon::bounce:
      read_bounce(message, event);
      break;
    default:
      read_quiet(daemon, message, event);
      break;
  }
  if (event.kind != Kind::unknown) return;
  forget(event);
  if (!read_level(message, event) && is_common(message)) note(event);
}

void read_event(const Line& line, Event& event) {
  if (line.origin == Origin::postfix) read_postfix(line.daemon, line.message, event);
  if (line.origin == Origin::exim) read_exim(line.message, event);
}

}  // namespace postern::maillog
