#include "insight/traffic.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "insight/outcomes.h"
#include "record/delivery_reader.h"
#include "record/session_reader.h"

namespace postern::insight {

namespace {

using record::SessionReader;

// What one thread counts.
struct Counter {
  SessionReader sessions;
  record::DeliveryReader deliveries;
  Traffic now;
  std::optional<Traffic> before;
  LineCount lines, before_lines;
};

// Which of the two a time belongs to; null: neither.
Traffic* period_of(WallMs time, const TrafficOptions& options, Counter& counter) {
  if (options.until && time >= *options.until) return nullptr;
  if (!options.sources.since || time >= *options.sources.since) return &counter.now;
  return counter.before && time >= *options.before_since ? &*counter.before : nullptr;
}

void count_line(std::string_view line, const TrafficOptions& options, Counter& counter) {
  switch (counter.sessions.read(line)) {
    case SessionReader::Kind::damaged:
      ++counter.lines.damaged;
      return;
    case SessionReader::Kind::session: {
      Traffic* const period = period_of(counter.sessions.session().start, options, counter);
      if (period == nullptr) return;
      ++(period == &counter.now ? counter.lines : counter.before_lines).sessions;
      period->add(counter.sessions.session());
      return;
    }
    case SessionReader::Kind::other:
      break;
  }
  if (!counter.deliveries.read(line)) {
    ++counter.lines.others;
    return;
  }
  Traffic* const period = period_of(counter.deliveries.delivery().start, options, counter);
  if (period == nullptr) return;
  ++(period == &counter.now ? counter.lines : counter.before_lines).others;
  period->deliveries.add(counter.deliveries.delivery());
}

bool put_off_or_refused(const record::SessionView& session) {
  return !session.refusal.empty() ||
         std::ranges::any_of(session.recipients, [](const auto& recipient) { return recipient.code >= 400; }) ||
         std::ranges::any_of(session.transactions, [](const auto& transaction) { return transaction.code >= 400; }) ||
         std::ranges::any_of(session.beyond, [](const auto& row) { return row.code >= 400; });
}

void write_prefixes(const HeavyPrefixes& prefixes, json::Writer& out) {
  out.key("prefixes").begin_object();
  for (std::size_t level = 0; level < kPrefixLevels.size(); ++level) {
    const PrefixLevel& of = kPrefixLevels.at(level);
    out.key((of.family == ip::Family::v6 ? "v6_" : "v4_") + std::to_string(of.length)).begin_object();
    out.field("short_by_at_most", prefixes.error(level)).key("top").begin_array();
    for (const HeavyPrefixes::Row& row : prefixes.top(level, kPrefixesShown)) {
      out.begin_object().field("prefix", row.prefix.text()).field("connections", row.counts.connections);
      out.field("accepted", row.counts.accepted).field("refused", row.counts.refused).end_object();
    }
    out.end_array().end_object();
  }
  out.end_object();
}

void write_greylist(const GreylistReturns::Report& report, json::Writer& out) {
  out.key("greylist").begin_object();
  for (const bool ipv6 : {false, true}) {
    const GreylistReturns::Family& family = report.families.at(ipv6 ? 1 : 0);
    out.key(ipv6 ? "ipv6" : "ipv4").begin_object().field("cases", family.cases).field("told", family.told);
    out.field("returned", family.returned).key("delay_ms");
    append_json(family.delay, out);
    out.end_object();
  }
  out.field("not_held", report.not_held).end_object();
}

}  // namespace

void Traffic::add(const record::SessionView& session) {
  const SessionFacts facts = facts_of(session);
  statistics.add(session, facts);
  if (record::is_sinkhole(session.listener)) return;
  greylist.add(session, facts.greylist);
  if (const auto client = ip::Address::parse(session.client))
    prefixes.add(*client, session.accepted, put_off_or_refused(session));
  const std::int64_t number = session.start / kDayMs;
  auto day = days.find(number);
  if (day == days.end()) {
    if (days.size() >= kTrafficDaysMax) return;
    day = days.emplace(number, Day{}).first;
  }
  const std::size_t family = session.ipv6 ? 1 : 0;
  ++day->second.sessions[family];
  if (session.tls) ++day->second.tls[family];
  day->second.accepted[family] += session.accepted;
}

void Traffic::merge(Traffic&& other) {
  statistics.merge(other.statistics);
  deliveries.merge(other.deliveries);
  prefixes.merge(other.prefixes);
  greylist.merge(std::move(other.greylist));
  for (const auto& [number, from] : other.days) {
    if (!days.contains(number) && days.size() >= kTrafficDaysMax) continue;
    Day& to = days[number];
    insight::add(to.sessions, from.sessions);
    insight::add(to.tls, from.tls);
    insight::add(to.accepted, from.accepted);
  }
}

Result<TrafficReport> read_traffic(const TrafficOptions& options, const Progress& progress) {
  // A counter is touched by its own thread alone, and too large for a stack.
  std::vector<std::unique_ptr<Counter>> counters;
  const unsigned threads = std::max(options.threads, 1U);
  const std::size_t periods = options.before_since ? 2 : 1;
  const std::size_t events = kGreylistEventsMax / periods;
  for (unsigned i = 0; i < threads; ++i) {
    counters.push_back(std::make_unique<Counter>());
    counters.back()->now.greylist = GreylistReturns(events / threads);
    if (options.before_since) counters.back()->before.emplace().greylist = GreylistReturns(events / threads);
  }
  Sources sources = options.sources;
  if (options.before_since) sources.since = options.before_since;
  POSTERN_TRY(Walked walked,
              walk_lines(
                  sources, static_cast<unsigned>(counters.size()),
                  [&](unsigned walker, std::string_view line) { count_line(line, options, *counters[walker]); },
                  progress, options.piece));
  TrafficReport out;
  out.lines.damaged = walked.overlong;
  out.lines.damaged_files = std::move(walked.damaged);
  out.now.greylist = GreylistReturns(events);
  if (options.before_since) out.before.emplace().greylist = GreylistReturns(events);
  for (const auto& counter : counters) {
    out.now.merge(std::move(counter->now));
    if (out.before) out.before->merge(std::move(*counter->before));
    out.lines.sessions += counter->lines.sessions;
    out.lines.others += counter->lines.others;
    out.lines.damaged += counter->lines.damaged;
    out.before_lines.sessions += counter->before_lines.sessions;
    out.before_lines.others += counter->before_lines.others;
  }
  return out;
}

void append_json(const Traffic& traffic, const LineCount& lines, json::Writer& out) {
  append_json(traffic.statistics, lines, out);
  out.key("deliveries");
  append_json(traffic.deliveries, out);
  write_greylist(traffic.greylist.report(), out);
  write_prefixes(traffic.prefixes, out);
  out.key("days").begin_object();
  for (const auto& [number, day] : traffic.days) {
    out.key(iso8601(number * kDayMs).substr(0, 10)).begin_object();
    out.key("connections").begin_array().number(day.sessions[0]).number(day.sessions[1]).end_array();
    out.key("tls").begin_array().number(day.tls[0]).number(day.tls[1]).end_array();
    out.key("accepted").begin_array().number(day.accepted[0]).number(day.accepted[1]).end_array().end_object();
  }
  out.end_object();
}

}  // namespace postern::insight
