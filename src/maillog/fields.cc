#include "maillog/fields.h"

#include "base/text.h"
#include "maillog/reason.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

using Fields = std::vector<Field>;

void add(Fields& out, std::string_view name, std::string_view value) {
  if (!value.empty()) out.push_back({name, value});
}

void add_client(const Host& host, Fields& out) {
  add(out, "client_hostname", host.name);
  add(out, host.address == "unknown" ? "client_ip_unknown" : "client_ip", host.address);
  add(out, "client_port", host.port);
}

// "relay.example[192.0.2.1]:25", "mail.example[private/dovecot-lmtp]", "virtual"
void add_relay(const Host& host, Fields& out) {
  add(out, "relay_hostname", host.name);
  add(out, host.address.find('/') == kNone ? "relay_ip" : "relay_service", host.address);
  add(out, "relay_port", host.port);
}

// "may?", "dane:none", "dane/!requiretls:nostarttls": Postfix 3.11, smtp_log_tls_feature_status. A question mark: it
// was not settled; an exclamation mark: it was demanded and not so; what follows a colon: what was made do with.
void add_tls_features(std::string_view text, Fields& out) {
  add(out, "tls", text);
  const std::size_t slash = find_char(text, '/');
  std::string_view level = text.substr(0, slash);
  std::size_t colon = find_char(level, ':');
  if (colon != kNone) add(out, "tls_downgrade_level", level.substr(colon + 1));
  level = level.substr(0, colon);
  if (level.ends_with('?')) {
    out.push_back({"tls_policy_undecided", "true"});
    level.remove_suffix(1);
  }
  add(out, "tls_security_level", level);
  if (slash == kNone) return;
  std::string_view demand = text.substr(slash + 1);
  if (demand.starts_with('!')) {
    add(out, "requiretls_policy_violation", demand.substr(0, 1));
    demand.remove_prefix(1);
  }
  colon = find_char(demand, ':');
  if (colon != kNone) add(out, "requiretls_downgrade_level", demand.substr(colon + 1));
  demand = demand.substr(0, colon);
  if (demand.ends_with('?')) {
    out.push_back({"requiretls_policy_undecided", "true"});
    demand.remove_suffix(1);
  }
  add(out, "requiretls", demand);
}

// "5.4/0.06/5.1/0.03"
void add_delays(std::string_view text, Fields& out) {
  for (const std::string_view name : {"delay_before_qmgr", "delay_in_qmgr", "delay_conn_setup", "delay_transmission"}) {
    const std::size_t slash = find_char(text, '/');
    add(out, name, text.substr(0, slash));
    text = slash == kNone ? std::string_view{} : text.substr(slash + 1);
  }
}

struct Renamed {
  std::string_view key, name;
};

// The pairs as they stand, and each of those that are known.
void add_pairs(std::string_view pairs, Fields& out) {
  static constexpr std::array<Renamed, 18> kPairs{{{"from", "from"},
                                                   {"to", "to"},
                                                   {"orig_to", "orig_to"},
                                                   {"proto", "proto"},
                                                   {"helo", "helo"},
                                                   {"client", "client"},
                                                   {"sasl_method", "sasl_method"},
                                                   {"sasl_username", "sasl_username"},
                                                   {"sasl_sender", "sasl_sender"},
                                                   {"orig_queue_id", "orig_queue_id"},
                                                   {"orig_client", "orig_client"},
                                                   {"relay", "relay"},
                                                   {"conn_use", "conn_use"},
                                                   {"delay", "delay"},
                                                   {"dsn", "dsn"},
                                                   {"size", "size"},
                                                   {"nrcpt", "nrcpt"},
                                                   {"uid", "uid"}}};
  if (pairs.empty()) return;
  add(out, "keyvalue_data", pairs);
  for (const Renamed& pair : kPairs) add(out, pair.name, pair_value(pairs, pair.key));
  if (const auto delays = pair_value(pairs, "delays"); !delays.empty()) {
    add(out, "delays", delays);
    add_delays(delays, out);
  }
  if (const auto tls = pair_value(pairs, "tls"); !tls.empty()) add_tls_features(tls, out);
}

// " (256/256 bits) key-exchange X25519 server-signature RSA-PSS (4096 bits) server-digest SHA256 client-signature ..."
void add_tls(const Event& event, Fields& out) {
  static constexpr std::array<Renamed, 5> kParts{{{" key-exchange ", "tls_key_exchange"},
                                                  {" server-signature ", "tls_server_signature"},
                                                  {" server-digest ", "tls_server_digest"},
                                                  {" client-signature ", "tls_client_signature"},
                                                  {" client-digest ", "tls_client_digest"}}};
  static constexpr std::array<std::array<std::string_view, 2>, 5> kSizes{
      {{"tls_key_exchange_size", "tls_key_exchange_curve"},
       {"tls_server_signature_size", "tls_server_signature_curve"},
       {},
       {"tls_client_signature_size", "tls_client_signature_curve"},
       {}}};
  add(out, "tls_version", event.tls);
  add(out, "tls_cipher", event.cipher);
  if (event.rest.starts_with(" (")) {
    const std::string_view size = event.rest.substr(2);
    add(out, "tls_cipher_size", size.substr(0, size.find(" bits)")));
  }
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    const std::size_t at = event.rest.find(kParts.at(i).key);
    if (at == kNone) continue;
    std::string_view value = event.rest.substr(at + kParts.at(i).key.size());
    const std::size_t space = find_char(value, ' ');
    add(out, kParts.at(i).name, value.substr(0, space));
    if (space == kNone || kSizes.at(i)[0].empty()) continue;
    value.remove_prefix(space + 1);
    if (!take(value, "(")) continue;
    value = value.substr(0, find_char(value, ')'));
    if (value.ends_with(" bits"))
      add(out, kSizes.at(i)[0], value.substr(0, value.size() - 5));
    else
      add(out, kSizes.at(i)[1], value);
  }
}

// "helo=1 ehlo=1/2 quit=1 commands=3/4": accepted of all, one number where they are the same
void add_counters(std::string_view text, Fields& out) {
  static constexpr std::array<std::array<std::string_view, 3>, 16> kCommands{
      {{"helo", "cmd_helo", "cmd_helo_accepted"},
       {"ehlo", "cmd_ehlo", "cmd_ehlo_accepted"},
       {"starttls", "cmd_starttls", "cmd_starttls_accepted"},
       {"auth", "cmd_auth", "cmd_auth_accepted"},
       {"mail", "cmd_mail", "cmd_mail_accepted"},
       {"rcpt", "cmd_rcpt", "cmd_rcpt_accepted"},
       {"data", "cmd_data", "cmd_data_accepted"},
       {"bdat", "cmd_bdat", "cmd_bdat_accepted"},
       {"rset", "cmd_rset", "cmd_rset_accepted"},
       {"noop", "cmd_noop", "cmd_noop_accepted"},
       {"vrfy", "cmd_vrfy", "cmd_vrfy_accepted"},
       {"etrn", "cmd_etrn", "cmd_etrn_accepted"},
       {"xclient", "cmd_xclient", "cmd_xclient_accepted"},
       {"quit", "cmd_quit", "cmd_quit_accepted"},
       {"unknown", "cmd_unknown", "cmd_unknown_accepted"},
       {"commands", "cmd_count", "cmd_count_accepted"}}};
  add(out, "command_counter_data", text);
  for (const auto& [key, name, accepted] : kCommands) {
    const std::string_view value = pair_value(text, key);
    const std::size_t slash = find_char(value, '/');
    if (slash == kNone) {
      add(out, name, value);
    } else {
      add(out, accepted, value.substr(0, slash));
      add(out, name, value.substr(slash + 1));
    }
  }
}

// "max connection rate 1/60s for (smtpd:192.0.2.1) at Oct 26 18:13:50", "max cache size 1 at Oct 26 18:13:50",
// "start interval Dec  6 21:20:35", "max simultaneous domains=1 addresses=1 connection=1", ...
void add_statistics(std::string_view text, Fields& out) {
  add(out, "statistics", text);
  std::string_view part;
  if (take(text, "start interval ")) return add(out, "scache_timestamp", text);
  if (take(text, "max simultaneous ")) {
    add(out, "scache_domains", pair_value(text, "domains"));
    add(out, "scache_addresses", pair_value(text, "addresses"));
    return add(out, "scache_connection", pair_value(text, "connection"));
  }
  const std::size_t at = text.rfind(" at ");
  if (at == kNone) return;
  add(out, "anvil_timestamp", text.substr(at + 4));
  text = text.substr(0, at);
  if (take(text, "max cache size ")) return add(out, "anvil_cache_size", text);
  std::string_view what;
  if (!take(text, "max ") || !take_until(text, " for (", what) || !text.ends_with(')')) return;
  text.remove_suffix(1);
  // "connection rate 1/60s", "connection count 2"
  const std::size_t number = what.rfind(' ');
  if (number == kNone) return;
  part = what.substr(number + 1);
  const std::size_t slash = find_char(part, '/');
  const bool rate = what.find("rate") != kNone;
  add(out, rate ? "anvil_conn_rate" : "anvil_conn_count", part.substr(0, slash));
  if (slash != kNone) add(out, "anvil_conn_period", part.substr(slash + 1));
  add(out, "anvil_what", what.substr(0, number));
  // The service may hold a colon, "127.0.0.1:2525", and the address many: the address begins where all behind it reads
  // as one, an IPv6 address where there is no dot.
  std::size_t colon = text.find('.') != kNone || text.ends_with(":unknown") ? text.rfind(':') : find_char(text, ':');
  if (colon == kNone) return;
  add(out, "service", text.substr(0, colon));
  const std::string_view address = text.substr(colon + 1);
  add(out, address == "unknown" ? "client_ip_unknown" : "client_ip", address);
}

// "btree:/var/lib/postfix/verify_cache full cleanup: retained=724 dropped=6 entries"
void add_cache(std::string_view text, Fields& out) {
  add(out, "cache", text.substr(0, find_char(text, ' ')));
  const std::size_t cleanup = text.find(" cleanup: ");
  if (cleanup == kNone) return;
  const std::string_view before = text.substr(0, cleanup);
  const std::size_t space = before.rfind(' ');
  if (space != kNone) add(out, "cache_cleanup_type", before.substr(space + 1));
  const std::string_view counts = text.substr(cleanup + 10);
  add(out, "cache_retained", pair_value(counts, "retained"));
  add(out, "cache_dropped", pair_value(counts, "dropped"));
}

void add_decision(const Event& event, Fields& out) {
  add(out, "action", event.action);
  add(out, "smtp_stage", event.stage);
  add_client(event.host, out);
  add(out, "status_code", event.code);
  add(out, "status_code_enhanced", event.enhanced);
  std::string_view data = event.data;
  std::string_view text = event.text;
  // "Service unavailable; Client host [192.0.2.1] blocked using zen.example; ..."
  const std::size_t blocked = text.find("] blocked using ");
  if (data.empty() && blocked != kNone) {
    const std::size_t open = text.substr(0, blocked).rfind('[');
    if (open != kNone) {
      data = text.substr(open + 1, blocked - open - 1);
      text = text.substr(blocked + 2);
    }
  }
  add(out, "status_data", data);
  add(out, "status_message", text);
  add(out, "reply", event.reply);
  add_pairs(event.pairs, out);
}

// What an action, a stage and a text are called, for kinds that have no more to them.
struct Shape {
  Kind kind;
  std::string_view event, action, stage, text;
  bool relay;  // host is where it goes to
};

constexpr std::array<Shape, 46> kShapes{{
    {Kind::unknown, "unknown", {}, {}, {}, false},
    {Kind::noted, "note", {}, {}, "message", false},
    {Kind::message, "message", "message_level", {}, "message", false},
    {Kind::connect, "connect", {}, {}, {}, false},
    {Kind::disconnect, "disconnect", {}, {}, {}, false},
    {Kind::lost, "lost", "smtpd_lostconn_data", "smtp_stage", {}, false},
    {Kind::tls_in, "tls", "tls_trustlevel", {}, {}, false},
    {Kind::setting_up, "tls_setup", {}, {}, {}, false},
    {Kind::received, "received", {}, {}, {}, false},
    {Kind::decision, "decision", {}, {}, {}, false},
    {Kind::proxy, "proxy", "proxy_result", "proxy_smtp_stage", {}, false},
    {Kind::pipelining, "pipelining", {}, "smtp_stage", "smtpd_pipelining_data", false},
    {Kind::tls_error_in, "tls_error", "smtpd_lostconn_data", {}, "tls_error", false},
    {Kind::client_says, "warning", "message_level", {}, "message", false},
    {Kind::auth_failed, "auth_failed", "message_level", {}, "message", false},
    {Kind::keywords, "discarded_keywords", {}, {}, "discarded_ehlo_keywords", false},
    {Kind::screen_connect, "postscreen_connect", {}, {}, {}, false},
    {Kind::screen_access, "postscreen_access", "postscreen_access", {}, {}, false},
    {Kind::screen_violation, "postscreen_violation", "postscreen_violation", "smtp_stage", {}, false},
    {Kind::screen_decision, "decision", {}, {}, {}, false},
    {Kind::screen_busy, "decision", "action", "smtp_stage", "postscreen_toobusy_data", false},
    {Kind::screen_end, "postscreen_disconnect", {}, {}, {}, false},
    {Kind::tls_proxied, "tls_proxied", "tls_trustlevel", {}, {}, false},
    {Kind::listed, "listed", {}, {}, "dnsbl_result", false},
    {Kind::message_id, "message_id", {}, {}, {}, false},
    {Kind::content, "content", "message_level", {}, "message", false},
    {Kind::milter, "milter", "milter_result", {}, "milter_message", false},
    {Kind::queued, "queued", {}, {}, {}, false},
    {Kind::expired, "expired", {}, {}, "message", false},
    {Kind::removed, "removed", {}, {}, "message", false},
    {Kind::notice, "notice", "bounce_recipient", {}, "bounce_reason", false},
    {Kind::picked_up, "received", {}, {}, {}, false},
    {Kind::postsuper, "postsuper", {}, {}, "postsuper_action", false},
    {Kind::postsuper_total, "postsuper", "postsuper_summary_action", {}, "postsuper_summary_count", false},
    {Kind::cache, "cache", {}, {}, {}, false},
    {Kind::statistics, "statistics", {}, {}, {}, false},
    {Kind::terminating, "terminating", {}, {}, "termination_signal", false},
    {Kind::delivery, "delivery", {}, {}, "response", true},
    {Kind::tls_out, "tls_out", "tls_trustlevel", {}, {}, true},
    {Kind::tls_error_out, "tls_error_out", {}, {}, {}, true},
    {Kind::connect_failed, "connect_failed", {}, {}, "smtp_lostconn_data", true},
    {Kind::said, "said", {}, "smtp_stage", "response", true},
    {Kind::lost_out, "lost_out", "smtp_lostconn_data", {}, "smtp_lostconn_reason", true},
    {Kind::workaround, "workaround", {}, {}, "pix_workaround", true},
    {Kind::exim_arrival, "received", {}, {}, "from", false},
    {Kind::exim_delivery, "delivery", "exim_flag", {}, "response", true},
}};

}  // namespace

std::string_view event_name(const Event& event) {
  if (event.kind == Kind::decision || event.kind == Kind::screen_decision || event.kind == Kind::screen_busy)
    return event.action;
  if (event.kind == Kind::exim_reject) return "reject";
  for (const Shape& shape : kShapes)
    if (shape.kind == event.kind) return shape.event;
  return "unknown";
}

void append_fields(const Event& event, Fields& out) {
  add(out, "queueid", event.queue_id);
  switch (event.kind) {
    case Kind::decision:
    case Kind::screen_decision:
    case Kind::exim_reject:
      return add_decision(event, out);
    case Kind::message_id:
      out.push_back({"message-id", event.text.starts_with('<') && event.text.ends_with('>') && event.text.size() > 1
                                       ? event.text.substr(1, event.text.size() - 2)
                                       : event.text});
      return;
    default:
      break;
  }
  for (const Shape& shape : kShapes) {
    if (shape.kind != event.kind) continue;
    if (!shape.action.empty()) add(out, shape.action, event.action);
    if (!shape.stage.empty()) add(out, shape.stage, event.stage);
    if (!shape.text.empty()) add(out, shape.text, event.text);
    shape.relay ? add_relay(event.host, out) : add_client(event.host, out);
  }
  switch (event.kind) {
    case Kind::milter:
      if (event.action == "reject") add(out, "reply", milter_reply(event.text));
      break;
    case Kind::screen_busy:
      add(out, "reply", event.reply.empty() ? event.text : event.reply);
      break;
    case Kind::disconnect:
      return add_counters(event.pairs, out);
    case Kind::statistics:
      return add_statistics(event.text, out);
    case Kind::cache:
      return add_cache(event.text, out);
    case Kind::proxy:
      out.push_back({"proxy_message", event.text});
      break;
    case Kind::screen_violation:
      add(out, event.action == "DNSBL" ? "postscreen_dnsbl_rank" : "postscreen_violation_time", event.text);
      break;
    case Kind::listed:
      add(out, "dnsbl_domain", event.data);
      break;
    case Kind::tls_in:
    case Kind::tls_proxied:
      add(out, "tls_server_name", event.data);
      break;
    case Kind::notice:
      add(out, "bounce_queueid", event.data);
      break;
    case Kind::expired:
      add(out, "from", event.data);
      break;
    case Kind::tls_error_out:
      // SSL_connect fails as a connection does; a certificate that does not verify is TLS's own matter
      add(out, event.action.starts_with("SSL") ? "smtp_lostconn_data" : "tls_error", event.text);
      break;
    default:
      break;
  }
  add(out, "status", event.status);
  if (event.kind == Kind::delivery || event.kind == Kind::exim_delivery)
    add(out, "status_code_enhanced", event.enhanced);
  if (!event.tls.empty()) add_tls(event, out);
  if (event.kind != Kind::exim_arrival && event.kind != Kind::exim_delivery)
    add_pairs(event.pairs, out);
  else
    add(out, "keyvalue_data", event.pairs);
}

}  // namespace postern::maillog
