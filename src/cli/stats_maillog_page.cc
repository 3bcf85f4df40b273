#include "cli/stats_maillog_page.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "cli/output.h"
#include "cli/table.h"

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
constexpr std::size_t kShortBar = 8;
constexpr std::size_t kNameWidth = 70;
constexpr std::size_t kShortName = 24;

// Columns of the terminal; where there is none, as many as a table wants.
std::size_t page_width() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) != 1 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 1000;
  return size.ws_col;
}

// POSIX.1-2017 8.2: the first of these that is set and not empty says which characters the terminal shows.
bool is_utf8_locale() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = lower(value);
    return locale.contains("utf-8") || locale.contains("utf8");
  }
  return false;
}

// Without the spaces that a bar of no length leaves behind.
void print_table(Table& table) {
  std::string out;
  for (const std::string_view line : split(table.take(), '\n')) {
    out += line.substr(0, line.find_last_not_of(' ') + 1);
    out += '\n';
  }
  print(out);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text.data();
}

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t columns = kBar) {
  static const char* const mark = is_utf8_locale() ? "▇" : "#";
  const double share = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  const auto full = static_cast<std::size_t>(std::lround(std::min(share, 1.0) * static_cast<double>(columns)));
  std::string out;
  for (std::size_t i = 0; i < full; ++i) out += mark;
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

struct Ranking {
  const char* title;
  const char* of;           // what shares and bars are of
  std::uint64_t whole = 0;  // how many those are; 0: all names together
  bool families = true;
};

// Names by how often they were seen.
void print_ranking(const Ranking& what, const NameTable& names, const Rows& rows) {
  const auto [ranked, others] = names.ranked();
  if (ranked.empty()) return;
  const std::uint64_t all = what.whole > 0 ? what.whole : names.total();
  // What the numbers leave to the name and its bar
  const auto digits = [](std::uint64_t n) { return std::max<std::size_t>(number(n).size(), 4); };
  std::size_t longest = std::string_view(what.title).size();
  Counts most;
  for (std::size_t i = 0; i < std::min(ranked.size(), rows.names); ++i) {
    longest = std::max(longest, printable(ranked[i].name, kNameWidth).size());
    most.v4 = std::max(most.v4, ranked[i].counts.v4);
    most.v6 = std::max(most.v6, ranked[i].counts.v6);
  }
  const std::size_t fixed = 2 + digits(names.total()) + 2 + std::max<std::size_t>(7, std::string_view(what.of).size()) +
                            (what.families ? 4 + digits(most.v4) + digits(most.v6) : 0) + 2;
  const std::size_t width = page_width();
  std::size_t bars = 0;
  for (const std::size_t columns : {kShortBar, kBar})
    if (fixed + longest + columns <= width) bars = columns;
  const std::size_t room = width > fixed + bars ? width - fixed - bars : 0;
  const std::size_t name_width = std::clamp(room, kShortName, kNameWidth + 3);

  std::vector<Table::Column> columns{{what.title}, {"all", true}, {what.of, true}};
  if (what.families) columns.insert(columns.end(), {{"IPv4", true}, {"IPv6", true}});
  columns.push_back({""});
  Table table(columns, colour_wanted());
  const auto row = [&](const std::string& name, const Counts& counts) {
    const bool whole = printable(name, kNameWidth).size() <= name_width;
    std::vector<Table::Cell> cells{{printable(name, whole ? kNameWidth : name_width - 3)},
                                   {number(counts.total())},
                                   {percent(counts.total(), all), Colour::dim}};
    if (what.families) {
      cells.push_back({number(counts.v4)});
      cells.push_back({number(counts.v6)});
    }
    cells.push_back({bar(counts.total(), all, bars), Colour::dim});
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
  // How many names the others are is known only as long as none had to make room, and all are ranked.
  const bool counted = others.total() == 0 && names.error() == 0 && more > 0;
  if (rest.total() > 0) row("(" + (counted ? number(more) + " " : std::string()) + "others)", rest);
  print_table(table);
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
  print_table(table);
  // A line that is not understood may be the one that says it.
  const std::string or_unknown = tally.lines.unknown > 0 ? ", unless its lines are among the unknown ones" : "";
  if (tally.tls_from_disconnects())
    print("No line says which TLS: smtpd_tls_loglevel = 1 makes Postfix write it" + or_unknown +
          ". Encrypted is who sent STARTTLS.\n\n");
  if (tally.tls_from() == "both")
    print("Some Postfix does not write which TLS (smtpd_tls_loglevel = 1)" + or_unknown +
          ": of it is counted who sent STARTTLS.\n\n");
  if (tally.exim_messages_stand_for_connections())
    print(
        "Exim wrote no lines for connections (log_selector = +smtp_connection does): each message that came in counts "
        "as one.\n\n");
}

void print_messages(const Tally& tally) {
  struct Row {
    const char* name;
    std::uint64_t n;
    bool always;
  };
  const Row rows[]{{"received", tally.received, true},    {"delivered", tally.delivered, true},
                   {"forwarded", tally.forwarded, false}, {"deferrals", tally.deferrals, true},
                   {"bounced", tally.bounced, true},      {"expired", tally.expired, false},
                   {"rejected", tally.rejected, true},    {"warned", tally.warned, false},
                   {"held", tally.held, false},           {"discarded", tally.discarded, false}};
  const std::size_t width = page_width();
  std::vector<Table::Column> columns{{"messages"}};
  std::vector<Table::Cell> cells{{""}};
  std::size_t used = columns.front().title.size();
  const auto finish = [&] {
    Table table(std::exchange(columns, {{"messages"}}), colour_wanted());
    table.add(std::exchange(cells, {{""}}));
    used = columns.front().title.size();
    print_table(table);
  };
  for (const Row& row : rows) {
    if (row.n == 0 && !row.always) continue;
    const std::size_t wide = 2 + std::max(std::string_view(row.name).size(), number(row.n).size());
    if (used + wide > width && columns.size() > 1) finish();  // what does not fit begins another table
    columns.push_back({row.name, true});
    cells.push_back({number(row.n)});
    used += wide;
  }
  finish();
}

void print_delays(const Tally& tally) {
  std::uint64_t all = 0;
  for (const std::uint64_t n : tally.delays) all += n;
  if (all == 0) return;
  Table table({{"delivered after"}, {"", true}, {"of delivered", true}, {""}}, colour_wanted());
  for (std::size_t i = 0; i < tally.delays.size(); ++i) {
    const bool last = i == maillog::kDelayBounds.size();
    const std::int64_t bound = std::int64_t{maillog::kDelayBounds.at(last ? i - 1 : i)} * 1000;
    if (tally.delays.at(i) == 0) continue;
    table.add({{(last ? "more than " : "less than ") + human_duration(bound)},
               {number(tally.delays.at(i))},
               {percent(tally.delays.at(i), all), Colour::dim},
               {bar(tally.delays.at(i), all), Colour::dim}});
  }
  print_table(table);
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
  constexpr std::size_t kDayNumbers = 75;
  const std::size_t bars = std::clamp(page_width(), kDayNumbers, kDayNumbers + kBar) - kDayNumbers;
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
               {bar(all, most, bars), Colour::dim}});
  }
  print_table(table);
}

void print_prefixes(const Tally& tally, std::size_t n) {
  const auto rows = tally.prefixes().top(n);
  if (rows.empty()) return;
  const std::uint64_t all = tally.connections().total();
  Table table({{"networks that connect most"}, {"", true}, {"of connections", true}, {""}}, colour_wanted());
  for (const auto& row : rows) {
    table.add({{row.prefix},
               {(row.error > 0 ? "~" : "") + number(row.count)},
               {percent(row.count, all), Colour::dim},
               {bar(row.count, all), Colour::dim}});
  }
  print_table(table);
}

void print_end(const Tally& tally, const std::vector<insight::UnreadLog>& unread, bool show_unknown) {
  std::string last = number(tally.lines.total) + " lines";
  if (tally.lines.others > 0) last += ", " + number(tally.lines.others) + " of other programs";
  if (tally.lines.outside > 0) last += ", " + number(tally.lines.outside) + " of another time were passed over";
  last += ", " + number(tally.lines.unknown) + " unknown";
  if (tally.lines.unknown > 0 && !show_unknown) last += " (--unknown shows them)";
  print(last + "\n");
  if (tally.lines.total > 0 && tally.lines.json == tally.lines.total)
    print("All lines are JSON: `postern stats` without --maillog reads Postern's own records.\n");
  if (show_unknown) {
    for (const auto& [place, text] : tally.unknown) print(printable(text, maillog::kUnknownKeptOctets) + "\n");
    if (tally.unknown.size() < tally.lines.unknown)
      print("... and " + number(tally.lines.unknown - tally.unknown.size()) + " more\n");
  }
  for (const insight::UnreadLog& of : unread)
    print((of.counted ? "Not to its end: " : "Not counted: ") + of.error.what + "\n");
}

}  // namespace

void print_tally(const Tally& tally, const std::vector<insight::UnreadLog>& unread, const MaillogPage& page) {
  const Rows& rows = page.all ? kAll : kScreen;
  const auto ranking = [&](const char* title, const char* of, const NameTable& names, std::uint64_t whole = 0) {
    print_ranking({.title = title, .of = of, .whole = whole}, names, rows);
  };
  print_connections(tally);
  ranking("TLS", "of TLS", tally.tls_versions);
  ranking("cipher", "of TLS", tally.ciphers);
  if (page.all) {
    ranking("key exchange", "of those said", tally.key_exchanges);
    ranking("client certificate", "of TLS", tally.trust);
    ranking("lost", "of lost", tally.lost);
    ranking("DNS list", "of answers", tally.listed);
  }
  const std::uint64_t screened = tally.postscreen.of("CONNECT").total();
  ranking("postscreen", screened > 0 ? "of CONNECT" : "of events", tally.postscreen, screened);
  print_messages(tally);
  if (page.all) ranking("refused, held and so on", "of actions", tally.actions);
  ranking("reason", "of refusals", tally.reasons);
  if (page.all) {
    ranking("deliveries", "of attempts", tally.statuses);
    ranking("by", "of attempts", tally.transports);
    ranking("status code", "of those said", tally.dsn);
    ranking("not delivered because", "of failures", tally.failures);
    ranking("could not connect because", "of failures", tally.connect_failures);
    ranking("address probes", "of probes", tally.probes);
    print_delays(tally);
  }
  ranking("TLS to others", "of TLS", tally.tls_out_versions);
  if (page.all) {
    ranking("cipher to others", "of TLS", tally.tls_out_ciphers);
    ranking("certificates of others", "of TLS", tally.tls_out_trust);
    ranking("TLS policy", "of those said", tally.tls_policies);
    print_ranking({.title = "warnings and errors", .of = "of them", .families = false}, tally.problems, rows);
    print_prefixes(tally, rows.prefixes);
  }
  print_days(tally, rows.days);
  print_end(tally, unread, page.unknown);
}

}  // namespace postern::cli
