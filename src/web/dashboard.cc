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

constexpr std::size_t kShownMax = 12;   // rows of a ranking
constexpr milliseconds kPatience{250};  // for statistics, before the page goes out without them

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
                {.title = "what the sender reads"},
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
                    link(frame, "/why/" + refusal.id, "why")});
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

class LiveEvents final : public EventSource {
 public:
  explicit LiveEvents(Site::Impl& site) : site_(site), listener_(site.services.loop) {
    site_.listeners.push_back(&listener_);
    place_ = std::prev(site_.listeners.end());
    listener_.seen = site_.version;
  }
  ~LiveEvents() override { site_.listeners.erase(place_); }
  LiveEvents(const LiveEvents&) = delete;
  LiveEvents& operator=(const LiveEvents&) = delete;

  Task<std::optional<std::string>> next() override {
    const auto now = Clock::now();
    if (site_.stopping || now - begun_ > milliseconds(kEventsMs)) co_return std::nullopt;
    if (first_) {
      first_ = false;
      co_return "retry: 5000\n\n" + event();
    }
    while (listener_.seen == site_.version) {
      const bool told = co_await listener_.signal.wait(Deadline::after(milliseconds(kKeepAliveMs)));
      if (site_.stopping) co_return std::nullopt;
      if (!told) co_return std::string(": nothing new\n\n");
    }
    listener_.seen = site_.version;
    co_return event();
  }

 private:
  [[nodiscard]] std::string event() const {
    std::string data;
    json::Writer writer(data);
    const Counts sum = site_.history->series(Range::hour, site_.services.now()).sum();
    writer.begin_object().field("time", iso8601(site_.services.now())).key("hour").begin_object();
    writer.field("sessions", sum.total()).field("ipv6", sum.of_family(1)).field("tls", sum.of_tls(Tls::ok));
    writer.field("messages", std::uint64_t{sum.messages[0]} + sum.messages[1]);
    writer.field("refused", sum.of_word(Word::reject));
    writer.field("deferred", sum.of_word(Word::greylist) + sum.of_word(Word::throttle)).end_object();
    writer.key("recent").begin_array();
    std::size_t count = 0;
    for (const Refusal& refusal : site_.history->recent()) {
      if (count++ == kShownMax) break;
      writer.begin_object().field("id", refusal.id).field("time", iso8601(refusal.time));
      writer.field("client", refusal.client).field("helo", printable(refusal.helo, 60));
      writer.field("verdict", to_string(refusal.word)).field("reason", refusal.reason);
      writer.field("title", reason_text(refusal.reason).title).end_object();
    }
    writer.end_array().end_object();
    return "event: tick\ndata: " + data + "\n\n";
  }

  Site::Impl& site_;
  Site::Impl::Listener listener_;
  std::list<Site::Impl::Listener*>::iterator place_;
  Clock::time_point begun_ = Clock::now();
  bool first_ = true;
};

}  // namespace

Task<void> Site::Impl::compute(std::string name, Work work) {
  auto text = co_await services.pool.run<Result<std::string>>(std::move(work));
  Kept& entry = kept[name];
  entry.running = false;
  entry.at = services.now();
  auto value = text ? json::parse(*text) : Result<Value>(std::unexpected(text.error()));
  if (value) {
    entry.value = std::make_shared<const Value>(std::move(*value));
    entry.problem.clear();
  } else {
    entry.problem = value.error().what;
  }
  ++version;
  for (Listener* const listener : listeners) listener->signal.notify();
}

Task<std::shared_ptr<const Value>> Site::Impl::keep(std::string name, WallMs fresh_ms, Work work, milliseconds patience,
                                                    std::string* problem) {
  {
    Kept& entry = kept[name];
    const bool fresh = (entry.value != nullptr || !entry.problem.empty()) && entry.at + fresh_ms > services.now();
    if (!fresh && !entry.running && !stopping) {
      entry.running = true;
      scope.spawn(compute(name, std::move(work)));
    }
  }
  // Where there is an older answer it is shown, and the next visitor sees the new one
  if (kept[name].value == nullptr && kept[name].running) {
    Listener listener(services.loop);
    listeners.push_back(&listener);
    const auto place = std::prev(listeners.end());
    const Deadline deadline = Deadline::after(patience);
    while (kept[name].running && !stopping) {
      const bool told = co_await listener.signal.wait(deadline);
      if (!told) break;
    }
    listeners.erase(place);
  }
  const Kept& entry = kept[name];
  *problem = entry.running && entry.value == nullptr ? "it is being computed; ask again in a moment" : entry.problem;
  co_return entry.value;
}

Task<std::shared_ptr<const Value>> Site::Impl::statistics(Range range, std::string* problem) {
  constexpr std::array<WallMs, 4> kFresh{5'000, 15'000, 60'000, 300'000};
  Work work = [records = options->records, since = services.now() - length_of(range),
               stop = &stopping]() -> Result<std::string> {
    // One thread: the mail server has the machine first
    POSTERN_TRY(const insight::TrafficReport report,
                insight::read_traffic({.sources = {.paths = {records}, .since = since, .stop = stop},
                                       .until = {},
                                       .before_since = {},
                                       .threads = 1}));
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    append_json(report.now, report.lines, writer);
    writer.end_object();
    return out;
  };
  return keep("statistics " + std::string(to_string(range)), kFresh.at(static_cast<std::size_t>(range)),
              std::move(work), kPatience, problem);
}

Task<Response> Site::Impl::dashboard(Visit visit) {
  const Range range = parse_range(visit.request.parameter("range"));
  const Series series = history->series(range, services.now());
  const Counts sum = series.sum();
  std::string problem;
  const auto all = co_await statistics(range, &problem);
  std::string body = range_links(visit.frame, range);
  body += "<p class=\"live\" id=\"live\" role=\"status\" aria-live=\"polite\" hidden></p>";
  if (!history_whole) body += notice("note", "Older records are still being read; the charts fill up.");
  body += "<section aria-label=\"Figures of the last " + std::string(to_string(range)) + "\" data-range=\"" +
          std::string(to_string(range)) + "\"" +
          (find_asset("uPlot.iife.min.js") != nullptr ? " data-plots=\"1\"" : "") + " id=\"overview\">" + tiles(sum) +
          charts(series) + cross_table(sum) + "</section>";
  body += "<section aria-label=\"Refusals\"><div id=\"recent\">" + recent_table(visit.frame, *history) + "</div>";
  if (all != nullptr) {
    body += reasons(all->at("reasons")) + "</section>";
    body += "<section aria-label=\"TLS\" class=\"two\"><div>" + ranking("TLS versions", all->at("tls_versions")) +
            "</div><div>" + ranking("Ciphers", all->at("ciphers")) + "</div>";
    // What the statistics have beside these
    constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFurther{
        {{"groups", "Key exchange"}, {"tls_failures", "Failed handshakes"}, {"countries", "Countries"}}};
    for (const auto& [key, title] : kFurther)
      if (!all->at(key).is_null()) body += "<div>" + ranking(title, all->at(key)) + "</div>";
    body += "</section>";
    if (const std::string both = deliveries_and_greylist(*all); !both.empty())
      body += "<section aria-label=\"Deliveries and greylist\" class=\"two\">" + both + "</section>";
    if (const std::string top = prefixes(*all); !top.empty())
      body += "<section aria-label=\"Prefixes\">" + top + "</section>";
  } else {
    body += notice("note", "Statistics of this time: " + problem + ".") + "</section>";
  }
  co_return html(page(visit.frame, "Dashboard", body, "dashboard.js"));
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

Response Site::Impl::live(const Visit& visit) {
  static_cast<void>(visit);
  if (listeners.size() + checks.watched() >= kStreamsMax) return json_error(503, "too many live streams are open");
  Response out;
  out.type = "text/event-stream";
  out.events = std::make_unique<LiveEvents>(*this);
  return out;
}

}  // namespace postern::web
