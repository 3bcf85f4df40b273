#include "cli/stats_maillog_page.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/text.h"
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
constexpr std::size_t kNameWidth = 70;

std::string number(std::uint64_t n) { return std::to_string(n); }

struct Ranking {
  const char* title;
  const char* of;           // what shares and bars are of
  std::uint64_t whole = 0;  // how many those are; 0: all names together
  bool families = true;
};

class Page {
 public:
  Page(const Tally& tally, const MaillogPage& page)
      : tally_(tally),
        rows_(page.all ? kAll : kScreen),
        unknown_(page.unknown),
        fit_{.width = page.width, .colour = page.colour, .mark = page.utf8 ? "▇" : "#", .bars = Colour::dim} {}

  void connections();
  void ranking(const Ranking& what, const NameTable& names);
  void ranking(const char* title, const char* of, const NameTable& names, std::uint64_t whole = 0) {
    ranking({.title = title, .of = of, .whole = whole}, names);
  }
  void messages();
  void delays();
  void days();
  void prefixes();
  void end(const std::vector<insight::UnreadLog>& unread);
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void table(std::vector<Table::Column> columns, std::vector<Barred> rows, bool cut_names = true) {
    Fit fit = fit_;
    fit.cut_names = cut_names;
    out_ += fitted(std::move(columns), std::move(rows), fit) + "\n";
  }
  void line(const std::string& text) { out_ += folded(text, 0, fit_.width); }

  const Tally& tally_;
  const Rows rows_;
  const bool unknown_;
  const Fit fit_;
  std::string out_;
};

Barred family_row(const std::string& name, const Counts& counts, const Counts& of) {
  return {.cells = {{name},
                    {number(counts.total())},
                    {share_of(counts.total(), of.total()), Colour::dim},
                    {number(counts.v4)},
                    {share_of(counts.v4, of.v4), Colour::dim},
                    {number(counts.v6)},
                    {share_of(counts.v6, of.v6), Colour::dim}}};
}

// Names by how often they were seen.
void Page::ranking(const Ranking& what, const NameTable& names) {
  const auto [ranked, others] = names.ranked();
  if (ranked.empty()) return;
  const std::uint64_t all = what.whole > 0 ? what.whole : names.total();
  std::vector<Table::Column> columns{{what.title}, {"all", true}, {what.of, true}};
  // Those of IPv4 can be told from the others.
  if (what.families) columns.insert(columns.end(), {{"IPv4", true, 2}, {"IPv6", true, 1}});
  std::vector<Barred> rows;
  const auto row = [&](const std::string& name, const Counts& counts) {
    std::vector<Table::Cell> cells{
        {printable(name, kNameWidth)}, {number(counts.total())}, {share_of(counts.total(), all), Colour::dim}};
    if (what.families) {
      cells.push_back({number(counts.v4)});
      cells.push_back({number(counts.v6)});
    }
    rows.push_back({std::move(cells), counts.total(), all});
  };
  Counts rest = others;
  std::size_t more = 0;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (i < rows_.names) {
      row(ranked[i].name, ranked[i].counts);
      continue;
    }
    rest.add(ranked[i].counts);
    ++more;
  }
  // How many names the others are is known only as long as none had to make room, and all are ranked.
  const bool counted = others.total() == 0 && names.error() == 0 && more > 0;
  if (rest.total() > 0) row("(" + (counted ? number(more) + " " : std::string()) + "others)", rest);
  table(std::move(columns), std::move(rows));
}

void Page::connections() {
  const Counts all = tally_.connections();
  const Counts tls = tally_.connections_with_tls();
  // The first row's shares are of another whole than the others'.
  const auto of_all = [&](std::uint64_t part) { return share_of(part, all.total()) + " of all"; };
  std::vector<Barred> rows{{.cells = {{"connections"},
                                      {number(all.total())},
                                      {""},
                                      {number(all.v4)},
                                      {of_all(all.v4), Colour::dim},
                                      {number(all.v6)},
                                      {of_all(all.v6), Colour::dim}}}};
  if (tally_.connects.total() > 0 || tally_.exim_connects.total() == 0)
    rows.push_back(family_row("encrypted", tls, all));
  if (tally_.exim_connects.total() > 0 && tally_.exim_arrivals.total() > 0) {
    rows.push_back(family_row("Exim's messages", tally_.exim_arrivals, tally_.exim_arrivals));
    rows.push_back(family_row("of them encrypted", tally_.exim_tls, tally_.exim_arrivals));
  }
  if (tally_.tls_errors.total() > 0) rows.push_back(family_row("TLS failed", tally_.tls_errors, all));
  if (tally_.auth_failures.total() > 0) rows.push_back(family_row("AUTH failed", tally_.auth_failures, all));
  table({{""},
         {"all", true},
         {"of all", true},
         {"IPv4", true, 1},
         {"of IPv4", true, 2},
         {"IPv6", true},
         {"of IPv6", true}},
        std::move(rows));
  // A line that is not understood may be the one that says it.
  const std::string or_unknown = tally_.lines.unknown > 0 ? ", unless its lines are among the unknown ones" : "";
  const auto note = [this](const std::string& text) {
    line(text);
    out_ += "\n";
  };
  if (tally_.tls_from_disconnects())
    note("No line says which TLS: smtpd_tls_loglevel = 1 makes Postfix write it" + or_unknown +
         ". Encrypted is who sent STARTTLS.");
  if (tally_.tls_from() == "both")
    note("Some Postfix does not write which TLS (smtpd_tls_loglevel = 1)" + or_unknown +
         ": of it is counted who sent STARTTLS.");
  if (tally_.exim_messages_stand_for_connections())
    note(
        "Exim wrote no lines for connections (log_selector = +smtp_connection does): each message that came in counts "
        "as one.");
}

void Page::messages() {
  struct Row {
    const char* name;
    std::uint64_t n;
    bool always;
  };
  const Row rows[]{{"received", tally_.received, true},    {"delivered", tally_.delivered, true},
                   {"forwarded", tally_.forwarded, false}, {"deferrals", tally_.deferrals, true},
                   {"bounced", tally_.bounced, true},      {"expired", tally_.expired, false},
                   {"rejected", tally_.rejected, true},    {"warned", tally_.warned, false},
                   {"held", tally_.held, false},           {"discarded", tally_.discarded, false}};
  std::vector<Table::Column> columns{{"messages"}};
  std::vector<Table::Cell> cells{{""}};
  std::size_t used = columns.front().title.size();
  const auto finish = [&] {
    table(std::exchange(columns, {{"messages"}}), {{.cells = std::exchange(cells, {{""}})}});
    used = columns.front().title.size();
  };
  for (const Row& row : rows) {
    if (row.n == 0 && !row.always) continue;
    const std::size_t wide = 2 + std::max(std::string_view(row.name).size(), number(row.n).size());
    if (fit_.width && used + wide > *fit_.width && columns.size() > 1) finish();  // the others are another table
    columns.push_back({row.name, true});
    cells.push_back({number(row.n)});
    used += wide;
  }
  finish();
}

void Page::delays() {
  std::uint64_t all = 0;
  for (const std::uint64_t n : tally_.delays) all += n;
  if (all == 0) return;
  std::vector<Barred> rows;
  for (std::size_t i = 0; i < tally_.delays.size(); ++i) {
    const bool last = i == maillog::kDelayBounds.size();
    const std::int64_t bound = std::int64_t{maillog::kDelayBounds.at(last ? i - 1 : i)} * 1000;
    const std::uint64_t n = tally_.delays.at(i);
    if (n == 0) continue;
    rows.push_back(
        {{{(last ? "more than " : "less than ") + human_duration(bound)}, {number(n)}, {share_of(n, all), Colour::dim}},
         n,
         all});
  }
  table({{"delivered after"}, {"", true}, {"of delivered", true}}, std::move(rows), false);
}

void Page::days() {
  if (tally_.days.empty()) return;
  std::uint64_t most = 1;
  for (const auto& [number_of_day, day] : tally_.days) most = std::max(most, tally_.connections(day).total());
  std::size_t passed = tally_.days.size() > rows_.days ? tally_.days.size() - rows_.days : 0;
  std::vector<Barred> rows;
  if (passed > 0) rows.push_back({.cells = {{"(" + number(passed) + " before)"}, {""}, {""}, {""}, {""}, {""}, {""}}});
  for (const auto& [day_number, day] : tally_.days) {
    if (passed > 0) {
      --passed;
      continue;
    }
    const Counts connections = tally_.connections(day);
    const std::uint64_t all = connections.total();
    rows.push_back({{{iso8601(WallMs{day_number} * 86'400'000).substr(0, 10)},
                     {number(all)},
                     {share_of(connections.v6, all), Colour::dim},
                     {share_of(tally_.connections_with_tls(day).total(), all), Colour::dim},
                     {number(day.received)},
                     {number(day.delivered)},
                     {number(day.rejected)}},
                    all,
                    most});
  }
  table({{"day"},
         {"connections", true},
         {"IPv6", true},
         {"encrypted", true},
         {"received", true, 2},
         {"delivered", true, 3},
         {"rejected", true, 1}},
        std::move(rows), false);
}

void Page::prefixes() {
  const auto top = tally_.prefixes().top(rows_.prefixes);
  if (top.empty()) return;
  const std::uint64_t all = tally_.connections().total();
  std::vector<Barred> rows;
  rows.reserve(top.size());
  for (const auto& row : top) {
    rows.push_back(
        {{{row.prefix}, {(row.error > 0 ? "~" : "") + number(row.count)}, {share_of(row.count, all), Colour::dim}},
         row.count,
         all});
  }
  table({{"networks that connect most"}, {"", true}, {"of connections", true}}, std::move(rows), false);
}

void Page::end(const std::vector<insight::UnreadLog>& unread) {
  std::string last = number(tally_.lines.total) + " lines";
  if (tally_.lines.others > 0) last += ", " + number(tally_.lines.others) + " of other programs";
  if (tally_.lines.outside > 0) last += ", " + number(tally_.lines.outside) + " of another time were passed over";
  last += ", " + number(tally_.lines.unknown) + " unknown";
  if (tally_.lines.unknown > 0 && !unknown_) last += " (--unknown shows them)";
  line(last);
  if (tally_.lines.total > 0 && tally_.lines.json == tally_.lines.total)
    line("All lines are JSON: `postern stats` without --maillog reads Postern's own records.");
  if (unknown_) {
    for (const auto& [place, text] : tally_.unknown) out_ += printable(text, maillog::kUnknownKeptOctets) + "\n";
    if (tally_.unknown.size() < tally_.lines.unknown)
      line("... and " + number(tally_.lines.unknown - tally_.unknown.size()) + " more");
  }
  for (const insight::UnreadLog& of : unread) line((of.counted ? "Not to its end: " : "Not counted: ") + of.error.what);
}

}  // namespace

std::string tally_text(const Tally& tally, const std::vector<insight::UnreadLog>& unread, const MaillogPage& options) {
  Page page(tally, options);
  page.connections();
  page.ranking("TLS", "of TLS", tally.tls_versions);
  page.ranking("cipher", "of TLS", tally.ciphers);
  if (options.all) {
    page.ranking("key exchange", "of those said", tally.key_exchanges);
    page.ranking("client certificate", "of TLS", tally.trust);
    page.ranking("lost", "of lost", tally.lost);
    page.ranking("DNS list", "of answers", tally.listed);
  }
  const std::uint64_t screened = tally.postscreen.of("CONNECT").total();
  page.ranking("postscreen", screened > 0 ? "of CONNECT" : "of events", tally.postscreen, screened);
  page.messages();
  if (options.all) page.ranking("refused, held and so on", "of actions", tally.actions);
  page.ranking("reason", "of refusals", tally.reasons);
  if (options.all) {
    page.ranking("deliveries", "of attempts", tally.statuses);
    page.ranking("by", "of attempts", tally.transports);
    page.ranking("status code", "of those said", tally.dsn);
    page.ranking("not delivered because", "of failures", tally.failures);
    page.ranking("could not connect because", "of failures", tally.connect_failures);
    page.ranking("address probes", "of probes", tally.probes);
    page.delays();
  }
  page.ranking("TLS to others", "of TLS", tally.tls_out_versions);
  if (options.all) {
    page.ranking("cipher to others", "of TLS", tally.tls_out_ciphers);
    page.ranking("certificates of others", "of TLS", tally.tls_out_trust);
    page.ranking("TLS policy", "of those said", tally.tls_policies);
    page.ranking({.title = "warnings and errors", .of = "of them", .families = false}, tally.problems);
    page.prefixes();
  }
  page.days();
  page.end(unread);
  return page.take();
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

}  // namespace postern::cli
