#include "resolver/health.h"

#include <algorithm>

namespace postern::resolver {

void Health::lookup_started(Clock::time_point now) {
  ++in_flight_;
  if (!waiting_since_) {
    waiting_since_ = now;
    probes_ = 0;
  }
}

void Health::lookup_ended(Clock::time_point now, Clock::time_point started, bool answered) {
  if (in_flight_ > 0) --in_flight_;
  if (answered && (now - started >= kNotFromCache || !probe_answered_ever_)) alive(now);
}

void Health::server_answered(Clock::time_point now) {
  probe_answered_ever_ = true;
  alive(now);
}

void Health::alive(Clock::time_point now) {
  dead_ = false;
  probes_ = 0;
  waiting_since_.reset();
  if (in_flight_ > 0) waiting_since_ = now;
}

Health::Act Health::poll(Clock::time_point now) {
  if (dead_) {
    if (now < next_probe_) return Act::nothing;
    next_probe_ = now + kProbeEvery;
    return Act::probe;
  }
  if (!waiting_since_) return Act::nothing;
  if (in_flight_ > 0 && now >= learn_at_) {
    learn_at_ = now + kLearnAgainAfter;
    return Act::probe;
  }
  const auto waited = now - *waiting_since_;
  if (probes_ == 0 && waited >= patience_ / 2) {
    // A thread that was held up asks before it judges.
    waiting_since_ = std::max(*waiting_since_, now - patience_ * 3 / 4);
    probes_ = 1;
    return Act::probe;
  }
  if (probes_ == 1 && waited >= patience_ * 3 / 4) {
    probes_ = 2;
    return Act::probe;
  }
  if (waited < patience_) return Act::nothing;
  dead_ = true;
  next_probe_ = now + kProbeEvery;
  return Act::declare_dead;
}

Clock::time_point Health::next() const {
  if (dead_) return next_probe_;
  if (!waiting_since_) return Clock::time_point::max();
  if (in_flight_ > 0 && learn_at_ <= *waiting_since_) return learn_at_;
  const auto due = *waiting_since_ + (probes_ == 0 ? patience_ / 2 : probes_ == 1 ? patience_ * 3 / 4 : patience_);
  return in_flight_ > 0 ? std::min(due, learn_at_) : due;
}

}  // namespace postern::resolver
