// What is renewed while somebody looks: statistics computed on the pool, each kept for a while, and the stream of
// events that says what has changed.
#include <algorithm>

#include "base/text.h"
#include "insight/traffic.h"
#include "web/reason_texts.h"
#include "web/site_impl.h"

namespace postern::web {

namespace {

using json::Value;

constexpr std::size_t kShownMax = 12;       // refusals in an event
constexpr std::size_t kStepsTold = 3;       // of the charts, in an event
constexpr milliseconds kPatience{250};      // of a page, for figures newer than those it has
constexpr milliseconds kApiPatience{2000};  // of a program
constexpr WallMs kProblemKept = 5000;       // before it is tried again

class LiveEvents final : public EventSource {
 public:
  LiveEvents(Site::Impl& site, Range range) : site_(site), range_(range), listener_(site.services.loop) {
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
      site_.renew_statistics(range_);
      co_return "retry: 5000\n\n" + event();
    }
    while (listener_.seen == site_.version) {
      const bool told = co_await listener_.signal.wait(Deadline::after(milliseconds(kKeepAliveMs)));
      if (site_.stopping) co_return std::nullopt;
      site_.renew_statistics(range_);
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
    append_steps(writer);
    writer.field("statistics_ms", site_.statistics_at(range_));
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

  // The newest steps of the charts' range, and its sums: [family: IPv4, IPv6][TLS: none, ok, failed][verdict, as in
  // history.h]. A session counts where it began, which may be some steps ago.
  void append_steps(json::Writer& writer) const {
    const Series series = site_.history->series(range_, site_.services.now());
    writer.field("counted", site_.counted(series));
    writer.field("range", to_string(range_)).field("from_ms", series.from).field("step_ms", series.step);
    const Counts all = series.sum();
    const auto counts = [&writer](const Counts& of) {
      writer.begin_array();
      for (const auto& family : of.sessions) {
        writer.begin_array();
        for (const auto& tls : family) {
          writer.begin_array();
          for (const std::uint32_t count : tls) writer.number(std::uint64_t{count});
          writer.end_array();
        }
        writer.end_array();
      }
      writer.end_array();
    };
    writer.field("messages", std::uint64_t{all.messages[0]} + all.messages[1]).key("sums");
    counts(all);
    writer.key("last").begin_array();
    const std::size_t shown = std::min(series.points.size(), kStepsTold);
    for (std::size_t i = series.points.size() - shown; i < series.points.size(); ++i) counts(series.points[i]);
    writer.end_array();
  }

  Site::Impl& site_;
  const Range range_;
  Site::Impl::Listener listener_;
  std::list<Site::Impl::Listener*>::iterator place_;
  Clock::time_point begun_ = Clock::now();
  bool first_ = true;
};

}  // namespace

void Site::Impl::tell_changed() {
  ++version;
  for (Listener* const listener : listeners) listener->signal.notify();
}

namespace {

// Whatever became of it, the computation is over, and whoever waits for it is told.
class Running {
 public:
  Running(Site::Impl& site, Kept& entry) : site_(site), entry_(entry) {}
  ~Running() {
    entry_.running = false;
    entry_.at = site_.services.now();
    site_.tell_changed();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Site::Impl& site_;
  Kept& entry_;
};

}  // namespace

Task<void> Site::Impl::compute(std::string name, Work work) {
  Kept& entry = kept[name];  // a map's, which nobody takes out of it
  const Running running(*this, entry);
  entry.of_records = records_version;
  entry.problem = "it did not come to an end";
  auto text = co_await services.pool.run<Result<std::string>>(std::move(work));
  auto value = text ? json::parse(*text) : Result<Value>(std::unexpected(text.error()));
  if (!value) {
    entry.problem = value.error().what;
    co_return;
  }
  entry.value = std::make_shared<const Value>(std::move(*value));
  entry.computed = services.now();
  entry.problem.clear();
}

bool Site::Impl::begin_compute(const std::string& name, WallMs fresh_ms, Work work) {
  Kept& entry = kept[name];
  const WallMs until = entry.at + (entry.problem.empty() ? fresh_ms : std::min(fresh_ms, kProblemKept));
  const bool fresh = (entry.value != nullptr || !entry.problem.empty()) && until > services.now();
  if (fresh || entry.running || stopping) return entry.running;
  entry.running = true;
  scope.spawn(compute(name, std::move(work)));
  return true;
}

Task<Found> Site::Impl::keep(std::string name, WallMs fresh_ms, Work work, milliseconds first, milliseconds older) {
  if (begin_compute(name, fresh_ms, std::move(work))) {
    Listener listener(services.loop);
    listeners.push_back(&listener);
    const auto place = std::prev(listeners.end());
    const Deadline deadline = Deadline::after(kept[name].value == nullptr ? first : older);
    while (kept[name].running && !stopping) {
      const bool told = co_await listener.signal.wait(deadline);
      if (!told) break;
    }
    listeners.erase(place);
  }
  const Kept& entry = kept[name];
  co_return Found{.value = entry.value,
                  .at = entry.computed,
                  .tried = entry.at,
                  .stale = entry.value != nullptr && entry.running,
                  .problem = entry.running ? std::string() : entry.problem};
}

Site::Impl::Work Site::Impl::statistics_work(Range range) {
  return [records = options->records, since = services.now() - length_of(range),
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
}

namespace {

constexpr std::array<WallMs, 4> kFresh{5'000, 15'000, 60'000, 300'000};
WallMs fresh_of(Range range) { return kFresh.at(static_cast<std::size_t>(range)); }
std::string statistics_name(Range range) { return "statistics " + std::string(to_string(range)); }

}  // namespace

// A page goes out with what is there, and waits a little for what is newer than that.
Task<Found> Site::Impl::statistics(Range range, Patience patience) {
  const bool api = patience == Patience::program;
  return keep(statistics_name(range), fresh_of(range), statistics_work(range), api ? kApiPatience : milliseconds(0),
              api ? kApiPatience : kPatience);
}

void Site::Impl::renew_statistics(Range range) {
  const auto entry = kept.find(statistics_name(range));
  // Nothing new was written: the figures stay as they are
  if (entry != kept.end() && entry->second.value != nullptr && entry->second.of_records == records_version) return;
  static_cast<void>(begin_compute(statistics_name(range), fresh_of(range), statistics_work(range)));
}

WallMs Site::Impl::statistics_at(Range range) const {
  const auto entry = kept.find(statistics_name(range));
  return entry == kept.end() ? 0 : entry->second.at;
}

Response Site::Impl::live(const Visit& visit) {
  if (listeners.size() + checks.watched() >= kStreamsMax) return json_error(503, "too many live streams are open");
  Response out;
  out.type = "text/event-stream";
  out.events = std::make_unique<LiveEvents>(*this, parse_range(visit.request.parameter("range")));
  return out;
}

}  // namespace postern::web
