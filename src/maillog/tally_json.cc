#include <algorithm>
#include <utility>

#include "base/json.h"
#include "maillog/tally.h"

namespace postern::maillog {

namespace {

constexpr std::string_view kOthers = "(others)";

void family_counts(json::Writer& out, std::string_view key, const Counts& counts) {
  out.key(key).begin_object().field("total", counts.total()).field("ipv4", counts.v4).field("ipv6", counts.v6);
  out.end_object();
}

// Writes tables of names, and at the end by how much the counts of names may fall short, of those tables that had to
// make room.
class Tables {
 public:
  explicit Tables(json::Writer& out) : out_(out) {}
  // What follows is in an object of its own: "outgoing_tls.versions" at the end.
  void within(std::string_view object) { within_ = object.empty() ? std::string() : std::string(object) + "."; }
  // {NAME: n}
  void names(std::string_view key, const NameTable& table) {
    note_error(key, table);
    const NameTable::Ranking ranked = table.ranked();
    out_.key(key).begin_object();
    for (const NameTable::Entry& entry : ranked.names) out_.field(entry.name, entry.counts.total());
    if (ranked.others.total() > 0) out_.field(kOthers, ranked.others.total());
    out_.end_object();
  }
  // {"ipv4":{NAME: n},"ipv6":{...},"none":{...}}
  void by_family(std::string_view key, const NameTable& table) {
    note_error(key, table);
    const NameTable::Ranking ranked = table.ranked();
    const auto family = [&](std::string_view name, std::uint64_t Counts::* member) {
      out_.key(name).begin_object();
      for (const NameTable::Entry& entry : ranked.names)
        if (entry.counts.*member > 0) out_.field(entry.name, entry.counts.*member);
      if (ranked.others.*member > 0) out_.field(kOthers, ranked.others.*member);
      out_.end_object();
    };
    out_.key(key).begin_object();
    family("ipv4", &Counts::v4);
    family("ipv6", &Counts::v6);
    family("none", &Counts::none);
    out_.end_object();
  }
  void errors() {
    out_.key("name_errors").begin_object();
    for (const auto& [name, table] : short_) out_.field(name, table->error());
    out_.end_object();
  }

 private:
  void note_error(std::string_view key, const NameTable& table) {
    const bool again = std::ranges::any_of(short_, [&](const auto& one) { return one.second == &table; });
    if (table.error() > 0 && !again) short_.emplace_back(within_ + std::string(key), &table);
  }
  json::Writer& out_;
  std::string within_;
  std::vector<std::pair<std::string, const NameTable*>> short_;
};

void append_days(const Tally& tally, json::Writer& out) {
  out.key("days").begin_object();
  for (const auto& [number, day] : tally.days) {
    const Counts tls = tally.connections_with_tls(day);
    const Counts connections = tally.connections(day);
    out.key(iso8601(WallMs{number} * 86'400'000).substr(0, 10)).begin_object();
    out.field("connections", connections.total()).field("ipv4", connections.v4);
    out.field("ipv6", connections.v6).field("tls", tls.total()).field("tls_ipv4", tls.v4);
    out.field("tls_ipv6", tls.v6).field("received", day.received).field("delivered", day.delivered);
    out.field("deferred", day.deferred).field("bounced", day.bounced).field("rejected", day.rejected).end_object();
  }
  out.end_object();
}

}  // namespace

void append_json(const Tally& tally, json::Writer& out) {
  const Counts connections = tally.connections();
  const Counts with_tls = tally.connections_with_tls();
  out.key("connections").begin_object().field("total", connections.total()).field("ipv4", connections.v4);
  out.field("ipv6", connections.v6).field("tls", with_tls.total()).field("tls_ipv4", with_tls.v4);
  out.field("tls_ipv6", with_tls.v6);
  if (!tally.tls_from().empty()) out.field("tls_from", tally.tls_from());
  if (tally.exim_messages_stand_for_connections()) out.field("exim_from", "messages");
  out.end_object();
  if (tally.exim_arrivals.total() > 0) {
    const Counts& messages = tally.exim_arrivals;
    out.key("exim_messages").begin_object().field("total", messages.total()).field("ipv4", messages.v4);
    out.field("ipv6", messages.v6).field("tls", tally.exim_tls.total()).field("tls_ipv4", tally.exim_tls.v4);
    out.field("tls_ipv6", tally.exim_tls.v6).end_object();
  }
  Tables tables(out);
  tables.names("tls_versions", tally.tls_versions);
  tables.names("ciphers", tally.ciphers);
  tables.names("key_exchanges", tally.key_exchanges);
  tables.names("tls_trust", tally.trust);
  tables.by_family("tls_versions_by_family", tally.tls_versions);
  tables.by_family("ciphers_by_family", tally.ciphers);
  family_counts(out, "tls_errors", tally.tls_errors);
  family_counts(out, "auth_failures", tally.auth_failures);
  tables.by_family("postscreen", tally.postscreen);
  tables.by_family("lost", tally.lost);
  tables.names("listed", tally.listed);
  tables.by_family("actions", tally.actions);
  tables.by_family("reasons", tally.reasons);
  out.key("messages").begin_object().field("received", tally.received).field("picked_up", tally.picked_up);
  out.field("delivered", tally.delivered).field("forwarded", tally.forwarded).field("deferrals", tally.deferrals);
  out.field("bounced", tally.bounced).field("expired", tally.expired).field("rejected", tally.rejected);
  out.field("reject_warnings", tally.warned).field("held", tally.held).field("discarded", tally.discarded).end_object();
  out.key("deliveries").begin_object();
  tables.by_family("status", tally.statuses);
  tables.by_family("dsn", tally.dsn);
  tables.names("transports", tally.transports);
  tables.names("failures", tally.failures);
  tables.names("connect_failures", tally.connect_failures);
  tables.names("probes", tally.probes);
  out.key("delay_s").begin_object();
  for (std::size_t i = 0; i < tally.delays.size(); ++i)
    out.field(i < kDelayBounds.size() ? "<" + std::to_string(kDelayBounds.at(i)) : "more", tally.delays.at(i));
  out.end_object();
  out.end_object();
  out.key("outgoing_tls").begin_object();
  out.field("total", tally.tls_out.total()).field("ipv4", tally.tls_out.v4).field("ipv6", tally.tls_out.v6);
  tables.within("outgoing_tls");
  tables.names("versions", tally.tls_out_versions);
  tables.names("ciphers", tally.tls_out_ciphers);
  tables.names("trust", tally.tls_out_trust);
  tables.names("policies", tally.tls_policies);
  tables.within({});
  out.end_object();
  tables.names("levels", tally.levels);
  tables.names("problems", tally.problems);
  tables.errors();
  out.key("prefixes").begin_array();
  for (const Prefixes::Row& row : tally.prefixes().top(20)) {
    out.begin_object().field("prefix", row.prefix).field("connections", row.count);
    if (row.error > 0) out.field("error", row.error);
    out.end_object();
  }
  out.end_array();
  append_days(tally, out);
  out.key("lines").begin_object().field("total", tally.lines.total).field("unknown", tally.lines.unknown);
  out.field("postfix", tally.lines.postfix).field("exim", tally.lines.exim).field("others", tally.lines.others);
  out.field("outside", tally.lines.outside).end_object();
  if (!tally.unknown.empty()) {
    out.key("unknown_lines").begin_array();
    for (const auto& [place, text] : tally.unknown) out.string(text);
    out.end_array();
  }
}

}  // namespace postern::maillog
