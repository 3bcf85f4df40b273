// What Exim's mainlog says (the Exim specification, chapter "Log files").
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

// " H=host [address]" and " X=TLS1.3:TLS_AES_256_GCM_SHA384:256" of a delivery or arrival
void read_attributes(std::string_view text, Event& event) {
  std::string_view rest;
  const std::size_t host = text.find(" H=");
  if (host != kNone && !exim_host(text.substr(host + 3), event.host, rest)) event.host = {};
  const std::size_t tls = text.find(" X=");
  if (tls == kNone) return;
  std::string_view value = text.substr(tls + 3);
  value = value.substr(0, find_char(value, ' '));
  const std::size_t first = find_char(value, ':');
  const std::size_t last = value.rfind(':');
  if (first == kNone) return;
  event.tls = value.substr(0, first);
  event.cipher = value.substr(first + 1, last > first ? last - first - 1 : kNone);
  event.rest = last > first ? value.substr(last + 1) : std::string_view{};
}

bool read_rejection(std::string_view text, Event& event) {
  std::size_t at = text.find("rejected ");
  if (at == kNone || (at > 0 && text[at - 1] != ' ')) return false;
  event.action = at >= 12 && text.substr(at - 12, 12) == "temporarily " ? "temporarily rejected" : "rejected";
  std::string_view rest;
  std::string_view stage = text.substr(at + 9);
  take(stage, "after ");
  event.stage = stage.substr(0, stage.find_first_of(" :"));
  const std::size_t host = text.find("H=");
  if (host != kNone && !exim_host(text.substr(host + 2), event.host, rest)) event.host = {};
  // The text follows the last argument of the command: "<x@example.org>: relay not permitted"
  std::size_t colon = stage.find(": ");
  if (const std::size_t bracket = stage.find(">: "); bracket != kNone) colon = bracket + 1;
  event.text = colon == kNone ? std::string_view{} : stage.substr(colon + 2);
  if (const std::size_t open = stage.find('<'); open != kNone && open < colon) {
    const std::size_t close = find_char(stage, '>', open);
    if (close != kNone) event.data = stage.substr(open + 1, close - open - 1);
  }
  event.kind = Kind::exim_reject;
  return true;
}

bool read_arrow(std::string_view text, Event& event) {
  if (text.size() < 3 || text[2] != ' ') return false;
  const std::string_view arrow = text.substr(0, 2);
  const std::string_view rest = text.substr(3);
  if (arrow == "<=") {
    event.kind = Kind::exim_arrival;
    event.text = rest.substr(0, find_char(rest, ' '));
    event.pairs = rest;
    read_attributes(rest, event);
    return true;
  }
  if (arrow == "=>" || arrow == "->" || arrow == ">>" || arrow == "*>")
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
  const std::size_t problem = event.status == "sent" ? kNone : rest.find(": ");
  if (problem != kNone) event.text = rest.substr(problem + 2);
  read_attributes(rest, event);
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
  if (read_rejection(rest, event)) return;
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
