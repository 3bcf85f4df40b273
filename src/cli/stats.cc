// `postern stats`: who connected over which family with which TLS, what was refused and why, how long mail took, over
// own records; with --countries what a set of home countries would have cost.
#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_source.h"
#include "cli/stats_countries.h"
#include "cli/stats_text.h"
#include "cli/table.h"
#include "insight/traffic.h"

namespace postern::cli {

namespace {

// The period that was asked for; an exit code where it makes no sense.
int set_period(const StatsOptions& options, insight::TrafficOptions& out) {
  const WallMs now = options.common.clock();
  if (!options.until.empty()) {
    out.until = parse_since(options.until, now);
    if (!out.until) {
      complain("--until: \"" + printable(options.until, 64) +
               "\" is no time; write \"1d\", \"2026-11-21\" or \"2026-11-21T06:43:08Z\"");
      return kUsage;
    }
  }
  if (out.sources.since && out.until && *out.until <= *out.sources.since) {
    complain("--until is not later than --since: there is nothing between them");
    return kUsage;
  }
  if (!options.compare) return kOk;
  if (!out.sources.since) {
    complain("--compare: say with --since when the period begins; the one before has the same length");
    return kUsage;
  }
  const WallMs length = out.until.value_or(now) - *out.sources.since;
  if (length <= 0) {
    complain("--compare: --since lies in the future");
    return kUsage;
  }
  out.before_since = *out.sources.since - length;
  return kOk;
}

std::string json_of(const insight::TrafficReport& report) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  append_json(report.now, report.lines, writer);
  if (report.before) {
    writer.key("before").begin_object();
    append_json(*report.before, report.before_lines, writer);
    writer.end_object();
  }
  writer.end_object();
  return out + "\n";
}

// Who names a mail log without --maillog is told so. Of a period the good lines are counted within it alone, so that
// nothing is known of the file then.
void hint_at_maillog(const std::vector<std::string>& named, const insight::TrafficReport& report, bool period) {
  const insight::LineCount& lines = report.lines;
  if (period || named.empty() || lines.damaged == 0 || lines.sessions + lines.others > 0) return;
  const std::string file = printable(named.front(), 4096);
  complain("no line of " + file + " is a record; of a log of Postfix: postern stats --maillog " + file);
}

}  // namespace

int run_stats(const StatsOptions& options) {
  if (!options.maillog.files.empty()) return run_stats_maillog(options);
  const auto [source, code] = find_records(options.common, options.common.clock());
  if (!source) return code;
  insight::TrafficOptions traffic;
  traffic.sources = source->sources;
  if (const int bad = set_period(options, traffic); bad != kOk) return bad;
  if (options.countries) return run_countries(*source, traffic.until, options.common.json);
  Result<insight::TrafficReport> report;
  {
    ProgressBar bar("reading");
    report = read_traffic(traffic, [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
  }
  if (!report) {
    complain(report.error().what);
    return kNegative;
  }
  print(options.common.json ? json_of(*report) : stats_text(*report, colour_wanted(), terminal_width()));
  hint_at_maillog(options.common.records, *report, traffic.sources.since || traffic.until);
  for (const insight::DamagedFile& file : report->lines.damaged_files) complain(file.problem);
  return report->lines.damaged_files.empty() ? kOk : kNegative;
}

}  // namespace postern::cli
