#include "cli/stats_maillog.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/insight_tools.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record_source.h"
#include "cli/stats_maillog_page.h"
#include "cli/table.h"
#include "insight/log_import.h"
#include "maillog/fields.h"
#include "maillog/reason.h"

namespace postern::cli {

namespace {

// One line of the log as JSON.
void print_line(std::string_view text, const maillog::TallyOptions& options, std::vector<maillog::Field>& fields,
                std::string& out) {
  maillog::Line line = maillog::split_line(text);
  if (!options.holds(line)) return;
  const auto time = time_of(line, options.time);
  const bool dated = time || day_of(line, options.time);
  maillog::Event event;
  if (dated) read_event(line, event);
  const std::uint32_t repeated = event.kind == maillog::Kind::unknown ? take_repeated(line) : 0;
  if (repeated > 0) read_event(line, event);
  json::Writer writer(out);
  writer.begin_object();
  if (time) writer.field("time", iso8601(*time));
  const auto field = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) writer.field(name, value);
  };
  field("host", line.host);
  field("program", line.program);
  field("pid", line.pid);
  if (repeated > 0) writer.field("repeated", std::to_string(repeated));
  const bool ours = line.origin == maillog::Origin::postfix || line.origin == maillog::Origin::exim;
  writer.field("event", ours                                             ? event_name(event)
                        : dated && line.origin == maillog::Origin::other ? "other"
                                                                         : "unknown");
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

int run_lines(const std::vector<std::string>& files, unsigned threads, const maillog::TallyOptions& tally_options) {
  std::array<std::vector<maillog::Field>, insight::kThreadsMax> fields;
  bool wanted = true;  // whoever reads wants more
  int code = kOk;
  for (const std::string& file : files) {
    const auto done = insight::convert_log(
        file, threads,
        [&](unsigned walker, std::string_view line, std::string& out) {
          print_line(line, tally_options, fields.at(walker), out);
        },
        [&wanted](std::string_view text) {
          wanted = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
          return wanted;
        });
    if (!done) {
      complain(done.error().what);
      code = kNegative;
    }
    if (!wanted) break;
  }
  return code;
}

// How far the local clock is ahead of UTC at `time`.
std::int64_t utc_offset(WallMs time) {
  const auto seconds = static_cast<std::time_t>(time / 1000);
  std::tm local{};
  return ::localtime_r(&seconds, &local) == nullptr ? 0 : local.tm_gmtoff;
}

// "2026-11-21" is the day as it is written in the log, whatever its zone and ours; all else is a time.
struct Bound {
  std::optional<WallMs> time;
  std::optional<std::int32_t> day;
};
std::optional<Bound> parse_bound(const std::string& text, WallMs now) {
  constexpr std::size_t kDate = 10;
  constexpr WallMs kDay = 86'400'000;
  if (text.empty()) return Bound();
  const auto time = parse_since(text, now);
  if (!time) return std::nullopt;
  if (text.size() == kDate && text[4] == '-') return Bound{.time = {}, .day = static_cast<std::int32_t>(*time / kDay)};
  return Bound{.time = time, .day = {}};
}

// The moment it stands for here; a log of another zone has its days elsewhere.
std::optional<WallMs> moment_of(const Bound& bound, std::int64_t utc_offset_s) {
  if (bound.day) return (std::int64_t{*bound.day} * 86'400 - utc_offset_s) * 1000;
  return bound.time;
}

std::string json_of(const insight::LogTally& of, const std::vector<insight::UnreadLog>& unread) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  append_json(of.tally, writer);
  writer.key("unread").begin_array();
  for (const insight::UnreadLog& file : unread) {
    writer.begin_object().field("file", file.file).field("error", file.error.what);
    writer.field("counted", file.counted).end_object();
  }
  writer.end_array();
  writer.end_object();
  return out + "\n";
}

}  // namespace

int run_stats_maillog(const StatsOptions& all) {
  const MaillogOptions& options = all.maillog;
  const WallMs now = all.common.clock();
  insight::LogImport import{.files = options.files, .options = {}, .threads = options.threads};
  import.options.time = {.now = now, .utc_offset_s = utc_offset(now)};
  import.options.keep_unknown = options.unknown;
  std::array<Bound, 2> bounds;
  std::size_t i = 0;
  for (const std::string* const text : {&all.common.since, &all.until}) {
    const auto bound = parse_bound(*text, now);
    if (!bound) {
      complain("\"" + printable(*text, 64) + "\" is no time: write 7d, 2026-11-21 or 2026-11-21T06:43:08Z");
      return kUsage;
    }
    bounds.at(i++) = *bound;
  }
  import.options.since = bounds[0].time;
  import.options.since_day = bounds[0].day;
  import.options.until = bounds[1].time;
  import.options.until_day = bounds[1].day;
  const auto since = moment_of(bounds[0], import.options.time.utc_offset_s);
  const auto until = moment_of(bounds[1], import.options.time.utc_offset_s);
  if (since && until && *until <= *since) {
    complain("--until is not later than --since: there is nothing between them");
    return kUsage;
  }
  // What cannot be opened is told before the rest is read, which may take long.
  std::vector<insight::UnreadLog> unread = insight::unreadable_logs(import.files);
  for (const insight::UnreadLog& file : unread) {
    complain(file.error.what);
    std::erase(import.files, file.file);
  }
  if (import.files.empty()) return kNegative;
  const int code = unread.empty() ? kOk : kNegative;
  if (options.lines) return std::max(code, run_lines(import.files, import.threads, import.options));
  insight::LogTally tally;
  {
    ProgressBar progress("reading");
    tally = insight::tally_logs(import, [&](std::uint64_t done, std::uint64_t total) { progress.show(done, total); });
  }
  for (insight::UnreadLog& file : tally.unread) {
    complain(file.error.what);
    unread.push_back(std::move(file));
  }
  if (all.common.json)
    print(json_of(tally, unread));
  else
    print(tally_text(tally.tally, unread,
                     {.all = options.all,
                      .unknown = options.unknown,
                      .colour = colour_wanted(),
                      .utf8 = is_utf8_locale(),
                      .width = terminal_width()}));
  return unread.empty() ? kOk : kNegative;
}

}  // namespace postern::cli
