// What smtp and lmtp say, and the deliveries of all others.
#include "base/text.h"
#include "maillog/postfix_readers.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

// "host[addr]: ..." that a client of SMTP says, behind `prefix`
bool read_host_text(std::string_view rest, Kind kind, std::string_view action, std::string_view mark, Event& event) {
  std::string_view behind;
  if (!split_host(rest, event.host, behind) || !take(behind, mark)) return false;
  event.kind = kind;
  event.action = action;
  event.text = behind;
  return true;
}

}  // namespace

// "to=<a@b>, relay=..., status=sent (250 ...)", behind the queue id
bool read_delivery(std::string_view rest, Event& event) {
  // Whoever writes the address chooses what stands between its brackets: the keys are looked for behind it.
  std::size_t addresses = 3;  // "to="
  if (rest.size() > 3 && rest[3] == '<') addresses = behind_address(rest, 3);
  if (addresses != kNone && rest.substr(addresses).starts_with(", orig_to=<"))
    addresses = behind_address(rest, addresses + 10);
  if (addresses == kNone) return false;
  std::string_view relay;
  std::size_t at = find_char(rest, ',', addresses);
  for (;; at = find_char(rest, ',', at + 1)) {  // ", relay=..., delay=..., delays=..., tls=..., dsn=..., status="
    if (at == kNone) return false;
    std::string_view pair = rest.substr(at + 1);
    if (take(pair, " status=")) break;
    std::string_view* const into = take(pair, " relay=")   ? &relay
                                   : take(pair, " delay=") ? &event.data
                                   : take(pair, " dsn=")   ? &event.enhanced
                                   : take(pair, " tls=")   ? &event.rest
                                                           : nullptr;
    if (into != nullptr) *into = pair.substr(0, find_char(pair, ','));
  }
  event.pairs = rest.substr(0, at);
  rest.remove_prefix(at + 9);
  const std::size_t space = find_char(rest, ' ');
  event.status = rest.substr(0, space);
  if (event.status.ends_with(',')) event.status.remove_suffix(1);
  if (space != kNone) {
    event.text = rest.substr(space + 1);
    if (event.text.starts_with('(')) {
      event.text.remove_prefix(1);
      if (event.text.ends_with(')')) event.text.remove_suffix(1);
    }
  }
  if (std::string_view behind; !split_host(relay, event.host, behind)) event.host = {};
  event.kind = Kind::delivery;
  return true;
}

// What smtp says of a conversation, behind the queue id or without one
bool read_conversation(std::string_view rest, Event& event) {
  std::string_view behind = rest;
  if (take(behind, "host ")) {
    if (!split_host(behind, event.host, behind)) return false;
    if (!take(behind, " said: ") && !take(behind, " refused to talk to me: ")) return false;
    event.kind = Kind::said;
    const std::size_t reply = behind.rfind(" (in reply to ");
    event.text = behind.substr(0, reply);
    if (reply != kNone) {
      event.stage = behind.substr(reply + 14);
      if (event.stage.ends_with(')')) event.stage.remove_suffix(1);
      if (event.stage.ends_with(" command")) event.stage.remove_suffix(8);
    }
    return true;
  }
  if (take(behind, "lost connection with "))
    return read_host_text(behind, Kind::lost_out, "lost connection", " while ", event);
  if (take(behind, "conversation with ")) {
    return read_host_text(behind, Kind::lost_out, "conversation timed out", " timed out while ", event);
  }
  if (take(behind, "enabling PIX workarounds: ")) {
    std::string_view what;
    if (!take_until(behind, " for ", what) || !split_host(behind, event.host, behind)) return false;
    event.kind = Kind::workaround;
    event.text = what;
    return true;
  }
  if (take(behind, "SSL_connect error to "))
    return read_host_text(behind, Kind::tls_error_out, "SSL_connect error", ": ", event);
  if (take(behind, "connect to ")) return read_host_text(behind, Kind::connect_failed, {}, ": ", event);
  for (const std::string_view start :
       {"certificate verification failed for ", "server certificate verification failed for "}) {
    if (take(behind, start))
      return read_host_text(behind, Kind::tls_error_out, "certificate verification failed", ": ", event);
  }
  static constexpr std::array<std::string_view, 9> kNoted{"Cannot start TLS: ",
                                                          "TLS is required, ",
                                                          "breaking ",
                                                          "setting up TLS connection to ",
                                                          "initializing the client-side TLS engine",
                                                          "SSL_connect:",
                                                          "Host offered STARTTLS: ",
                                                          "smtp_get_noop_address",
                                                          "save session "};
  for (const std::string_view start : kNoted) {
    if (!rest.starts_with(start)) continue;
    event.kind = Kind::noted;
    event.text = rest;
    return true;
  }
  return false;
}

void read_smtp(std::string_view message, bool also_conversations, Event& event) {
  std::string_view rest = message;
  if (const std::size_t id = queue_id_length(message); id != 0) {
    event.queue_id = message.substr(0, id);
    rest.remove_prefix(id + 2);
    if (rest.starts_with("to=") && read_delivery(rest, event)) return;
  }
  if (!also_conversations) return rest.starts_with("passing <") ? note(event) : forget(event);
  if (read_conversation(rest, event)) return;
  if (event.host = {}; read_tls(rest, Kind::tls_in, event)) return;
  forget(event);
  std::string_view behind;
  // smtp_tls_loglevel: "host[addr]:25: subject_CN=..., issuer=...", and the steps of the handshake
  if (split_host(rest, event.host, behind) && behind.starts_with(": ")) event.kind = Kind::noted;
}

}  // namespace postern::maillog
