// `postern signals`: what each signal is worth on this traffic.
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_source.h"
#include "cli/table.h"
#include "insight/aggregates.h"
#include "insight/signal_value.h"
#include "io/process.h"
#include "policy/counts_file.h"

namespace postern::cli {

namespace {

constexpr std::size_t kValueShown = 80;  // a SYN signature can be longer; --json has all of it

using insight::SignalReport;
using insight::SignalRow;

std::string fixed(double value, int decimals) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return {text.data(), static_cast<std::size_t>(std::max(size, 0))};
}

std::string signed_fixed(double value, int decimals) { return (value > 0 ? "+" : "") + fixed(value, decimals); }

// Decayed counts are fractions; small ones show it.
std::string count_text(double value) { return fixed(value, value != std::floor(value) && value < 100 ? 1 : 0); }

std::string lift_text(double lift) {
  return lift < 0.095 || lift >= 9.95 ? fixed(lift, lift < 0.095 ? 3 : 0) : fixed(lift, 2);
}

std::string family_text(const SignalRow& row, std::size_t family) {
  const policy::Seen& seen = row.by_family.at(family);
  if (seen.spam_events + seen.ham_events <= 0) return "-";
  const policy::Weight weight = policy::weight_of(seen);
  return weight.nearest_zero() == 0 ? "?" : signed_fixed(weight.nats, 1);
}

std::string needed_text(const SignalRow& row) {
  if (row.needed == insight::kNever) return "no evidence yet";
  return "no evidence yet (need about " + std::to_string(row.needed) + " more)";
}

std::string or_blank(std::uint64_t count) { return count == 0 ? "" : std::to_string(count); }

void print_report(const SignalReport& report, const std::string& policy) {
  if (report.events == 0) {
    print("Nothing was judged in these records: there is nothing to measure yet.\n");
    return;
  }
  print(
      iso8601(report.oldest).substr(0, 10) + " to " + iso8601(std::max(report.newest, report.oldest)).substr(0, 10) +
      ", " + std::to_string(report.events) + " events (one a sender and day) of " + std::to_string(report.days) +
      " days" +
      (report.days_of_aggregates > 0 ? ", " + std::to_string(report.days_of_aggregates) + " of them aggregates" : "") +
      "; with a half-life of 30 days: " + count_text(report.spam) + " spam, " + count_text(report.ham) + " ham, " +
      count_text(report.unknown) + " unknown\nCatch and harm: of the policy of " + policy + "\n\n");
  Table table({{"signal"},
               {"value"},
               {"spam", true},
               {"ham", true},
               {"lift", true},
               {"nats", true},
               {"95 %"},
               {"bits", true},
               {"IPv4", true},
               {"IPv6", true},
               {"catch", true},
               {"harm", true}},
              colour_wanted());
  for (const SignalRow& row : report.rows) {
    const bool decided = row.needed == 0;
    const Colour colour = decided ? Colour::none : Colour::dim;
    const std::string name = std::string(evidence::info(row.signal).name) + (row.left_out ? "*" : "");
    const std::uint64_t caught = row.unique_catch[0] + row.unique_catch[1];
    const std::uint64_t harmed = row.unique_harm[0] + row.unique_harm[1];
    table.add(
        {{name, colour},
         {printable(row.value, kValueShown), colour},
         {count_text(row.seen.spam), colour},
         {count_text(row.seen.ham), colour},
         {decided ? lift_text(row.lift) : "", colour},
         {decided ? signed_fixed(row.weight.nats, 2) : "", colour},
         {decided ? signed_fixed(row.weight.low, 2) + " to " + signed_fixed(row.weight.high, 2) : needed_text(row),
          colour},
         {decided ? fixed(row.gain, 3) : "", colour},
         {family_text(row, 0), colour},
         {family_text(row, 1), colour},
         {or_blank(caught), caught > 0 ? Colour::green : Colour::none},
         {or_blank(harmed), harmed > 0 ? Colour::red : Colour::none}});
  }
  print(table.take());
  print("\n* the truth behind these rows leaves out what rests on the signal itself\n");
}

bool write_counts(const SignalReport& report, const std::string& file, WallMs now) {
  const std::string text = policy::counts_text(report.counts, now);
  const std::string beside = file + ".new";
  std::FILE* const out = std::fopen(beside.c_str(), "wbe");
  const bool written = out != nullptr && std::fwrite(text.data(), 1, text.size(), out) == text.size();
  const bool closed = out != nullptr && std::fclose(out) == 0;
  if (!written || !closed || std::rename(beside.c_str(), file.c_str()) != 0) {
    complain(fail_errno(ErrorKind::storage, "writing " + file, errno).error().what);
    return false;
  }
  return true;
}

// What is due is written on the way, where the folder is ours to write; nothing hangs on it.
void keep_aggregates(const RecordSource& source, const insight::Marks& marks, WallMs now) {
  if (source.sources.paths.size() != 1 || source.sources.since) return;
  const std::string records = insight::record_folder(source.sources.paths.front());
  if (!records.ends_with("/records")) return;
  // What root would write there, the server could not replace.
  if (io::running_as_root()) return;
  ProgressBar bar("keeping days");
  const auto kept = insight::aggregate_days(records, source.aggregate_folder(), marks, now,
                                            [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
  if (!kept) complain("the days' aggregates were not written: " + kept.error().what);
}

}  // namespace

int run_signals(const SignalsOptions& options) {
  const WallMs now = options.common.clock();
  const auto [source, code] = find_records(options.common, now);
  if (!source) return code;
  const auto policy = policy_of(options.common);
  auto marks = read_marks(*source);
  if (!policy || !marks) return kNegative;
  keep_aggregates(*source, *marks, now);

  insight::Outcomes outcomes(*std::move(marks));
  insight::LineCount lines;
  const auto walk = [&](const char* what, const insight::Visitor& visit) {
    ProgressBar bar(what);
    auto read = insight::read_sessions(source->sources, visit,
                                       [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
    if (!read) {
      complain(read.error().what);
      return false;
    }
    lines = *read;
    return true;
  };
  if (!walk("what became of senders", [&](const record::SessionView& session) { outcomes.add(session); }))
    return kNegative;
  insight::SignalStudy study(*policy->judge, policy->lists, policy->home, outcomes);
  if (!walk("counting", [&](const record::SessionView& session) { study.add(session); })) return kNegative;
  if (const auto added = study.add_aggregates(source->aggregate_folder()); !added)
    return complain(added.error().what), kNegative;
  const SignalReport report = study.finish(lines, now);
  if (options.common.json) {
    std::string out;
    json::Writer writer(out);
    append_json(report, writer);
    print(out + "\n");
  } else {
    print_report(report, policy->from);
  }
  if (!options.write.empty() && !write_counts(report, options.write, now)) return kNegative;
  return kOk;
}

}  // namespace postern::cli
