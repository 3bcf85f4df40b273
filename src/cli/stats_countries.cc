// `postern stats --countries`: what a set of home countries would have cost.
#include "cli/stats_countries.h"
#include "cli/commands.h"
#include "cli/record_source.h"
#include "cli/table.h"
#include "insight/countries.h"
#include "insight/intervals.h"

namespace postern::cli {

namespace {

using insight::Countries;

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

}  // namespace

int run_countries(const RecordSource& source, std::optional<WallMs> until, bool json) {
  auto marks = read_marks(source);
  if (!marks) return kNegative;
  Countries countries(*std::move(marks));
  Result<insight::LineCount> lines;
  {
    ProgressBar bar("reading");
    lines = insight::read_sessions(
        source.sources,
        [&](const record::SessionView& session) {
          if (!until || session.start < *until) countries.add(session);
        },
        [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); }, insight::Damage::told);
  }
  if (!lines) {
    complain(lines.error().what);
    return kNegative;
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
  for (const insight::DamagedFile& file : lines->damaged_files) complain(file.problem);
  return lines->damaged_files.empty() ? kOk : kNegative;
}

}  // namespace postern::cli
