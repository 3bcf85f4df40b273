#include "cli/stats_maillog.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/insight_tools.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record_source.h"
#include "cli/table.h"
#include "insight/log_import.h"
#include "maillog/fields.h"
#include "maillog/reason.h"

namespace postern::cli {

namespace {

using maillog::Counts;
using maillog::NameTable;
using maillog::Tally;

// What one screen holds of each ranking, and what --all shows; --json has all.
struct Rows {
  std::size_t names, days, prefixes;
};
constexpr Rows kScreen{.names = 8, .days = 10, .prefixes = 0};
constexpr Rows kAll{.names = 100, .days = 400, .prefixes = 20};
constexpr std::size_t kBar = 20;  // columns of a full bar
constexpr std::size_t kNameWidth = 70;

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

std::string bar(std::uint64_t part, std::uint64_t whole) {
  const double share = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  const auto full = static_cast<std::size_t>(std::lround(std::min(share, 1.0) * static_cast<double>(kBar)));
  std::string out;
  for (std::size_t i = 0; i < full; ++i) out += "▇";
  return out;
}

std::string number(std::uint64_t n) { return std::to_string(n); }

void family_row(Table& table, const std::string& name, const Counts& counts, const Counts& of) {
  table.add({{name},
             {number(counts.total())},
             {percent(counts.total(), of.total()), Colour::dim},
             {number(counts.v4)},
             {percent(counts.v4, of.v4), Colour::dim},
             {number(counts.v6)},
             {percent(counts.v6, of.v6), Colour::dim}});
}

// Names by how often they were seen; shares are of all, bars as well.
void print_ranking(const std::string& title, const NameTable& names, bool families, const Rows& rows) {
  const auto [ranked, others] = names.ranked();
  if (ranked.empty()) return;
  const std::uint64_t all = names.total();
  std::vector<Table::Column> columns{{title}, {"all", true}, {"", true}};
  if (families) columns.insert(columns.end(), {{"IPv4", true}, {"IPv6", true}});
  columns.push_back({""});
  Table table(columns, colour_wanted());
  const auto row = [&](const std::string& name, const Counts& counts) {
    std::vector<Table::Cell> cells{
        {printable(name, kNameWidth)}, {number(counts.total())}, {percent(counts.total(), all), Colour::dim}};
    if (families) {
      cells.push_back({number(counts.v4)});
      cells.push_back({number(counts.v6)});
    }
    cells.push_back({bar(counts.total(), all), Colour::dim});
    table.add(std::move(cells));
  };
  Counts rest = others;
  std::size_t more = 0;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (i < rows.names) {
      row(ranked[i].name, ranked[i].counts);
      continue;
    }
    rest.add(ranked[i].counts);
    ++more;
  }
  if (rest.total() > 0) row("(" + (more > 0 ? number(more) + " " : std::string()) + "others)", rest);
  print(table.take() + "\n");
}

void print_connections(const Tally& tally) {
  const Counts all = tally.connections();
  const Counts tls = tally.connections_with_tls();
  Table table({{""}, {"all", true}, {"", true}, {"IPv4", true}, {"", true}, {"IPv6", true}, {"", true}},
              colour_wanted());
  table.add({{"connections"},
             {number(all.total())},
             {""},
             {number(all.v4)},
             {percent(all.v4, all.total()), Colour::dim},
             {number(all.v6)},
             {percent(all.v6, all.total()), Colour::dim}});
  if (tally.connects.total() > 0 || tally.exim_connects.total() == 0) family_row(table, "encrypted", tls, all);
  if (tally.exim_connects.total() > 0 && tally.exim_arrivals.total() > 0) {
    family_row(table, "Exim's messages", tally.exim_arrivals, tally.exim_arrivals);
    family_row(table, "of them encrypted", tally.exim_tls, tally.exim_arrivals);
  }
  if (tally.tls_errors.total() > 0) family_row(table, "TLS failed", tally.tls_errors, all);
  if (tally.auth_failures.total() > 0) family_row(table, "AUTH failed", tally.auth_failures, all);
  print(table.take() + "\n");
  if (tally.tls_from_disconnects())
    print("No line says which TLS: smtpd_tls_loglevel = 1 makes Postfix write it. Encrypted is who sent STARTTLS.\n\n");
  if (tally.tls_from() == "both")
    print("Some Postfix does not write which TLS (smtpd_tls_loglevel = 1): of it is counted who sent STARTTLS.\n\n");
  if (tally.exim_messages_stand_for_connections())
    print(
        "Exim wrote no lines for connections (log_selector = +smtp_connection does): each message that came in counts "
        "as one.\n\n");
}

void print_messages(const Tally& tally) {
  std::vector<Table::Column> columns{{"messages"}};
  std::vector<Table::Cell> cells{{""}};
  const auto column = [&](const char* name, std::uint64_t n, bool always) {
    if (n == 0 && !always) return;
    columns.push_back({name, true});
    cells.push_back({number(n)});
  };
  column("received", tally.received, true);
  column("delivered", tally.delivered, true);
  column("forwarded", tally.forwarded, false);
  column("deferrals", tally.deferrals, true);
  column("bounced", tally.bounced, true);
  column("expired", tally.expired, false);
  column("rejected", tally.rejected, true);
  column("warned", tally.warned, false);
  column("held", tally.held, false);
  column("discarded", tally.discarded, false);
  Table table(std::move(columns), colour_wanted());
  table.add(std::move(cells));
  print(table.take() + "\n");
}

void print_delays(const Tally& tally) {
  std::uint64_t all = 0;
  for (const std::uint64_t n : tally.delays) all += n;
  if (all == 0) return;
  Table table({{"delivered after"}, {"", true}, {"", true}, {""}}, colour_wanted());
  for (std::size_t i = 0; i < tally.delays.size(); ++i) {
    const bool last = i == maillog::kDelayBounds.size();
    const std::int64_t bound = std::int64_t{maillog::kDelayBounds.at(last ? i - 1 : i)} * 1000;
    if (tally.delays.at(i) == 0) continue;
    table.add({{(last ? "more than " : "less than ") + human_duration(bound)},
               {number(tally.delays.at(i))},
               {percent(tally.delays.at(i), all), Colour::dim},
               {bar(tally.delays.at(i), all), Colour::dim}});
  }
  print(table.take() + "\n");
}

void print_days(const Tally& tally, std::size_t rows) {
  if (tally.days.empty()) return;
  Table table({{"day"},
               {"connections", true},
               {"IPv6", true},
               {"encrypted", true},
               {"received", true},
               {"delivered", true},
               {"rejected", true},
               {""}},
              colour_wanted());
  std::uint64_t most = 1;
  for (const auto& [number_of_day, day] : tally.days) most = std::max(most, tally.connections(day).total());
  std::size_t passed = tally.days.size() > rows ? tally.days.size() - rows : 0;
  if (passed > 0) table.add({{"(" + number(passed) + " before)"}, {""}, {""}, {""}, {""}, {""}, {""}, {""}});
  for (const auto& [day_number, day] : tally.days) {
    if (passed > 0) {
      --passed;
      continue;
    }
    const Counts connections = tally.connections(day);
    const std::uint64_t all = connections.total();
    table.add({{iso8601(WallMs{day_number} * 86'400'000).substr(0, 10)},
               {number(all)},
               {percent(connections.v6, all), Colour::dim},
               {percent(tally.connections_with_tls(day).total(), all), Colour::dim},
               {number(day.received)},
               {number(day.delivered)},
               {number(day.rejected)},
               {bar(all, most), Colour::dim}});
  }
  print(table.take() + "\n");
}

void print_prefixes(const Tally& tally, std::size_t n) {
  const auto rows = tally.prefixes().top(n);
  if (rows.empty()) return;
  const std::uint64_t all = tally.connections().total();
  Table table({{"networks that connect most"}, {"", true}, {"", true}, {""}}, colour_wanted());
  for (const auto& row : rows) {
    table.add({{row.prefix},
               {(row.error > 0 ? "~" : "") + number(row.count)},
               {percent(row.count, all), Colour::dim},
               {bar(row.count, all), Colour::dim}});
  }
  print(table.take() + "\n");
}

// The classic questions on one screen: how much is encrypted, with what, over which family, day by day.
void print_tally(const Tally& tally, bool all, bool show_unknown) {
  const Rows& rows = all ? kAll : kScreen;
  const auto ranking = [&](const char* title, const NameTable& names) { print_ranking(title, names, true, rows); };
  print_connections(tally);
  ranking("TLS", tally.tls_versions);
  ranking("cipher", tally.ciphers);
  if (all) {
    ranking("key exchange", tally.key_exchanges);
    ranking("client certificate", tally.trust);
    ranking("lost", tally.lost);
    ranking("DNS list", tally.listed);
  }
  ranking("postscreen", tally.postscreen);
  print_messages(tally);
  if (all) ranking("refused, held and so on", tally.actions);
  ranking("reason", tally.reasons);
  if (all) {
    ranking("deliveries", tally.statuses);
    ranking("by", tally.transports);
    ranking("status code", tally.dsn);
    ranking("not delivered because", tally.failures);
    ranking("could not connect because", tally.connect_failures);
    print_delays(tally);
  }
  ranking("TLS to others", tally.tls_out_versions);
  if (all) {
    ranking("cipher to others", tally.tls_out_ciphers);
    ranking("certificates of others", tally.tls_out_trust);
    ranking("TLS policy", tally.tls_policies);
    print_ranking("warnings and errors", tally.problems, false, rows);
    print_prefixes(tally, rows.prefixes);
  }
  print_days(tally, rows.days);
  std::string last = number(tally.lines.total) + " lines";
  if (tally.lines.others > 0) last += ", " + number(tally.lines.others) + " of other programs";
  if (tally.lines.outside > 0) last += ", " + number(tally.lines.outside) + " of another time were passed over";
  last += ", " + number(tally.lines.unknown) + " unknown";
  if (tally.lines.unknown > 0 && !show_unknown) last += " (--unknown shows them)";
  print(last + "\n");
  if (!show_unknown) return;
  for (const auto& [place, text] : tally.unknown) print(printable(text, maillog::kUnknownKeptOctets) + "\n");
  if (tally.unknown.size() < tally.lines.unknown)
    print("... and " + number(tally.lines.unknown - tally.unknown.size()) + " more\n");
}

// One line of the log as JSON.
void print_line(std::string_view text, const maillog::TallyOptions& options, std::vector<maillog::Field>& fields,
                std::string& out) {
  const maillog::Line line = maillog::split_line(text);
  const auto time = time_of(line, options.time);
  if ((options.since && (!time || *time < *options.since)) || (options.until && (!time || *time >= *options.until)))
    return;
  maillog::Event event;
  read_event(line, event);
  json::Writer writer(out);
  writer.begin_object();
  if (time) writer.field("time", iso8601(*time));
  const auto field = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) writer.field(name, value);
  };
  field("host", line.host);
  field("program", line.program);
  field("pid", line.pid);
  const bool ours = line.origin == maillog::Origin::postfix || line.origin == maillog::Origin::exim;
  writer.field("event", ours ? event_name(event) : line.origin == maillog::Origin::other ? "other" : "unknown");
  if (event.host.known() && event.host.address.find('/') == std::string_view::npos)
    writer.field("family", event.host.ipv6() ? "ipv6" : "ipv4");
  fields.clear();
  append_fields(event, fields);
  for (const maillog::Field& of : fields) writer.field(of.name, of.value);
  maillog::ReasonBuffer buffer;
  field("reason", maillog::reason_of(event, buffer));
  if (event.kind == maillog::Kind::unknown) writer.field("line", text.substr(0, maillog::kUnknownKeptOctets));
  writer.end_object();
  out += '\n';
}

int run_lines(const MaillogOptions& options, const maillog::TallyOptions& tally_options) {
  std::array<std::vector<maillog::Field>, insight::kThreadsMax> fields;
  const auto done = insight::convert_logs(
      options.files, options.threads,
      [&](unsigned walker, std::string_view line, std::string& out) {
        print_line(line, tally_options, fields.at(walker), out);
      },
      [](std::string_view text) { return std::fwrite(text.data(), 1, text.size(), stdout) == text.size(); });
  if (done) return kOk;
  complain(done.error().what);
  return kNegative;
}

// How far the local clock is ahead of UTC at `time`.
std::int64_t utc_offset(WallMs time) {
  const auto seconds = static_cast<std::time_t>(time / 1000);
  std::tm local{};
  return ::localtime_r(&seconds, &local) == nullptr ? 0 : local.tm_gmtoff;
}

}  // namespace

int run_stats_maillog(const StatsOptions& all) {
  const MaillogOptions& options = all.maillog;
  const WallMs now = all.common.clock();
  insight::LogImport import{.files = options.files, .options = {}, .threads = options.threads};
  import.options.time = {.now = now, .utc_offset_s = utc_offset(now)};
  import.options.keep_unknown = options.unknown;
  for (const auto& [text, into] :
       {std::pair{&all.common.since, &import.options.since}, {&all.until, &import.options.until}}) {
    if (text->empty()) continue;
    *into = parse_since(*text, now);
    if (*into) continue;
    complain("\"" + *text + "\" is no time: write 7d, 2026-11-21 or 2026-11-21T06:43:08Z");
    return kUsage;
  }
  if (import.options.since && import.options.until && *import.options.until <= *import.options.since) {
    complain("--until is not later than --since: there is nothing between them");
    return kUsage;
  }
  if (options.lines) return run_lines(options, import.options);
  ProgressBar progress("reading");
  const auto tally =
      insight::tally_logs(import, [&](std::uint64_t done, std::uint64_t total) { progress.show(done, total); });
  if (!tally) {
    complain(tally.error().what);
    return kNegative;
  }
  if (all.common.json) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    append_json(*tally, writer);
    writer.end_object();
    print(out + "\n");
  } else {
    print_tally(*tally, options.all, options.unknown);
  }
  return kOk;
}

}  // namespace postern::cli
