#include "cli/stats_text.h"

#include <algorithm>
#include <cmath>
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
  Page(bool compared, bool colour) : compared_(compared), colour_(colour) {}

  void heading(const std::string& text) { out_ += coloured(text, Colour::bold, colour_) + "\n"; }
  void line(const std::string& text) { out_ += text + "\n"; }
  void gap() { out_ += "\n"; }

  struct Row {
    std::string name;
    PerFamily now{}, before{};
    PerFamily of{};     // what the shares of each family are of
    std::uint64_t all;  // what the bar is of
  };
  void rows(const std::string& title, const std::vector<Row>& rows) {
    std::vector<Table::Column> columns{{title},    {"all", true},  {"", true}, {"IPv4", true},
                                       {"", true}, {"IPv6", true}, {"", true}};
    if (compared_) {
      columns.push_back({"before", true});
      columns.push_back({"change", true});
    }
    columns.push_back({""});
    Table table(std::move(columns), colour_);
    for (const Row& row : rows) {
      std::vector<Table::Cell> cells{{row.name},
                                     {std::to_string(sum(row.now))},
                                     {share_of(sum(row.now), row.all), Colour::dim},
                                     {std::to_string(row.now[0])},
                                     {share_of(row.now[0], row.of[0]), Colour::dim},
                                     {std::to_string(row.now[1])},
                                     {share_of(row.now[1], row.of[1]), Colour::dim}};
      if (compared_) {
        cells.push_back({std::to_string(sum(row.before))});
        cells.push_back({change(sum(row.now), sum(row.before)), Colour::dim});
      }
      cells.push_back({bar(sum(row.now), row.all), Colour::green});
      table.add(std::move(cells));
    }
    out_ += table.take() + "\n";
  }
  // The most frequent first; shares are of `of`. Nothing where there are no names.
  void names(const std::string& title, const std::string& of_what, const Names& names, const PerFamily& of,
             const Names* before) {
    if (names.empty()) return;
    const Names::Told before_all = before == nullptr ? Names::Told() : before->all();
    std::vector<Row> all;
    for (const auto& [name, counts] : names.all()) {
      Row row{.name = printable(name, 60), .now = counts, .before = {}, .of = of, .all = sum(of)};
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
    line(std::to_string(left_out) + " more: --json\n");
  }
  void quantiles(const std::vector<std::pair<std::string, const Quantiles*>>& rows) {
    Table table({{""}, {"count", true}, {"median", true}, {"90 %", true}, {"99 %", true}, {"most", true}}, colour_);
    for (const auto& [name, of] : rows) {
      if (of->count() == 0) continue;
      table.add({{name},
                 {std::to_string(of->count())},
                 {milliseconds_text(of->at(0.5))},
                 {milliseconds_text(of->at(0.9))},
                 {milliseconds_text(of->at(0.99))},
                 {milliseconds_text(of->most())}});
    }
    out_ += table.take() + "\n";
  }
  void table(Table& table) { out_ += table.take() + "\n"; }
  [[nodiscard]] bool colour() const { return colour_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool compared_, colour_;
};

PerFamily minus(const PerFamily& a, const PerFamily& b, const PerFamily& c = {}) {
  return {a[0] - b[0] - c[0], a[1] - b[1] - c[1]};
}

void connections(Page& page, const Statistics& now, const Statistics& before) {
  const auto row = [&](const char* name, const PerFamily& counts, const PerFamily& then) {
    return Page::Row{.name = name, .now = counts, .before = then, .of = now.sessions, .all = sum(now.sessions)};
  };
  page.heading("Connections (shares: of all connections of the family)");
  page.rows("", {row("all", now.sessions, before.sessions), row("TLS", now.tls, before.tls),
                 row("TLS failed", now.tls_failed, before.tls_failed),
                 row("without TLS", minus(now.sessions, now.tls, now.tls_failed),
                     minus(before.sessions, before.tls, before.tls_failed)),
                 row("named a spamtrap", now.traps, before.traps)});
  const auto of_messages = [](const Statistics& of) {
    return PerFamily{of.accepted[0] + of.deferred[0] + of.refused[0], of.accepted[1] + of.deferred[1] + of.refused[1]};
  };
  const PerFamily messages = of_messages(now);
  const auto message = [&](const char* name, const PerFamily& counts, const PerFamily& then) {
    return Page::Row{.name = name, .now = counts, .before = then, .of = messages, .all = sum(messages)};
  };
  page.heading("Messages (shares: of all messages that were sent to their end)");
  page.rows("", {message("all", messages, of_messages(before)), message("accepted", now.accepted, before.accepted),
                 message("of them over TLS", now.accepted_tls, before.accepted_tls),
                 message("told to come again", now.deferred, before.deferred),
                 message("refused", now.refused, before.refused)});
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

void by_name(Page& page, const Statistics& now, const Statistics* before) {
  const auto of = [before](Names Statistics::* member) { return before == nullptr ? nullptr : &(before->*member); };
  page.names("TLS version", "of connections with TLS", now.tls_versions, now.tls, of(&Statistics::tls_versions));
  page.names("Key exchange", "of connections with TLS", now.groups, now.tls, of(&Statistics::groups));
  page.names("Cipher", "of connections with TLS", now.ciphers, now.tls, of(&Statistics::ciphers));
  page.names("Failed handshakes", "of connections with a failed handshake", now.tls_failures, now.tls_failed,
             of(&Statistics::tls_failures));
  page.names("Verdict", "of connections", now.verdicts, now.sessions, of(&Statistics::verdicts));
  page.names("Reason", "recipients, messages and connections refused; shares: of connections", now.reasons,
             now.sessions, of(&Statistics::reasons));
  page.names("Country", "of connections", now.countries, now.sessions, of(&Statistics::countries));
  PerFamily authenticated{};
  for (const auto& [name, counts] : now.dmarc.all()) insight::add(authenticated, counts);
  const std::string messages = "of messages authenticated";
  page.names("SPF", messages, now.spf, authenticated, of(&Statistics::spf));
  page.names("DKIM", messages, now.dkim, authenticated, of(&Statistics::dkim));
  page.names("DMARC", messages, now.dmarc, authenticated, of(&Statistics::dmarc));
  page.names("ARC", messages, now.arc, authenticated, of(&Statistics::arc));
}

void greylist(Page& page, const insight::GreylistReturns::Report& report) {
  const auto& [ipv4, ipv6] = report.families;
  if (ipv4.cases + ipv6.cases == 0) return;
  page.heading("Greylist (a case: one sender's mail to one recipient that was told to come again)");
  Table table({{""}, {"cases", true}, {"times told", true}, {"came back", true}, {"", true}}, page.colour());
  for (const auto& [name, of] : {std::pair("IPv4", &ipv4), std::pair("IPv6", &ipv6)}) {
    table.add({{name},
               {std::to_string(of->cases)},
               {std::to_string(of->told)},
               {std::to_string(of->returned)},
               {share_of(of->returned, of->cases), Colour::dim}});
  }
  page.table(table);
  if (ipv4.returned + ipv6.returned > 0) {
    page.heading("Delay of those who came back and were accepted");
    page.quantiles({{"IPv4", &ipv4.delay}, {"IPv6", &ipv6.delay}});
  }
  if (report.not_held > 0) page.line(std::to_string(report.not_held) + " events were too many, and are left out\n");
}

void deliveries(Page& page, const insight::Deliveries& of) {
  if (of.attempts == 0) return;
  page.heading("Deliveries (recipients; an attempt may have several)");
  Table table({{"transport"}, {"delivered", true}, {"deferred", true}, {"failed", true}}, page.colour());
  const auto row = [&table](const std::string& name, const insight::DeliveryCounts& counts) {
    table.add({{printable(name, 40)},
               {std::to_string(counts.delivered)},
               {std::to_string(counts.deferred)},
               {std::to_string(counts.failed)}});
  };
  for (const auto& [name, counts] : of.transports) row(name, counts);
  if (sum(of.remote) > 0) {
    row("smtp, IPv4", of.families[0]);
    row("smtp, IPv6", of.families[1]);
  }
  page.table(table);
  if (sum(of.remote) > 0) {
    page.heading("Attempts at servers of others (shares: of those attempts of the family)");
    const auto share = [&](const char* name, const PerFamily& counts) {
      return Page::Row{.name = name, .now = counts, .before = {}, .of = of.remote, .all = sum(of.remote)};
    };
    page.rows("", {share("all", of.remote), share("TLS, certified", of.verified),
                   share("TLS, anonymous", minus(of.tls, of.verified)), share("clear", minus(of.remote, of.tls))});
    page.names("TLS version, outbound", "of attempts at servers of others", of.tls_versions, of.remote, nullptr);
    page.names("Cipher, outbound", "of attempts with TLS", of.ciphers, of.tls, nullptr);
    page.names("TLS demanded", "of attempts at servers of others", of.tls_policies, of.remote, nullptr);
  }
  page.heading("Time in the queue, from arrival to delivery (attempts that delivered), and of the attempt alone");
  page.quantiles({{"local: in the queue", &of.queued[0]},
                  {"local: attempt", &of.duration[0]},
                  {"servers of others: in the queue", &of.queued[1]},
                  {"servers of others: attempt", &of.duration[1]}});
}

void prefixes(Page& page, const Traffic& traffic) {
  for (std::size_t level = 0; level < insight::kPrefixLevels.size(); ++level) {
    const auto rows = traffic.prefixes.top(level, insight::kPrefixesShown);
    if (rows.empty()) continue;
    const insight::PrefixLevel& of = insight::kPrefixLevels.at(level);
    const std::uint64_t all = traffic.statistics.sessions.at(of.family == ip::Family::v6 ? 1 : 0);
    std::string title = (of.family == ip::Family::v6 ? "IPv6 /" : "IPv4 /") + std::to_string(of.length) +
                        " with most connections (of the family's connections";
    if (const std::uint64_t error = traffic.prefixes.error(level); error > 0)
      title += "; counts may be short by " + std::to_string(error);
    page.heading(title + ")");
    Table table({{""}, {"connections", true}, {"", true}, {"messages", true}, {"refused or put off", true}, {""}},
                page.colour());
    for (const auto& row : rows) {
      table.add({{row.prefix.text()},
                 {std::to_string(row.counts.connections)},
                 {share_of(row.counts.connections, all), Colour::dim},
                 {std::to_string(row.counts.accepted)},
                 {std::to_string(row.counts.refused)},
                 {bar(row.counts.connections, all), Colour::green}});
    }
    page.table(table);
  }
}

void days(Page& page, const Traffic& traffic) {
  if (traffic.days.size() < 2) return;
  page.heading("By day, UTC (connections; shares: of the day's connections of the family)");
  Table table({{""}, {"IPv4", true}, {"TLS", true}, {"IPv6", true}, {"TLS", true}, {"messages", true}, {""}},
              page.colour());
  std::uint64_t most = 0;
  for (const auto& [number, day] : traffic.days) most = std::max(most, sum(day.sessions));
  for (const auto& [number, day] : traffic.days) {
    table.add({{iso8601(number * insight::kDayMs).substr(0, 10)},
               {std::to_string(day.sessions[0])},
               {share_of(day.tls[0], day.sessions[0]), Colour::dim},
               {std::to_string(day.sessions[1])},
               {share_of(day.tls[1], day.sessions[1]), Colour::dim},
               {std::to_string(sum(day.accepted))},
               {bar(sum(day.sessions), most), Colour::green}});
  }
  page.table(table);
}

}  // namespace

std::string percent(double share) {
  const auto tenths = std::lround(share * 1000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : percent(static_cast<double>(part) / static_cast<double>(whole));
}

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width) {
  if (part == 0 || whole == 0) return {};
  const double share = std::min(static_cast<double>(part) / static_cast<double>(whole), 1.0);
  return std::string(
      std::max<std::size_t>(static_cast<std::size_t>(std::lround(share * static_cast<double>(width))), 1), '#');
}

std::string stats_text(const insight::TrafficReport& report, bool colour) {
  const Traffic& now = report.now;
  Page page(report.before.has_value(), colour);
  const std::string lines = std::to_string(report.lines.total()) + " lines, " + std::to_string(report.lines.sessions) +
                            " sessions, " + std::to_string(report.lines.damaged) + " damaged";
  if (sum(now.statistics.sessions) == 0 && now.deliveries.attempts == 0)
    return "No sessions are recorded.\n" + lines + "\n";
  if (now.statistics.oldest > 0)
    page.line(iso8601(now.statistics.oldest) + " to " + iso8601(now.statistics.newest) + "\n");
  if (report.before) {
    page.line("before: the period of the same length that ended when this one began, " +
              std::to_string(sum(report.before->statistics.sessions)) + " connections\n");
  }
  const Statistics nothing;
  connections(page, now.statistics, report.before ? report.before->statistics : nothing);
  by_name(page, now.statistics, report.before ? &report.before->statistics : nullptr);
  greylist(page, now.greylist.report());
  deliveries(page, now.deliveries);
  prefixes(page, now);
  days(page, now);
  page.line(lines);
  return page.take();
}

}  // namespace postern::cli
