#include "insight/signal_value.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "insight/fate.h"
#include "insight/judging.h"
#include "policy/score.h"

namespace postern::insight {

namespace {

using evidence::Evidence;
using evidence::Signal;
using evidence::Stage;
using evidence::Type;
using policy::Moment;

Evidence without(const Evidence& evidence, Signal signal) {
  Evidence out = evidence;
  const Type type = evidence::info(signal).type;
  if (type == Type::text)
    out.set_text(signal, {});
  else
    out.set_number(signal, type == Type::number ? evidence::kUnknown : 0);
  return out;
}

double decay(std::int64_t day, std::int64_t today) {
  return std::exp2(-static_cast<double>(std::max<std::int64_t>(today - day, 0)) / kHalfLifeDays);
}

// Events in which a row of the signal was known: of lists those that this one list answered.
bool same_question(Signal signal, Slot a, Slot b) {
  return evidence::info(signal).type != Type::names || a % kNotListed == b % kNotListed;
}

// `of`: of all events in which the question was answered.
SignalRow weighed(Signal signal, std::string value, const Row& row, const Row& of) {
  SignalRow out{.signal = signal, .value = std::move(value)};
  out.seen = {.spam = row.of(Truth::spam),
              .spam_events = of.of(Truth::spam),
              .ham = row.of(Truth::ham),
              .ham_events = of.of(Truth::ham)};
  for (const bool ipv6 : {false, true}) {
    out.by_family.at(ipv6 ? 1 : 0) = {.spam = row.of(Truth::spam, ipv6),
                                      .spam_events = of.of(Truth::spam, ipv6),
                                      .ham = row.of(Truth::ham, ipv6),
                                      .ham_events = of.of(Truth::ham, ipv6)};
  }
  out.weight = policy::weight_of(out.seen);
  out.lift = std::exp(out.weight.nats);
  out.lift_low = std::exp(out.weight.low);
  out.lift_high = std::exp(out.weight.high);
  out.gain = information_gain(out.seen);
  out.needed = events_needed(out.weight, out.seen);
  out.left_out = rests_on(signal) != 0;
  return out;
}

}  // namespace

SignalStudy::SignalStudy(const policy::Policy& policy, evidence::ListNames lists,
                         const std::vector<evidence::CountryCode>& home, const Outcomes& outcomes)
    : policy_(policy), outcomes_(outcomes), home_(home), builder_(outcomes, std::move(lists)) {}

void SignalStudy::add(const record::SessionView& session) {
  if (const Evidence* const evidence = builder_.add(session)) leave_one_out(session, *evidence);
}

bool SignalStudy::stopped(const Evidence& evidence, bool at_data) const {
  const auto fate = [&](Moment moment) {
    return fate_of(policy_.judge(moment, evidence, recipient_of(evidence)).action);
  };
  return fate(Moment::rcpt) != Fate::accepted || (at_data && fate(Moment::data) != Fate::accepted);
}

void SignalStudy::leave_one_out(const record::SessionView& session, const Evidence& evidence) {
  const bool at_data = std::ranges::any_of(
      session.decisions, [](const record::DecisionView& decision) { return decision.stage == Stage::data; });
  if (!stopped(evidence, at_data)) return;
  const Signs own = builder_.own_signs();
  const Signs of_sender = outcomes_.signs_of_sender(builder_.key());
  for (const evidence::SignalInfo& info : evidence::signals()) {
    const Signal signal = info.signal;
    if (!policy_.asks(signal)) continue;
    const Truth truth = Outcomes::truth(own, of_sender, rests_on(signal));
    if (truth == Truth::unknown) continue;
    const std::string_view text = counted_text(signal) ? evidence.text(signal) : std::string_view();
    slots_of(evidence, signal, slots_);
    if ((slots_.empty() && text.empty()) || stopped(without(evidence, signal), at_data)) continue;
    const auto count = [&](Unique& unique) {
      ++(truth == Truth::spam ? unique.caught : unique.harmed)[session.ipv6 ? 1 : 0];
    };
    if (!text.empty()) count(unique_of(signal, text));
    for (const Slot slot : slots_) {
      if (info.type == Type::names && slot >= kNotListed) continue;  // an answer that names nobody stops nobody
      count(unique_.at(static_cast<std::size_t>(signal))[slot]);
    }
  }
}

SignalStudy::Unique& SignalStudy::unique_of(Signal signal, std::string_view text) {
  auto& of = unique_texts_.at(*counted_text(signal));
  const auto found = of.find(text);
  if (found != of.end()) return found->second;
  return of.size() < kTextsHeld ? of.emplace(text, Unique{}).first->second : of[std::string(kOthers)];
}

Result<void> SignalStudy::add_aggregates(const std::string& folder) {
  names_ = builder_.names();
  auto days = read_days(folder, names_);
  if (!days)
    return fail(days.error().kind, days.error().what + "; moved away, the file is missed by nothing but its own days");
  aggregates_ = *std::move(days);
  return {};
}

SignalReport SignalStudy::finish(const LineCount& lines, WallMs now) {
  SignalReport report;
  report.lines = lines;
  report.oldest = outcomes_.oldest();
  report.newest = outcomes_.newest();
  if (names_.size() < builder_.names().size()) names_ = builder_.names();
  const std::int64_t today = std::max(now, report.newest) / kDayMs;
  Tally sum;
  const auto sessions = [](const Day& day) { return day.statistics.sessions[0] + day.statistics.sessions[1]; };
  const auto add_day = [&](const Day& day) {
    ++report.days;
    for (const Truth truth : {Truth::unknown, Truth::spam, Truth::ham})
      report.events += static_cast<std::uint64_t>(std::llround(day.tally.events.of(truth)));
    sum.add(day.tally, decay(day.number, today));
  };
  for (const auto& [number, day] : builder_.days()) {
    const auto whole = aggregates_.find(number);
    if (whole != aggregates_.end() && sessions(whole->second) > sessions(day)) continue;
    aggregates_.erase(number);
    add_day(day);
  }
  for (const auto& [number, day] : aggregates_) {
    if (number > today) continue;
    add_day(day);
    ++report.days_of_aggregates;
    if (report.oldest == 0 || number * kDayMs < report.oldest) report.oldest = number * kDayMs;
  }
  report.spam = sum.events.of(Truth::spam);
  report.ham = sum.events.of(Truth::ham);
  report.unknown = sum.events.of(Truth::unknown);
  add_rows(sum, report);
  add_counts(sum, report);
  return report;
}

void SignalStudy::add_rows(const Tally& sum, SignalReport& report) const {
  for (const evidence::SignalInfo& info : evidence::signals()) {
    const auto& rows = sum.signals.at(static_cast<std::size_t>(info.signal));
    const auto& unique = unique_.at(static_cast<std::size_t>(info.signal));
    const std::size_t first = report.rows.size();
    if (const auto text = counted_text(info.signal)) add_text_rows(*text, sum.texts.at(*text), report);
    for (const auto& [slot, row] : rows) {
      Row of;
      for (const auto& [other, counts] : rows)
        if (same_question(info.signal, slot, other)) of.add(counts, 1);
      SignalRow& out = report.rows.emplace_back(weighed(info.signal, slot_name(info.signal, slot, names_), row, of));
      if (const auto found = unique.find(slot); found != unique.end()) {
        out.unique_catch = found->second.caught;
        out.unique_harm = found->second.harmed;
      }
    }
    std::sort(
        report.rows.begin() + static_cast<std::ptrdiff_t>(first), report.rows.end(),
        [](const SignalRow& a, const SignalRow& b) { return std::tie(b.gain, a.value) < std::tie(a.gain, b.value); });
  }
}

void SignalStudy::add_text_rows(std::size_t text, const TextRows& texts, SignalReport& report) const {
  const TextRows::Rows rows = texts.kept();
  Row of;
  for (const auto& [value, row] : rows) of.add(row, 1);
  SignalRow* others = nullptr;
  report.rows.reserve(report.rows.size() + rows.size());  // `others` stays
  for (const auto& [value, row] : rows) {
    SignalRow& out = report.rows.emplace_back(weighed(kCountedTexts.at(text), value, row, of));
    if (value == kOthers) others = &out;
  }
  for (const auto& [value, unique] : unique_texts_.at(text)) {
    auto found = std::ranges::find_if(report.rows.end() - static_cast<std::ptrdiff_t>(rows.size()), report.rows.end(),
                                      [&](const SignalRow& row) { return row.value == value; });
    SignalRow* const row = found != report.rows.end() ? &*found : others;
    if (row == nullptr) continue;  // of a day for which the aggregates speak
    for (std::size_t family = 0; family < 2; ++family) {
      row->unique_catch.at(family) += unique.caught.at(family);
      row->unique_harm.at(family) += unique.harmed.at(family);
    }
  }
}

void SignalStudy::add_counts(const Tally& sum, SignalReport& report) const {
  policy::Counts& counts = report.counts;
  counts.spam = report.spam;
  counts.ham = report.ham;
  for (const evidence::SignalInfo& info : evidence::signals()) {
    if (info.type != Type::category && info.type != Type::country) continue;
    const auto& rows = sum.signals.at(static_cast<std::size_t>(info.signal));
    if (rows.empty()) continue;
    double spam = 0;
    double ham = 0;
    for (const auto& [slot, row] : rows) {
      counts.rows.push_back({.signal = std::string(info.name),
                             .value = slot_name(info.signal, slot, names_),
                             .spam = row.of(Truth::spam),
                             .ham = row.of(Truth::ham)});
      spam += row.of(Truth::spam);
      ham += row.of(Truth::ham);
    }
    // Shares are of the events in which the signal, and a truth that does not rest on it, were known.
    counts.rows.push_back({.signal = std::string(info.name),
                           .value = "unknown",
                           .spam = std::max(0.0, counts.spam - spam),
                           .ham = std::max(0.0, counts.ham - ham)});
  }
  policy::CountrySet home;
  for (const evidence::CountryCode code : home_) home.insert(code);
  std::map<std::string, policy::Count> cells;
  for (const auto& [cell, row] : sum.cells) {
    Evidence evidence;
    evidence.set_number(Signal::os, cell.os);
    evidence.set_number(Signal::rdns, cell.rdns);
    evidence.set_number(Signal::known, cell.known);
    evidence.set_country(cell.country);
    policy::Count& count = cells[policy::cell_name(evidence, home)];
    count.spam += row.of(Truth::spam);
    count.ham += row.of(Truth::ham);
  }
  for (auto& [name, count] : cells) {
    if (count.spam + count.ham <= 0) continue;
    count.value = name;
    counts.cells.push_back(count);
  }
}

void append_json(const SignalReport& report, json::Writer& out) {
  out.begin_object();
  out.key("events").begin_object().field("total", report.events).field("spam", report.spam).field("ham", report.ham);
  out.field("unknown", report.unknown).end_object();
  out.field("half_life_days", kHalfLifeDays).field("days", report.days);
  out.field("days_of_aggregates", report.days_of_aggregates);
  if (report.oldest > 0) out.field("oldest", iso8601(report.oldest)).field("newest", iso8601(report.newest));
  out.key("lines").begin_object().field("total", report.lines.total()).field("sessions", report.lines.sessions);
  out.field("others", report.lines.others).field("damaged", report.lines.damaged).end_object();
  out.key("signals").begin_array();
  const auto seen = [&out](const policy::Seen& of) {
    out.field("spam", of.spam).field("spam_of", of.spam_events).field("ham", of.ham).field("ham_of", of.ham_events);
  };
  for (const SignalRow& row : report.rows) {
    const bool decided = row.needed == 0;
    out.begin_object().field("signal", evidence::info(row.signal).name).field("value", row.value);
    seen(row.seen);
    out.field("evidence", decided);
    out.field("llr", row.weight.nats).field("llr_low", row.weight.low).field("llr_high", row.weight.high);
    out.field("lift", row.lift).field("lift_low", row.lift_low).field("lift_high", row.lift_high);
    out.field("information_gain", row.gain);
    if (!decided && row.needed != kNever) out.field("events_needed", row.needed);
    out.field("unique_catch", row.unique_catch[0] + row.unique_catch[1]);
    out.field("unique_harm", row.unique_harm[0] + row.unique_harm[1]);
    for (const bool ipv6 : {false, true}) {
      const std::size_t at = ipv6 ? 1 : 0;
      out.key(ipv6 ? "ipv6" : "ipv4").begin_object();
      seen(row.by_family.at(at));
      const policy::Weight weight = policy::weight_of(row.by_family.at(at));
      out.field("llr", weight.nats).field("llr_low", weight.low).field("llr_high", weight.high);
      out.field("unique_catch", row.unique_catch.at(at)).field("unique_harm", row.unique_harm.at(at)).end_object();
    }
    if (row.left_out) out.field("truth_without_own_signs", true);
    out.end_object();
  }
  out.end_array().end_object();
}

}  // namespace postern::insight
