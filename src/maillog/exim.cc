// What Exim's mainlog says (the Exim specification, chapter "Log files").
#include <algorithm>

#include "base/text.h"
#include "maillog/event.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

bool is_base62(std::string_view text) {
  for (const char c : text)
    if (!is_alpha(c) && !is_digit(c)) return false;
  return true;
}

// "1abcde-000000-AB"; since 4.97 "1abcde-00000000abc-1234"
std::size_t exim_id_length(std::string_view text) {
  for (const auto& [first, second] : {std::pair<std::size_t, std::size_t>{6, 2}, {11, 4}}) {
    const std::size_t length = 6 + 1 + first + 1 + second;
    if (text.size() <= length || text[length] != ' ' || text[6] != '-' || text[7 + first] != '-') continue;
    if (is_base62(text.substr(0, 6)) && is_base62(text.substr(7, first)) && is_base62(text.substr(8 + first, second)))
      return length;
  }
  return 0;
}

// "host (helo) [address]:port", "(helo) [address]", "[address]" at the start; `rest` is what follows.
bool exim_host(std::string_view text, Host& host, std::string_view& rest) {
  std::size_t open = find_char(text, '[');
  // The helo may hold a bracket itself: "([192.0.2.1])"
  while (open != kNone && open > 0 && text[open - 1] == '(') open = find_char(text, '[', open + 1);
  if (open == kNone) return false;
  const std::size_t close = find_char(text, ']', open);
  if (close == kNone) return false;
  if (text.substr(0, text.find_first_of("([")).find_first_of("=\"") != kNone) return false;  // of a later attribute
  if (!text.starts_with('(') && !text.starts_with('[')) host.name = text.substr(0, find_char(text, ' '));
  host.address = text.substr(open + 1, close - open - 1);
  std::size_t end = close + 1;
  if (end < text.size() && text[end] == ':') {
    std::size_t digits = end + 1;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    host.port = text.substr(end + 1, digits - end - 1);
    end = digits;
  }
  rest = text.substr(end);
  return true;
}

// The first word: up to a space that does not stand between quotation marks.
std::size_t word_length(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"')
      quoted = !quoted;
    else if (quoted && text[i] == '\\')
      ++i;
    else if (!quoted && text[i] == ' ')
      return i;
  }
  return text.size();
}

void drop_word(std::string_view& text) { text.remove_prefix(std::min(word_length(text) + 1, text.size())); }

// "TLS1.3:TLS_AES_256_GCM_SHA384:256"
void read_tls(std::string_view value, Event& event) {
  const std::size_t first = find_char(value, ':');
  const std::size_t last = value.rfind(':');
  if (first == kNone) return;
  event.tls = value.substr(0, first);
  event.cipher = value.substr(first + 1, last > first ? last - first - 1 : kNone);
  event.rest = last > first ? value.substr(last + 1) : std::string_view{};
}

// Takes away an attribute that stands at the start: "H=host (helo) [address]:port", "X=...", "F=<...>"; false where
// there is none.
bool take_attribute(std::string_view& text, Event& event) {
  std::size_t name = 0;
  while (name < text.size() && name < 8 && (is_alpha(text[name]) || is_digit(text[name]))) ++name;
  if (name == 0 || name == text.size() || text[name] != '=') return false;
  if (text.starts_with("H=")) {
    Host host;
    std::string_view rest;
    if (exim_host(text.substr(2), host, rest)) {
      if (event.host.address.empty()) event.host = host;
      text = rest;
      if (!text.starts_with(' ')) return true;  // "[192.0.2.1]: text"
      text.remove_prefix(1);
      return true;
    }
  } else if (text.starts_with("X=") && event.tls.empty()) {
    read_tls(text.substr(2, word_length(text) - 2), event);
  }
  drop_word(text);
  return true;
}

// The attributes of a delivery or arrival, in order. Behind T=" (a subject) and behind a colon (what a server said)
// stands what strangers wrote.
void read_attributes(std::string_view text, Event& event) {
  while (!text.empty() && !text.starts_with("T=\"") && !text.starts_with(':')) {
    if (take_attribute(text, event)) continue;
    const std::size_t length = word_length(text);
    if (length > 0 && text[length - 1] == ':') return;
    drop_word(text);
  }
}

// "H=... F=<...> temporarily rejected RCPT <...>: ...". The words stand behind the attributes: in what a server
// answered they are its own.
bool read_rejection(std::string_view text, Event& event) {
  Event of;
  while (take_attribute(text, of)) {
  }
  const bool temporarily = take(text, "temporarily ");
  if (!take(text, "rejected ")) return false;
  event.host = of.host;
  event.action = temporarily ? "temporarily rejected" : "rejected";
  std::string_view stage = text;
  take(stage, "after ");
  event.stage = stage.substr(0, stage.find_first_of(" :"));
  // The text follows the last argument of the command: "<x@example.org>: relay not permitted"
  std::size_t colon = stage.find(": ");
  if (const std::size_t quoted = stage.find("<\""); quoted != kNone && quoted < colon) {
    const std::size_t behind = behind_address(stage, quoted);
    colon = behind == kNone ? colon : stage.find(": ", behind);
  } else if (const std::size_t bracket = stage.find(">: "); bracket != kNone) {
    colon = bracket + 1;
  }
  event.text = colon == kNone ? std::string_view{} : stage.substr(colon + 2);
  if (const std::size_t from = stage.find(" H="); !event.host.known() && from != kNone && from < colon) {
    std::string_view rest;
    if (!exim_host(stage.substr(from + 3), event.host, rest)) event.host = {};
  }
  if (const std::size_t open = stage.find('<'); open != kNone && open < colon) {
    const std::size_t behind = behind_address(stage, open);
    if (behind != kNone) event.data = stage.substr(open + 1, behind - open - 2);
  }
  event.reply = event.text;
  event.kind = Kind::exim_reject;
  return true;
}

bool read_arrow(std::string_view text, Event& event) {
  if (text.size() < 3 || text[2] != ' ') return false;
  const std::string_view arrow = text.substr(0, 2);
  const std::string_view rest = text.substr(3);
  if (arrow == "<=" || arrow == "(=") {  // "(=": taken, though the client was told that it is refused (fakereject)
    event.kind = Kind::exim_arrival;
    event.text = rest.substr(0, find_char(rest, ' '));
    event.pairs = rest;
    read_attributes(rest, event);
    return true;
  }
  if (arrow == "*>") {  // -N: nothing was delivered
    event.kind = Kind::noted;
    event.text = rest;
    return true;
  }
  if (arrow == "=>" || arrow == "->" || arrow == ">>")
    event.status = "sent";
  else if (arrow == "**")
    event.status = "bounced";
  else if (arrow == "==")
    event.status = "deferred";
  else
    return false;
  event.kind = Kind::exim_delivery;
  event.action = arrow;
  event.pairs = rest;
  // "=> blackhole (DATA ACL discarded recipients)": nobody got it; a user of that name has a router behind it
  if (event.status == "sent" &&
      (rest.starts_with(":blackhole: ") || (rest.starts_with("blackhole ") && rest.find(" R=") == kNone))) {
    event.status = "discarded";
    return true;
  }
  const std::size_t problem =
      event.status == "sent" ? kNone : rest.find(": ", std::max<std::size_t>(word_length(rest), 1) - 1);
  if (problem != kNone) event.text = rest.substr(problem + 2);
  read_attributes(rest, event);
  return true;
}

// "Connection from [192.0.2.1]:4711 refused: too many connections" (the daemon), "refused connection from host
// [192.0.2.1] (host_reject_connection)": as what a "connect" ACL refuses
bool read_refused_connection(std::string_view text, Event& event) {
  std::string_view why;
  if (take(text, "Connection from ")) {
    const std::size_t refused = text.find(" refused: ");
    if (refused == kNone) return false;
    why = text.substr(refused + 10);
    why = why.substr(0, why.find(" = "));  // "load average = 12.34"
    text = text.substr(0, refused);
  } else if (take(text, "refused connection from ")) {
    const std::size_t open = text.rfind(" (");
    if (open == kNone || !text.ends_with(')')) return false;
    why = text.substr(open + 2, text.size() - open - 3);
  } else {
    return false;
  }
  std::string_view behind;
  if (!exim_host(text, event.host, behind)) return false;
  event.kind = Kind::exim_reject;
  event.action = "refused";
  event.stage = "connection";
  event.text = event.reply = why;
  return true;
}

constexpr std::array<std::string_view, 40> kNoted{
    "Completed",
    "no host name found for IP address",
    "no IP address found for host",
    "unexpected disconnection while reading SMTP command",
    "SMTP connection from ",
    "SMTP syntax error",
    "SMTP protocol ",
    "SMTP command timeout",
    "SMTP data timeout",
    "SMTP call from ",
    "SMTP error from remote",
    "SMTP timeout",
    "Start queue run",
    "End queue run",
    "exim ",
    "daemon ",
    "Warning: ",
    "Message is frozen",
    "Message abandoned",
    "Frozen",
    "frozen",
    "Unfrozen",
    "removed by ",
    "retry time not reached",
    "Spool file is locked",
    "no immediate delivery",
    "Remote host ",
    "log file",
    "SIGHUP received",
    "pid ",
    "ignoring ",
    "lost ",
    "lowest numbered MX record",
    "DKIM: ",
    "TLS session",
    "H=",
    "Connection timed out",
    "cancelled by ",
    "error message sent",
    "host lookup ",
};

}  // namespace

void read_exim(std::string_view message, Event& event) {
  std::string_view rest = message;
  if (const std::size_t id = exim_id_length(message); id != 0) {
    event.queue_id = message.substr(0, id);
    rest.remove_prefix(id + 1);
    if (read_arrow(rest, event)) return;
  }
  std::string_view behind = rest;
  if (take(behind, "SMTP connection from ") && behind.find("(TCP/IP connection") != kNone) {
    if (exim_host(behind, event.host, behind)) event.kind = Kind::connect;
    return;
  }
  if (read_rejection(rest, event) || read_refused_connection(rest, event)) return;
  const std::size_t failed = rest.find(" authenticator failed for ");
  if (failed != kNone && exim_host(rest.substr(failed + 26), event.host, behind)) {
    event.kind = Kind::auth_failed;
    event.text = take(behind, ": ") ? behind : std::string_view{};
    return;
  }
  if (rest.starts_with("TLS error on connection ")) {
    behind = rest.substr(24);
    if (take(behind, "from ")) {
      take(behind, "H=");
      if (exim_host(behind, event.host, behind)) {
        event.action = "TLS error";
        event.kind = Kind::tls_error_in;
        event.text = trim(behind);
        return;
      }
    }
    event.kind = Kind::noted;
    return;
  }
  for (const std::string_view start : kNoted) {
    if (!rest.starts_with(start)) continue;
    event.kind = Kind::noted;
    event.text = rest;
    return;
  }
}

}  // namespace postern::maillog
