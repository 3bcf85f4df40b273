// The dashboard: who connects over which family, with which TLS, what was refused and why; and what it is made of as
// JSON and as a stream of events.
#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "insight/traffic.h"
#include "web/assets.h"
#include "web/chart.h"
#include "web/reason_texts.h"
#include "web/site_impl.h"
#include "web/url.h"

namespace postern::web {

namespace {

using json::Value;

constexpr std::size_t kShownMax = 12;  // rows of a ranking
constexpr int kLookAgainS = 3;         // a page without a script, whose figures are being computed

struct WordLook {
  Word word;
  std::string_view name, css;
};
constexpr std::array<WordLook, kWords> kLooks{{{Word::accept, "accepted", "c-accept"},
                                               {Word::tag, "tagged", "c-tag"},
                                               {Word::greylist, "greylisted", "c-greylist"},
                                               {Word::throttle, "deferred", "c-throttle"},
                                               {Word::reject, "refused", "c-reject"},
                                               {Word::none, "no mail", "c-none"}}};

std::vector<double> values(const Series& series, const std::function<std::uint64_t(const Counts&)>& of) {
  std::vector<double> out;
  out.reserve(series.points.size());
  for (const Counts& counts : series.points) out.push_back(static_cast<double>(of(counts)));
  return out;
}

std::string charts(const Series& series) {
  const Counts sum = series.sum();
  std::vector<ChartSeries> verdicts;
  for (const WordLook& look : kLooks) {
    if (sum.of_word(look.word) == 0) continue;
    verdicts.push_back({.name = std::string(look.name),
                        .css = std::string(look.css),
                        .values = values(series, [&](const Counts& c) { return c.of_word(look.word); })});
  }
  std::vector<ChartSeries> families{
      {.name = "IPv6", .css = "c-v6", .values = values(series, [](const Counts& c) { return c.of_family(1); })},
      {.name = "IPv4", .css = "c-v4", .values = values(series, [](const Counts& c) { return c.of_family(0); })}};
  std::vector<ChartSeries> tls;
  constexpr std::array<std::pair<Tls, std::string_view>, 3> kTls{
      {{Tls::ok, "TLS"}, {Tls::none, "in clear"}, {Tls::failed, "handshake failed"}}};
  for (const auto& [word, name] : kTls)
    tls.push_back({.name = std::string(name),
                   .css = "c-tls-" + std::string(to_string(word)),
                   .values = values(series, [chosen = word](const Counts& c) { return c.of_tls(chosen); })});
  return "<div class=\"charts\">" +
         time_chart("by-verdict", "Sessions by verdict", series.from, series.step, verdicts) +
         time_chart("by-family", "Sessions by address family", series.from, series.step, families) +
         time_chart("by-tls", "Sessions by TLS", series.from, series.step, tls) + "</div>";
}

// IPv4 and IPv6 x TLS x verdict, in one table.
std::string cross_table(const Counts& sum) {
  std::vector<Bar> bars;
  constexpr std::array<std::string_view, 2> kFamilies{"IPv4", "IPv6"};
  constexpr std::array<std::string_view, kTlsWords> kTls{"in clear", "TLS", "handshake failed"};
  for (const std::size_t family : {std::size_t{1}, std::size_t{0}}) {
    for (std::size_t t = 0; t < kTlsWords; ++t) {
      Bar bar{.name = std::string(kFamilies.at(family)) + ", " + std::string(kTls.at(t)), .parts = {}};
      for (const WordLook& look : kLooks)
        bar.parts.push_back(
            {.name = std::string(look.name),
             .css = std::string(look.css),
             .value = static_cast<double>(sum.sessions.at(family).at(t).at(static_cast<std::size_t>(look.word)))});
      bars.push_back(std::move(bar));
    }
  }
  return bar_chart("cross", "Sessions by address family, TLS and verdict", bars);
}

std::string tile(std::string_view id, std::string_view name, const std::string& value, const std::string& beside) {
  return "<div class=\"tile\"><dt>" + std::string(name) + "</dt><dd id=\"tile-" + std::string(id) + "\"><b>" + value +
         "</b> <span>" + beside + "</span></dd></div>";
}

std::string tiles(const Counts& sum) {
  const std::uint64_t total = sum.total();
  const std::uint64_t messages = std::uint64_t{sum.messages[0]} + sum.messages[1];
  return "<dl class=\"tiles\" id=\"tiles\" aria-live=\"off\">" +
         tile("sessions", "Connections", count_text(total), "") +
         tile("ipv6", "over IPv6", share_text(sum.of_family(1), total), count_text(sum.of_family(1))) +
         tile("tls", "with TLS", share_text(sum.of_tls(Tls::ok), total), count_text(sum.of_tls(Tls::ok))) +
         tile("messages", "Messages accepted", count_text(messages), "") +
         tile("refused", "refused", share_text(sum.of_word(Word::reject), total),
              count_text(sum.of_word(Word::reject))) +
         tile("deferred", "deferred", share_text(sum.of_word(Word::greylist) + sum.of_word(Word::throttle), total),
              count_text(sum.of_word(Word::greylist) + sum.of_word(Word::throttle))) +
         "</dl>";
}

// {"ipv4": {"name": n}, "ipv6": {"name": n}} or {"name": n}: the largest first.
struct Ranked {
  std::string name;
  std::uint64_t v4 = 0, v6 = 0, total = 0;
};
std::vector<Ranked> ranked(const Value& names) {
  std::map<std::string, Ranked, std::less<>> all;
  const auto add = [&all](const std::string& name, const Value& value, std::uint64_t Ranked::* family) {
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(value.integer(), 0));
    Ranked& row = all[name];
    row.name = name;
    row.total += count;
    if (family != nullptr) row.*family += count;
  };
  for (const auto& [name, value] : names.object()) {
    if (!value.is_object()) add(name, value, nullptr);
    for (const auto& [within, count] : value.object()) add(within, count, name == "ipv6" ? &Ranked::v6 : &Ranked::v4);
  }
  std::vector<Ranked> out;
  for (auto& [name, row] : all) out.push_back(std::move(row));
  std::ranges::sort(
      out, [](const Ranked& a, const Ranked& b) { return a.total != b.total ? a.total > b.total : a.name < b.name; });
  if (out.size() > kShownMax) out.resize(kShownMax);
  return out;
}

std::string ranking(std::string_view title, const Value& names) {
  std::vector<std::vector<std::string>> rows;
  const auto all = ranked(names);
  const std::uint64_t largest = all.empty() ? 1 : std::max<std::uint64_t>(all.front().total, 1);
  for (const Ranked& row : all) {
    const double wide = 200.0 * static_cast<double>(row.total) / static_cast<double>(largest);
    rows.push_back({escape(row.name), count_text(row.total),
                    "<svg viewBox=\"0 0 200 12\" preserveAspectRatio=\"none\" class=\"bar\" aria-hidden=\"true\"><rect "
                    "class=\"c-plain\" x=\"0\" y=\"0\" height=\"12\" width=\"" +
                        decimal(std::max(wide, 0.5), 1) + "\"/></svg>"});
  }
  return table(title, {{.title = ""}, {.title = "sessions", .number = true}, {.title = ""}}, rows,
               std::string(title) + ": nothing in this time.");
}

std::string reasons(const Value& names) {
  std::vector<std::vector<std::string>> rows;
  for (const Ranked& row : ranked(names))
    rows.push_back({"<code>" + escape(row.name) + "</code>", escape(reason_text(row.name).title), count_text(row.total),
                    count_text(row.v4), count_text(row.v6)});
  return table("Why mail was refused or deferred",
               {{.title = "reason"},
                {.title = "in words"},
                {.title = "all", .number = true},
                {.title = "IPv4", .number = true},
                {.title = "IPv6", .number = true}},
               rows, "Nothing was refused in this time.");
}

// "v6_48" -> "IPv6 /48"
std::string level_name(std::string_view level) {
  const std::size_t length = level.find('_');
  if (length == std::string_view::npos) return std::string(level);
  return (level.starts_with("v6") ? "IPv6 /" : "IPv4 /") + std::string(level.substr(length + 1));
}

std::string prefixes_of(std::string_view level, const Value& of) {
  std::vector<std::vector<std::string>> rows;
  const auto count = [](const Value& value) { return count_text(static_cast<std::uint64_t>(value.integer())); };
  for (const Value& row : of.at("top").array()) {
    if (rows.size() == kShownMax) break;
    rows.push_back({escape(row.at("prefix").string()), count(row.at("connections")), count(row.at("accepted")),
                    count(row.at("refused"))});
  }
  if (rows.empty()) return {};
  std::string title = "Prefixes that connect most, " + level_name(level);
  if (const Value& error = of.at("short_by_at_most"); error.integer() > 0)
    title += " (counts may be short by " + count(error) + ")";
  return "<div>" +
         table(title,
               {{.title = "prefix"},
                {.title = "connections", .number = true},
                {.title = "accepted", .number = true},
                {.title = "refused", .number = true}},
               rows, "") +
         "</div>";
}

std::string prefixes(const Value& statistics) {
  // IPv6 first, from wide to narrow: the names would put /128 before /32
  std::vector<std::pair<std::string_view, const Value*>> levels;
  for (const auto& [level, of] : statistics.at("prefixes").object()) levels.emplace_back(level, &of);
  std::ranges::sort(levels, {}, [](const auto& entry) {
    return std::tuple(entry.first.starts_with("v4"), entry.first.size(), entry.first);
  });
  std::string out;
  for (const auto& [level, of] : levels) out += prefixes_of(level, *of);
  return out.empty() ? out : "<div class=\"two roomy\">" + out + "</div>\n";
}

// A row for each family.
std::string by_family(std::string_view title, const Value& both,
                      std::initializer_list<std::pair<std::string_view, std::string_view>> columns) {
  std::vector<Column> heads{{.title = ""}};
  for (const auto& [key, head] : columns) heads.push_back({.title = std::string(head), .number = true});
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, name] : {std::pair{"ipv6", "IPv6"}, {"ipv4", "IPv4"}}) {
    std::vector<std::string> row{name};
    for (const auto& [field, head] : columns)
      row.push_back(count_text(static_cast<std::uint64_t>(both.at(key).at(field).integer())));
    rows.push_back(std::move(row));
  }
  return table(title, heads, rows, "");
}

std::string deliveries_and_greylist(const Value& statistics) {
  std::string out;
  const Value& deliveries = statistics.at("deliveries");
  if (deliveries.at("attempts").integer() > 0)
    out += "<div>" +
           by_family("Mail to servers of others", deliveries,
                     {{"attempts", "attempts"},
                      {"tls", "with TLS"},
                      {"verified", "verified"},
                      {"delivered", "delivered"},
                      {"deferred", "deferred"},
                      {"failed", "failed"}}) +
           "</div>";
  const Value& greylist = statistics.at("greylist");
  if (greylist.at("ipv4").at("cases").integer() + greylist.at("ipv6").at("cases").integer() > 0)
    out += "<div>" +
           by_family("Greylisted: sender, recipient and network", greylist,
                     {{"cases", "cases"}, {"told", "times told"}, {"returned", "came back"}}) +
           "</div>";
  return out;
}

std::string recent_table(const Frame& frame, const History& history) {
  std::vector<std::vector<std::string>> rows;
  for (const Refusal& refusal : history.recent()) {
    if (rows.size() == kShownMax) break;
    rows.push_back({time_html(refusal.time), escape(refusal.client), escape(printable(refusal.helo, 60)),
                    badge(to_string(refusal.word)), escape(reason_text(refusal.reason).title),
                    link(frame, "/why/" + refusal.id, "why", "why " + refusal.id)});
  }
  return table("Last refusals and deferrals",
               {{.title = "when"},
                {.title = "client"},
                {.title = "HELO"},
                {.title = "verdict"},
                {.title = "reason"},
                {.title = ""}},
               rows, "Nobody was refused lately.");
}

std::string range_links(const Frame& frame, Range chosen) {
  std::string out = "<nav class=\"ranges\" aria-label=\"Time range\"><ul>";
  for (const Range range : {Range::hour, Range::day, Range::week, Range::month}) {
    out += "<li><a href=\"" + frame.base + "/?range=" + std::string(to_string(range)) + "\"" +
           (range == chosen ? " aria-current=\"true\"" : "") + ">" + std::string(to_string(range)) + "</a></li>";
  }
  return out + "</ul></nav>";
}

}  // namespace

// What is computed from the records, by itself: the page has what is there, and fetches it anew when it has changed.
std::string Site::Impl::statistics_html(const Found& found) const {
  std::string body = "<div id=\"statistics\" data-as-of=\"" + std::to_string(found.tried) + "\">";
  if (found.value == nullptr) {
    const bool computed = found.problem.empty();
    return body +
           notice(computed ? "note" : "bad", computed
                                                 ? "Reasons, TLS and prefixes of this time are being computed; they "
                                                   "appear here by themselves."
                                                 : "There are no statistics of this time: " + found.problem + ".") +
           "</div>\n";
  }
  const Value& all = *found.value;
  if (!found.problem.empty())
    body += "<p class=\"notice bad\" role=\"status\">As of " + time_html(found.at) +
            " UTC; newer figures cannot be computed: " + escape(found.problem) + ".</p>\n";
  else if (found.stale)
    body += "<p class=\"notice note\" role=\"status\">As of " + time_html(found.at) +
            " UTC; newer figures are being computed.</p>\n";
  if (const Value& damaged = all.at("lines").at("damaged_files"); damaged.is_array()) {
    for (const Value& file : damaged.array())
      body += notice("bad", "Not all records are in these figures: " + std::string(file.at("problem").string()));
  }
  body += "<section aria-label=\"Reasons\">" + reasons(all.at("reasons")) + "</section>";
  body += "<section aria-label=\"TLS\" class=\"two\"><div>" + ranking("TLS versions", all.at("tls_versions")) +
          "</div><div>" + ranking("Ciphers", all.at("ciphers")) + "</div>";
  // What the statistics have beside these
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFurther{
      {{"groups", "Key exchange"}, {"tls_failures", "Failed handshakes"}, {"countries", "Countries"}}};
  for (const auto& [key, title] : kFurther)
    if (!all.at(key).is_null()) body += "<div>" + ranking(title, all.at(key)) + "</div>";
  body += "</section>";
  if (const std::string both = deliveries_and_greylist(all); !both.empty())
    body += "<section aria-label=\"Deliveries and greylist\" class=\"two\">" + both + "</section>";
  if (const std::string top = prefixes(all); !top.empty())
    body += "<section aria-label=\"Prefixes\">" + top + "</section>";
  return body + "</div>\n";
}

std::string Site::Impl::counted(const Series& series) const {
  return std::to_string(records_version) + "." + std::to_string(series.from);
}

// What is counted as sessions end.
std::string Site::Impl::overview_html(const Frame& frame, Range range) const {
  const Series series = history->series(range, services.now());
  const Counts sum = series.sum();
  const std::string word(to_string(range));
  std::string out = "<section aria-label=\"Figures of the last " + word + "\" data-range=\"" + word +
                    "\" data-counted=\"" + counted(series) + "\"" +
                    (find_asset("uPlot.iife.min.js") != nullptr ? " data-plots=\"1\"" : "") +
                    " id=\"overview\"><div id=\"filling\">";
  if (!history_whole) out += notice("note", "Older records are still being read; the charts fill up.");
  return out + "</div>" + tiles(sum) + charts(series) + cross_table(sum) +
         "</section><section aria-label=\"Refusals\"><div id=\"recent\">" + recent_table(frame, *history) +
         "</div></section>";
}

Task<Response> Site::Impl::dashboard(Visit visit) {
  const Range range = parse_range(visit.request.parameter("range"));
  if (visit.request.path == kOverviewPath) co_return html(overview_html(visit.frame, range));
  const Found all = co_await statistics(range, Patience::page);
  if (visit.request.path == kStatisticsPath) co_return html(statistics_html(all));
  std::string body = range_links(visit.frame, range);
  body += "<p class=\"live\" id=\"live\" role=\"status\" aria-live=\"polite\" hidden></p>";
  body += overview_html(visit.frame, range) + statistics_html(all);
  // A script is told when there is more to see
  const bool waits = all.problem.empty() && (all.stale || all.value == nullptr);
  co_return html(page(visit.frame, "Dashboard", body, "dashboard.js", waits ? kLookAgainS : 0));
}

Task<Response> Site::Impl::overview(Visit visit) {
  const Range range = parse_range(visit.request.parameter("range"));
  const auto status = co_await services.control(Value(Value::Object{{"command", Value(std::string("queue.status"))}}));
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("hostname", options->hostname).field("time", iso8601(services.now()));
  writer.field("history_whole", history_whole).key("history");
  append_json(history->series(range, services.now()), range, writer);
  writer.key("recent").begin_array();
  for (const Refusal& refusal : history->recent()) append_json(refusal, writer);
  writer.end_array();
  if (status) {
    writer.key("queue");
    status->write(writer);
  } else {
    writer.field("queue_problem", explain_control(status.error()));
  }
  writer.end_object();
  co_return json_response(std::move(out));
}

}  // namespace postern::web
