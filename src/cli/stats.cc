// `postern stats`: shares of sessions by family, TLS version, cipher, verdict and reason; with --countries what a set
// of home countries would have cost.
#include <algorithm>
#include <cmath>

#include "cli/commands.h"
#include "cli/record_source.h"
#include "cli/table.h"
#include "insight/intervals.h"
#include "insight/statistics.h"

namespace postern::cli {

namespace {

using insight::Countries;
using insight::Statistics;

std::string percent(double share) {
  const double value = share * 100;
  std::string text = std::to_string(static_cast<int>(std::lround(value * 10)) / 10) + "." +
                     std::to_string(static_cast<int>(std::lround(value * 10)) % 10);
  return text + " %";
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : percent(static_cast<double>(part) / static_cast<double>(whole));
}

// Names with their counts for each family and their share of each family's sessions.
std::string names_table(const std::string& title, const insight::Names& names, const insight::PerFamily& of) {
  if (names.all().empty()) return {};
  Table table({{title}, {"all", true}, {"IPv4", true}, {"", true}, {"IPv6", true}, {"", true}}, colour_wanted());
  std::vector<std::pair<std::string, insight::PerFamily>> rows(names.all().begin(), names.all().end());
  std::ranges::sort(rows, [](const auto& a, const auto& b) {
    return std::pair(b.second[0] + b.second[1], a.first) < std::pair(a.second[0] + a.second[1], b.first);
  });
  for (const auto& [name, counts] : rows) {
    table.add({{name},
               {std::to_string(counts[0] + counts[1])},
               {std::to_string(counts[0])},
               {share_of(counts[0], of[0]), Colour::dim},
               {std::to_string(counts[1])},
               {share_of(counts[1], of[1]), Colour::dim}});
  }
  return table.take() + "\n";
}

void print_statistics(const Statistics& statistics, const insight::LineCount& lines) {
  const auto sum = [](const insight::PerFamily& both) { return both[0] + both[1]; };
  if (sum(statistics.sessions) == 0) {
    print("No sessions are recorded.\n");
    return;
  }
  print(iso8601(statistics.oldest) + " to " + iso8601(statistics.newest) + "\n\n");
  Table table({{""}, {"all", true}, {"IPv4", true}, {"", true}, {"IPv6", true}, {"", true}}, colour_wanted());
  const auto row = [&](const char* name, const insight::PerFamily& counts) {
    table.add({{name},
               {std::to_string(sum(counts))},
               {std::to_string(counts[0])},
               {share_of(counts[0], sum(counts)), Colour::dim},
               {std::to_string(counts[1])},
               {share_of(counts[1], sum(counts)), Colour::dim}});
  };
  row("sessions", statistics.sessions);
  row("with TLS", statistics.tls);
  row("messages accepted", statistics.accepted);
  print(table.take() + "\n");
  print(names_table("TLS", statistics.tls_versions, statistics.tls));
  print(names_table("cipher", statistics.ciphers, statistics.tls));
  print(names_table("verdict", statistics.verdicts, statistics.sessions));
  print(names_table("reason", statistics.reasons, statistics.sessions));
  print(std::to_string(lines.total()) + " lines, " + std::to_string(lines.sessions) + " sessions, " +
        std::to_string(lines.damaged) + " damaged\n");
}

std::string with_interval(std::uint64_t hits, std::uint64_t total) {
  const insight::Interval share = insight::wilson(static_cast<double>(hits), static_cast<double>(total));
  return std::to_string(hits) + " of " + std::to_string(total) + " (" + share_of(hits, total) +
         "; 95 %: " + percent(share.low) + " to " + percent(share.high) + ")";
}

void print_countries(const Countries::Proposal& proposal) {
  if (proposal.countries.empty()) {
    print("No country is known of any session: there is no country file, or nothing was judged.\n");
    return;
  }
  Table table({{"country"}, {"messages", true}, {"senders x days", true}, {"wanted", true}, {"spam", true}, {""}},
              colour_wanted());
  for (const Countries::Country& country : proposal.countries) {
    table.add({{evidence::country_text(country.code)},
               {std::to_string(country.messages)},
               {std::to_string(country.sender_days)},
               {std::to_string(country.ham)},
               {std::to_string(country.spam)},
               {country.proposed ? "home" : "", Colour::green}});
  }
  print(table.take() + "\n");
  if (proposal.ham == 0) {
    print(
        "Of no sender it is known yet that his mail is wanted: there is nothing to propose. `postern mark ID ham` says "
        "so, and senders become known by their mail.\n");
    return;
  }
  std::string home;
  for (const Countries::Country& country : proposal.countries)
    if (country.proposed) home += (home.empty() ? "\"" : ", \"") + evidence::country_text(country.code) + "\"";
  print("[policy]\nhome = [" + home + "]\n\nIt would have refused\n");
  print("  wanted  " + with_interval(proposal.ham_lost, proposal.ham) + "; of them " + std::to_string(proposal.exempt) +
        " from senders who are known, and pass\n");
  print("  spam    " + with_interval(proposal.spam_refused, proposal.spam) + "\n");
  print("Nobody is refused whose country is not known (" + std::to_string(proposal.unknown_country) + ").\n");
}

int run_countries(const RecordSource& source, bool json) {
  auto marks = read_marks(source);
  if (!marks) return kNegative;
  Countries countries(*std::move(marks));
  {
    ProgressBar bar("reading");
    const auto lines = insight::read_sessions(
        source.sources, [&](const record::SessionView& session) { countries.add(session); },
        [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
    if (!lines) {
      complain(lines.error().what);
      return kNegative;
    }
  }
  const Countries::Proposal proposal = countries.propose();
  if (json) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    append_json(proposal, writer);
    writer.end_object();
    print(out + "\n");
  } else {
    print_countries(proposal);
  }
  return kOk;
}

}  // namespace

int run_stats(const StatsOptions& options) {
  if (!options.maillog.files.empty())
    return run_stats_maillog(options.maillog, options.common.since, options.common.json, options.common.clock());
  const auto [source, code] = find_records(options.common, options.common.clock());
  if (!source) return code;
  if (options.countries) return run_countries(*source, options.common.json);
  Statistics statistics;
  insight::LineCount count;
  {
    ProgressBar bar("reading");
    const auto lines = insight::read_sessions(
        source->sources, [&](const record::SessionView& session) { statistics.add(session); },
        [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
    if (!lines) {
      complain(lines.error().what);
      return kNegative;
    }
    count = *lines;
  }
  if (options.common.json) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    append_json(statistics, count, writer);
    writer.end_object();
    print(out + "\n");
  } else {
    print_statistics(statistics, count);
  }
  return kOk;
}

}  // namespace postern::cli
