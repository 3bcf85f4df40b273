#include "insight/replay.h"

#include <algorithm>
#include <functional>

#include "insight/judging.h"

namespace postern::insight {

namespace {

using evidence::Signal;
using record::DecisionView;
using record::SessionView;

constexpr std::size_t at(Truth truth) { return static_cast<std::size_t>(truth); }
constexpr std::size_t at(Fate fate) { return static_cast<std::size_t>(fate); }

bool same_labels(std::string_view recorded, const std::vector<std::string_view>& now, std::string& scratch) {
  if (recorded.empty()) return now.empty();
  std::size_t count = 0;
  bool same = true;
  json::Scanner scanner(recorded, scratch);
  const bool whole = scanner.array([&] {
    std::string_view label;
    if (!scanner.string(label)) return false;
    same = same && count < now.size() && now[count] == label;
    ++count;
    return true;
  });
  return whole && same && count == std::min(now.size(), record::kLabelsMax);
}

bool same_score(const DecisionView& decision, const evidence::Verdict& verdict) {
  return decision.score == verdict.score && decision.score_low == verdict.score_low;
}

}  // namespace

std::uint64_t Confusion::before(Truth truth, Fate fate) const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts[at(truth)][at(fate)]) sum += count;
  return sum;
}

std::uint64_t Confusion::after(Truth truth, Fate fate) const {
  std::uint64_t sum = 0;
  for (const auto& row : counts[at(truth)]) sum += row[at(fate)];
  return sum;
}

std::uint64_t Confusion::total(Truth truth) const {
  return before(truth, Fate::accepted) + before(truth, Fate::delayed) + before(truth, Fate::refused);
}

ReplayReport::PerFamily ReplayReport::both() const {
  PerFamily sum = families[0];
  const PerFamily& other = families[1];
  sum.sessions += other.sessions;
  sum.judged += other.judged;
  sum.changed += other.changed;
  sum.newly_refused += other.newly_refused;
  sum.newly_delayed += other.newly_delayed;
  sum.newly_accepted += other.newly_accepted;
  const auto add = [](Confusion& to, const Confusion& from) {
    for (std::size_t truth = 0; truth < to.counts.size(); ++truth)
      for (std::size_t before = 0; before < kFates; ++before)
        for (std::size_t after = 0; after < kFates; ++after)
          to.counts[truth][before][after] += from.counts[truth][before][after];
  };
  add(sum.sessions_by_truth, other.sessions_by_truth);
  add(sum.sender_days, other.sender_days);
  return sum;
}

Replay::Replay(const policy::Policy& policy, evidence::ListNames lists, Marks marks, SimulatedState* state)
    : policy_(policy), state_(state), walk_(std::move(lists)), outcomes_(std::move(marks)) {
  report_.simulated = state != nullptr;
}

void Replay::add(const SessionView& session) {
  auto& family = report_.families[session.ipv6 ? 1 : 0];
  ++family.sessions;
  if (!session.decisions.empty()) {
    ++family.judged;
    if (session.policy == policy_.fingerprint()) ++report_.by_this_policy;
    judge(session);
  } else {
    walk_.begin();
  }
  // The evidence is that of the last decision.
  key_ = sender_key(session, walk_.now());
  own_signs_ = outcomes_.add(session, key_, walk_.now());
  if (!session.decisions.empty()) note_changes(session);
  if (state_ != nullptr) state_->finished(session);
}

void Replay::judge(const SessionView& session) {
  actions_.clear();
  judged_.clear();
  walk_.begin();
  whose_.begin();
  for (const DecisionView& decision : session.decisions) {
    const evidence::Evidence& recorded = walk_.next(decision);
    std::optional<evidence::Evidence> simulated;
    if (state_ != nullptr) {
      simulated.emplace(recorded);
      state_->before(session, decision, *simulated);
    }
    const evidence::Evidence& evidence = simulated ? *simulated : recorded;
    const policy::For whose = whose_.next({.stage = decision.stage,
                                           .transaction = decision.transaction,
                                           .recipient = decision.recipient,
                                           .enforced = decision.enforced,
                                           .action = decision.action,
                                           .code = code_of(session, decision)},
                                          recorded);
    const evidence::Verdict verdict = policy_.judge(moment_of(decision.stage), evidence, whose);
    if (state_ != nullptr) state_->after(session, decision, evidence, verdict);
    actions_.push_back(verdict.action);
    judged_.push_back({verdict.rule, verdict.reason});
    compare(decision, verdict);
  }
  sender_domain_ = walk_.now().text(Signal::sender_domain);
}

void Replay::compare(const DecisionView& decision, const evidence::Verdict& verdict) {
  ++report_.decisions;
  if (!decision.understood) {
    ++report_.not_understood;
    actions_.back() = decision.action;  // what is not understood is not said to differ
    return;
  }
  if (decision.action != verdict.action) {
    ++report_.decisions_changed;
  } else if (decision.reason != verdict.reason || decision.rule != verdict.rule) {
    ++report_.reasons_changed;
  } else if (!same_score(decision, verdict) || !same_labels(decision.tags, verdict.tags, scratch_) ||
             !same_labels(decision.shadow, verdict.shadow, scratch_)) {
    ++report_.scores_changed;
  }
}

void Replay::note_changes(const SessionView& session) {
  auto& family = report_.families[session.ipv6 ? 1 : 0];
  for (std::size_t i = 0; i < actions_.size(); ++i) {
    if (session.decisions[i].enforced && actions_[i] != session.decisions[i].action) {
      ++family.changed;
      break;
    }
  }
  deliveries_of(session, actions_, deliveries_);
  const bool first_of_day = sender_days_.first(session, key_);
  if (deliveries_.empty()) return;
  // One a kind: many recipients are no more senders.
  std::array<bool, kFates> listed{};
  for (const Delivery& delivery : deliveries_) {
    if (delivery.before == delivery.after || listed[at(delivery.after)]) continue;
    listed[at(delivery.after)] = true;
    list(session, delivery);
  }
  family.newly_accepted += listed[at(Fate::accepted)] ? 1 : 0;
  family.newly_delayed += listed[at(Fate::delayed)] ? 1 : 0;
  family.newly_refused += listed[at(Fate::refused)] ? 1 : 0;
  note_delay(session, deliveries_.front());
  // A session counts by its worst delivery: what an administrator would hear of.
  const auto worse = [](Fate a, Fate b) { return std::max(a, b); };
  Event event{.key = key_,
              .own = own_signs_,
              .before = 0,
              .after = 0,
              .ipv6 = static_cast<std::uint8_t>(session.ipv6 ? 1 : 0),
              .first_of_day = static_cast<std::uint8_t>(first_of_day ? 1 : 0)};
  Fate before = Fate::accepted;
  Fate after = Fate::accepted;
  for (const Delivery& delivery : deliveries_) {
    before = worse(before, delivery.before);
    after = worse(after, delivery.after);
  }
  event.before = static_cast<std::uint8_t>(before);
  event.after = static_cast<std::uint8_t>(after);
  if (events_.size() < kEventsMax)
    events_.push_back(event);
  else
    ++report_.not_in_confusion;
}

void Replay::note_delay(const SessionView& session, const Delivery& delivery) {
  const std::uint64_t key = key_ ^ (std::hash<std::string_view>{}(sender_domain_) * 31);
  if (delivery.before == Fate::delayed) book_before_.delayed(key, session.start);
  if (delivery.before == Fate::accepted) book_before_.accepted(key, session.start, report_.delays_before);
  if (delivery.after == Fate::delayed) {
    if (delivery.before == Fate::delayed)
      book_after_.delayed(key, session.start);
    else
      ++report_.delays_after.not_asked;
  }
  if (delivery.after == Fate::accepted) book_after_.accepted(key, session.start, report_.delays_after);
}

void Replay::DelayBook::delayed(std::uint64_t key, WallMs when) {
  WallMs* const since = since_.find_or_add(key);
  if (since == nullptr || *since != 0) return;  // the first attempt counts
  *since = when;
  ++waiting_;
}

void Replay::DelayBook::accepted(std::uint64_t key, WallMs when, Delays& out) {
  if (since_.find(key) == nullptr) return;
  WallMs& since = *since_.find_or_add(key);
  if (since == 0) return;
  const std::int64_t seconds = (when - since) / 1000;
  const auto* const bound = std::ranges::find_if(Delays::kBounds, [seconds](std::int64_t b) { return seconds <= b; });
  ++out.back[static_cast<std::size_t>(bound - Delays::kBounds.begin())];
  since = 0;
  --waiting_;
}

void Replay::list(const SessionView& session, const Delivery& delivery) {
  ChangedSenders& kind = delivery.after == Fate::refused   ? report_.newly_refused
                         : delivery.after == Fate::delayed ? report_.newly_delayed
                                                           : report_.newly_accepted;
  ++kind.sessions;
  const std::string identity = sender_of(session, walk_.now());
  const auto key = std::pair(static_cast<int>(delivery.after), identity + '\n' + sender_domain_);
  const auto found = listed_.find(key);
  if (found != listed_.end()) {
    ChangedSender& sender = kind.listed[found->second];
    ++sender.sessions;
    sender.last = std::max(sender.last, session.start);
    return;
  }
  if (kind.listed.size() >= kListedMax) {
    ++kind.not_listed;
    return;
  }
  const Judged& judged = judged_[delivery.decided_after];
  listed_.emplace(key, kind.listed.size());
  kind.listed.push_back({.identity = identity,
                         .sender_domain = sender_domain_,
                         .client = std::string(session.client),
                         .ipv6 = session.ipv6,
                         .session = std::string(session.id),
                         .sessions = 1,
                         .first = session.start,
                         .last = session.start,
                         .before = delivery.before,
                         .rule = std::string(judged.rule),
                         .reason = std::string(evidence::to_string(judged.reason)),
                         .unfinished = delivery.unfinished,
                         .key = key_});
}

ReplayReport Replay::finish(const LineCount& lines) {
  report_.lines = lines;
  report_.skipped = walk_.skipped();
  report_.oldest = outcomes_.oldest();
  report_.newest = outcomes_.newest();
  report_.delays_before.not_back = book_before_.open();
  report_.delays_after.not_back = book_after_.open();
  if (state_ != nullptr) report_.warm = state_->warm();
  for (const Event& event : events_) {
    const Truth truth = Outcomes::truth(event.own, outcomes_.signs_of_sender(event.key));
    auto& family = report_.families[event.ipv6];
    ++family.sessions_by_truth.counts[at(truth)][event.before][event.after];
    if (event.first_of_day != 0) ++family.sender_days.counts[at(truth)][event.before][event.after];
  }
  for (ChangedSenders* const kind : {&report_.newly_refused, &report_.newly_delayed, &report_.newly_accepted}) {
    for (ChangedSender& sender : kind->listed) {
      sender.signs = outcomes_.signs_of_sender(sender.key);
      sender.later = Outcomes::truth(0, sender.signs);
    }
  }
  return std::move(report_);
}

}  // namespace postern::insight
