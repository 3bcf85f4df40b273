#include "cli/stats_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/table.h"
#include "insight/outcomes.h"

namespace postern::cli {

namespace {

using insight::Names;
using insight::PerFamily;
using insight::Quantiles;
using insight::Statistics;
using insight::sum;
using insight::Traffic;

constexpr std::size_t kRowsShown = 25;  // of one table; --json has all
constexpr std::size_t kNameMax = 60;

std::string change(std::uint64_t now, std::uint64_t before) {
  if (before == 0) return now == 0 ? "" : "new";
  const double by = (static_cast<double>(now) - static_cast<double>(before)) / static_cast<double>(before);
  return (by >= 0 ? "+" : "-") + percent(std::abs(by));
}

std::string milliseconds_text(std::uint64_t ms) {
  return ms < 10'000 ? std::to_string(ms) + "ms" : human_duration(static_cast<std::int64_t>(ms));
}

// One text, section by section.
class Page {
 public:
  Page(bool compared, bool colour, std::optional<std::size_t> width)
      : compared_(compared), colour_(colour), width_(width) {}

  void heading(const std::string& text) {
    std::string lines = folded(text, 0, width_);
    lines.pop_back();
    out_ += coloured(lines, Colour::bold, colour_) + "\n";
  }
  void line(const std::string& text) { out_ += folded(text, 0, width_); }
  void gap() { out_ += "\n"; }

  struct Row {
    std::string name;
    PerFamily now{}, before{};
    PerFamily of{};     // what the shares of each family are of
    std::uint64_t all;  // what the bar is of
  };
  void rows(const std::string& title, const std::vector<Row>& rows) {
    std::vector<Table::Column> columns{{title},       {"all", true},  {"", true},   {"IPv4", true},
                                       {"", true, 3}, {"IPv6", true}, {"", true, 3}};
    compare(columns, "before");
    std::vector<Barred> lines;
    for (const Row& row : rows) {
      std::vector<Table::Cell> cells{{row.name},
                                     {std::to_string(sum(row.now))},
                                     {share_of(sum(row.now), row.all), Colour::dim},
                                     {std::to_string(row.now[0])},
                                     {share_of(row.now[0], row.of[0]), Colour::dim},
                                     {std::to_string(row.now[1])},
                                     {share_of(row.now[1], row.of[1]), Colour::dim}};
      compare(cells, sum(row.now), sum(row.before));
      lines.push_back({std::move(cells), sum(row.now), row.all});
    }
    table(std::move(columns), std::move(lines));
  }
  void table(std::vector<Table::Column> columns, std::vector<Barred> lines, bool cut_names = true) {
    out_ += fitted(std::move(columns), std::move(lines), {.width = width_, .colour = colour_, .cut_names = cut_names}) +
            "\n";
  }
  // The most frequent first; shares are of `of`. Nothing where there are no names.
  void names(const std::string& title, const std::string& of_what, const Names& names, const PerFamily& of,
             const Names* before) {
    if (names.empty()) return;
    const Names::Told before_all = before == nullptr ? Names::Told() : before->all();
    std::vector<Row> all;
    for (const auto& [name, counts] : names.all()) {
      Row row{.name = printable(name, kNameMax), .now = counts, .before = {}, .of = of, .all = sum(of)};
      if (const auto found = before_all.find(name); found != before_all.end()) row.before = found->second;
      all.push_back(std::move(row));
    }
    std::ranges::sort(
        all, [](const Row& a, const Row& b) { return std::pair(sum(b.now), a.name) < std::pair(sum(a.now), b.name); });
    const std::size_t left_out = all.size() > kRowsShown ? all.size() - kRowsShown : 0;
    if (left_out > 0) all.resize(kRowsShown);
    heading(title + " (" + of_what + ")");
    rows("", all);
    if (left_out == 0) return;
    out_.pop_back();
    line(std::to_string(left_out) + " more: --json");
    gap();
  }
  struct QuantileRow {
    std::string name;
    const Quantiles* now;
    const Quantiles* before;  // null where nothing is compared
  };
  void quantiles(const std::vector<QuantileRow>& rows) {
    std::vector<Table::Column> columns{{""},           {"count", true},   {"median", true},
                                       {"90 %", true}, {"99 %", true, 2}, {"most", true, 1}};
    if (compared_) columns.insert(columns.end(), {{"before", true, 1}, {"median", true, 1}, {"90 %", true, 2}});
    std::vector<Barred> lines;
    const auto at = [](const Quantiles& of, double share) {
      return of.count() == 0 ? std::string("-") : milliseconds_text(of.at(share));
    };
    for (const auto& [name, now, before] : rows) {
      if (now->count() == 0 && (before == nullptr || before->count() == 0)) continue;
      std::vector<Table::Cell> cells{
          {name}, {std::to_string(now->count())}, {at(*now, 0.5)}, {at(*now, 0.9)}, {at(*now, 0.99)}, {at(*now, 1)}};
      if (compared_ && before != nullptr) {
        cells.push_back({std::to_string(before->count())});
        cells.push_back({at(*before, 0.5), Colour::dim});
        cells.push_back({at(*before, 0.9), Colour::dim});
      }
      lines.push_back({std::move(cells)});
    }
    table(std::move(columns), std::move(lines));
  }
  [[nodiscard]] bool compared() const { return compared_; }
  // What is compared, at the end of a table's columns and of a row.
  void compare(std::vector<Table::Column>& columns, const std::string& title) const {
    if (!compared_) return;
    columns.push_back({title, true, 1});
    columns.push_back({"change", true, 2});
  }
  void compare(std::vector<Table::Cell>& cells, std::uint64_t now, std::uint64_t before) const {
    if (!compared_) return;
    cells.push_back({std::to_string(before)});
    cells.push_back({change(now, before), Colour::dim});
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool compared_, colour_;
  std::optional<std::size_t> width_;
};

PerFamily minus(const PerFamily& a, const PerFamily& b, const PerFamily& c = {}) {
  return {a[0] - b[0] - c[0], a[1] - b[1] - c[1]};
}

PerFamily sum_of(const Names& names) {
  PerFamily out{};
  for (const auto& [name, counts] : names.all()) insight::add(out, counts);
  return out;
}

void connections(Page& page, const Statistics& now, const Statistics& before) {
  const auto row = [&](const char* name, const PerFamily& counts, const PerFamily& then) {
    return Page::Row{.name = name, .now = counts, .before = then, .of = now.sessions, .all = sum(now.sessions)};
  };
  page.heading("Connections (shares: of all connections of the family)");
  std::vector<Page::Row> rows{row("all", now.sessions, before.sessions), row("TLS", now.tls, before.tls),
                              row("TLS failed", now.tls_failed, before.tls_failed),
                              row("without TLS", minus(now.sessions, now.tls, now.tls_failed),
                                  minus(before.sessions, before.tls, before.tls_failed)),
                              row("named a spamtrap", now.traps, before.traps)};
  if (sum(now.submission) + sum(before.submission) > 0)
    rows.push_back(row("of users (submission)", now.submission, before.submission));
  page.rows("", rows);
  const auto of_messages = [](const Statistics& of) {
    return PerFamily{of.accepted[0] + of.deferred[0] + of.refused[0], of.accepted[1] + of.deferred[1] + of.refused[1]};
  };
  const PerFamily messages = of_messages(now);
  const auto message = [&](const char* name, const PerFamily& counts, const PerFamily& then) {
    return Page::Row{.name = name, .now = counts, .before = then, .of = messages, .all = sum(messages)};
  };
  page.heading("Messages (shares: of all messages that were sent to their end)");
  rows = {message("all", messages, of_messages(before)), message("accepted", now.accepted, before.accepted),
          message("of them over TLS", now.accepted_tls, before.accepted_tls)};
  if (sum(now.accepted_submission) + sum(before.accepted_submission) > 0)
    rows.push_back(message("of them of users", now.accepted_submission, before.accepted_submission));
  rows.push_back(message("told to come again", now.deferred, before.deferred));
  rows.push_back(message("refused", now.refused, before.refused));
  page.rows("", rows);
  const auto of_recipients = [](const Statistics& of) {
    PerFamily all = of.recipients_accepted;
    insight::add(all, of.recipients_deferred);
    insight::add(all, of.recipients_refused);
    return all;
  };
  const PerFamily recipients = of_recipients(now);
  const auto recipient = [&](const char* name, const PerFamily& counts, const PerFamily& then) {
    return Page::Row{.name = name, .now = counts, .before = then, .of = recipients, .all = sum(recipients)};
  };
  page.heading("Recipients (shares: of all recipients that were named)");
  page.rows("", {recipient("all", recipients, of_recipients(before)),
                 recipient("accepted", now.recipients_accepted, before.recipients_accepted),
                 recipient("told to come again", now.recipients_deferred, before.recipients_deferred),
                 recipient("refused", now.recipients_refused, before.recipients_refused)});
}

void sinkhole(Page& page, const Statistics& now, const Statistics& before) {
  if (sum(now.sinkhole_sessions) + sum(before.sinkhole_sessions) == 0) return;
  std::string text = "sinkhole: " + std::to_string(sum(now.sinkhole_sessions)) + " connections, " +
                     std::to_string(sum(now.sinkhole_messages)) + " messages, not counted above";
  if (page.compared())
    text += "; before: " + std::to_string(sum(before.sinkhole_sessions)) + " connections, " +
            std::to_string(sum(before.sinkhole_messages)) + " messages";
  page.line(text);
}

void by_name(Page& page, const Statistics& now, const Statistics* before) {
  const auto of = [before](Names Statistics::* member) { return before == nullptr ? nullptr : &(before->*member); };
  page.names("TLS version", "of connections with TLS", now.tls_versions, now.tls, of(&Statistics::tls_versions));
  page.names("Key exchange", "of connections with TLS", now.groups, now.tls, of(&Statistics::groups));
  page.names("Cipher", "of connections with TLS", now.ciphers, now.tls, of(&Statistics::ciphers));
  page.names("Failed handshakes", "of connections with a failed handshake", now.tls_failures, now.tls_failed,
             of(&Statistics::tls_failures));
  page.names("Verdict", "of connections", now.verdicts, now.sessions, of(&Statistics::verdicts));
  page.names("Reason", "refused recipients, messages and connections; shares: of all refusals", now.reasons,
             sum_of(now.reasons), of(&Statistics::reasons));
  page.names("Country", "of connections", now.countries, now.sessions, of(&Statistics::countries));
  const PerFamily authenticated = sum_of(now.dmarc);
  const std::string messages = "of messages authenticated";
  page.names("SPF", messages, now.spf, authenticated, of(&Statistics::spf));
  page.names("DKIM", messages, now.dkim, authenticated, of(&Statistics::dkim));
  page.names("DMARC", messages, now.dmarc, authenticated, of(&Statistics::dmarc));
  page.names("ARC", messages, now.arc, authenticated, of(&Statistics::arc));
}

void greylist(Page& page, const insight::GreylistReturns::Report& now, const insight::GreylistReturns::Report& before) {
  const auto cases = [](const auto& report) { return report.families[0].cases + report.families[1].cases; };
  if (cases(now) + cases(before) == 0) return;
  page.heading("Greylist (a case: one sender's mail to one recipient that was told to come again)");
  std::vector<Table::Column> columns{{""}, {"cases", true}, {"times told", true}, {"came back", true}, {"", true}};
  page.compare(columns, "cases before");
  page.compare(columns, "came back before");
  std::vector<Barred> lines;
  constexpr std::array<const char*, 2> kNames{"IPv4", "IPv6"};
  for (std::size_t family = 0; family < kNames.size(); ++family) {
    const auto &of = now.families.at(family), &then = before.families.at(family);
    std::vector<Table::Cell> cells{{kNames.at(family)},
                                   {std::to_string(of.cases)},
                                   {std::to_string(of.told)},
                                   {std::to_string(of.returned)},
                                   {share_of(of.returned, of.cases), Colour::dim}};
    page.compare(cells, of.cases, then.cases);
    page.compare(cells, of.returned, then.returned);
    lines.push_back({std::move(cells)});
  }
  page.table(std::move(columns), std::move(lines));
  const auto returned = [](const auto& report) { return report.families[0].returned + report.families[1].returned; };
  if (returned(now) + returned(before) > 0) {
    page.heading("Delay of those who came back and were accepted");
    page.quantiles({{kNames[0], &now.families[0].delay, &before.families[0].delay},
                    {kNames[1], &now.families[1].delay, &before.families[1].delay}});
  }
  if (now.not_held == 0) return;
  page.line(std::to_string(now.not_held) + " events were too many, and are left out");
  page.gap();
}

void delivered(Page& page, const insight::Deliveries& of, const insight::Deliveries& before) {
  std::vector<Table::Column> columns{{"transport"}, {"delivered", true}, {"deferred", true}, {"failed", true}};
  page.compare(columns, "delivered before");
  page.compare(columns, "failed before");
  std::vector<Barred> lines;
  const auto row = [&](const std::string& name, const insight::DeliveryCounts& now,
                       const insight::DeliveryCounts& then) {
    std::vector<Table::Cell> cells{{printable(name, 40)},
                                   {std::to_string(now.delivered)},
                                   {std::to_string(now.deferred)},
                                   {std::to_string(now.failed)}};
    page.compare(cells, now.delivered, then.delivered);
    page.compare(cells, now.failed, then.failed);
    lines.push_back({std::move(cells)});
  };
  const auto counts = [](const auto& transports, const std::string& name) {
    const auto found = transports.find(name);
    return found == transports.end() ? insight::DeliveryCounts() : found->second;
  };
  for (const auto& [name, now] : of.transports) row(name, now, counts(before.transports, name));
  for (const auto& [name, then] : before.transports)
    if (!of.transports.contains(name)) row(name, {}, then);
  if (sum(of.remote) + sum(before.remote) > 0) {
    row("smtp, IPv4", of.families[0], before.families[0]);
    row("smtp, IPv6", of.families[1], before.families[1]);
  }
  page.table(std::move(columns), std::move(lines));
}

void deliveries(Page& page, const insight::Deliveries& of, const insight::Deliveries* compared) {
  const insight::Deliveries nothing;
  const insight::Deliveries& before = compared == nullptr ? nothing : *compared;
  if (of.attempts + before.attempts == 0) return;
  page.heading("Deliveries (recipients; an attempt may have several)");
  delivered(page, of, before);
  if (sum(of.remote) + sum(before.remote) > 0) {
    page.heading("Attempts at servers of others (shares: of those attempts of the family)");
    const auto share = [&](const char* name, const PerFamily& counts, const PerFamily& then) {
      return Page::Row{.name = name, .now = counts, .before = then, .of = of.remote, .all = sum(of.remote)};
    };
    page.rows("", {share("all", of.remote, before.remote), share("TLS, certified", of.verified, before.verified),
                   share("TLS, anonymous", minus(of.tls, of.verified), minus(before.tls, before.verified)),
                   share("clear", minus(of.remote, of.tls), minus(before.remote, before.tls))});
    const auto names = [compared](Names insight::Deliveries::* member) {
      return compared == nullptr ? nullptr : &(compared->*member);
    };
    page.names("TLS version, outbound", "of attempts at servers of others", of.tls_versions, of.remote,
               names(&insight::Deliveries::tls_versions));
    page.names("Cipher, outbound", "of attempts with TLS", of.ciphers, of.tls, names(&insight::Deliveries::ciphers));
    page.names("TLS demanded", "of attempts at servers of others", of.tls_policies, of.remote,
               names(&insight::Deliveries::tls_policies));
  }
  page.heading("Time in the queue, and of the attempt alone (attempts that delivered)");
  page.quantiles({{"local: in the queue", &of.queued[0], &before.queued[0]},
                  {"local: attempt", &of.duration[0], &before.duration[0]},
                  {"servers of others: in the queue", &of.queued[1], &before.queued[1]},
                  {"servers of others: attempt", &of.duration[1], &before.duration[1]}});
}

void prefixes(Page& page, const Traffic& traffic, const Traffic* before) {
  for (std::size_t level = 0; level < insight::kPrefixLevels.size(); ++level) {
    const auto rows = traffic.prefixes.top(level, insight::kPrefixesShown);
    if (rows.empty()) continue;
    const insight::PrefixLevel& of = insight::kPrefixLevels.at(level);
    const std::uint64_t all = traffic.statistics.sessions.at(of.family == ip::Family::v6 ? 1 : 0);
    // Of a prefix that is not held nothing is known where others were pushed out: it may have had some
    std::map<ip::Prefix, std::uint64_t> then;
    const bool exact = before == nullptr || before->prefixes.error(level) == 0;
    if (before != nullptr)
      for (const auto& row : before->prefixes.top(level, SIZE_MAX)) then[row.prefix] = row.counts.connections;
    std::string title = (of.family == ip::Family::v6 ? "IPv6 /" : "IPv4 /") + std::to_string(of.length) +
                        " with most connections (of the family's connections";
    if (const std::uint64_t error = traffic.prefixes.error(level); error > 0)
      title += "; counts may be short by " + std::to_string(error);
    if (!exact) title += "; those before by " + std::to_string(before->prefixes.error(level));
    page.heading(title + ")");
    std::vector<Table::Column> columns{
        {""}, {"connections", true}, {"", true}, {"messages", true, 3}, {"refused or put off", true, 3}};
    page.compare(columns, "before");
    std::vector<Barred> lines;
    for (const auto& row : rows) {
      std::vector<Table::Cell> cells{{row.prefix.text()},
                                     {std::to_string(row.counts.connections)},
                                     {share_of(row.counts.connections, all), Colour::dim},
                                     {std::to_string(row.counts.accepted)},
                                     {std::to_string(row.counts.refused)}};
      if (exact || then.contains(row.prefix))
        page.compare(cells, row.counts.connections, then[row.prefix]);
      else
        cells.insert(cells.end(), {{"?"}, {""}});
      lines.push_back({std::move(cells), row.counts.connections, all});
    }
    page.table(std::move(columns), std::move(lines), false);
  }
}

void days(Page& page, const Traffic& traffic) {
  if (traffic.days.size() < 2) return;
  page.heading("By day, UTC (connections; shares: of the day's connections of the family)");
  std::vector<Barred> lines;
  std::uint64_t most = 0;
  for (const auto& [number, day] : traffic.days) most = std::max(most, sum(day.sessions));
  for (const auto& [number, day] : traffic.days) {
    lines.push_back({{{iso8601(number * insight::kDayMs).substr(0, 10)},
                      {std::to_string(day.sessions[0])},
                      {share_of(day.tls[0], day.sessions[0]), Colour::dim},
                      {std::to_string(day.sessions[1])},
                      {share_of(day.tls[1], day.sessions[1]), Colour::dim},
                      {std::to_string(sum(day.accepted))}},
                     sum(day.sessions),
                     most});
  }
  page.table({{""}, {"IPv4", true}, {"TLS", true}, {"IPv6", true}, {"TLS", true}, {"messages", true}}, std::move(lines),
             false);
}

}  // namespace

std::string stats_text(const insight::TrafficReport& report, bool colour, std::optional<std::size_t> width) {
  const Traffic& now = report.now;
  Page page(report.before.has_value(), colour, width);
  const Statistics nothing;
  const Statistics& then = report.before ? report.before->statistics : nothing;
  std::string lines = std::to_string(report.lines.total()) + " lines, " + std::to_string(report.lines.sessions) +
                      " sessions, " + std::to_string(report.lines.damaged) + " damaged";
  for (const insight::DamagedFile& file : report.lines.damaged_files)
    lines += "; not read to its end: " + printable(file.path, 200);
  if (sum(now.statistics.sessions) + sum(now.statistics.sinkhole_sessions) == 0 && now.deliveries.attempts == 0)
    return "No sessions are recorded.\n" + lines + "\n";
  if (now.statistics.oldest > 0) {
    page.line(iso8601(now.statistics.oldest) + " to " + iso8601(now.statistics.newest));
    page.gap();
  }
  if (report.before) {
    page.line("before: the period of the same length before this one, " +
              std::to_string(sum(report.before->statistics.sessions)) + " connections");
    page.gap();
  }
  connections(page, now.statistics, then);
  by_name(page, now.statistics, report.before ? &report.before->statistics : nullptr);
  const Traffic* const before = report.before ? &*report.before : nullptr;
  greylist(page, now.greylist.report(),
           before == nullptr ? insight::GreylistReturns::Report() : before->greylist.report());
  deliveries(page, now.deliveries, before == nullptr ? nullptr : &before->deliveries);
  prefixes(page, now, before);
  days(page, now);
  sinkhole(page, now.statistics, then);
  page.line(lines);
  return page.take();
}

}  // namespace postern::cli
