#include "io/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace postern::io {

TimerWheel::TimerWheel(Clock::time_point now) : current_(floor_tick(now)) {}

Tick TimerWheel::floor_tick(Clock::time_point time) {
  return static_cast<Tick>(std::max<std::int64_t>(0, time.time_since_epoch() / kTick));
}

void TimerWheel::link(TimerNode& node, TimerNode*& head) {
  node.next_ = head;
  node.link_ = &head;
  if (head != nullptr) head->link_ = &node.next_;
  head = &node;
}

void TimerWheel::unlink(TimerNode& node) {
  *node.link_ = node.next_;
  if (node.next_ != nullptr) node.next_->link_ = node.link_;
  node.next_ = nullptr;
  node.link_ = nullptr;
  const Tick slot = node.tick_ & kMask;
  if (slots_->head.at(slot) != nullptr) return;
  slots_->used.at(slot / 64) &= ~(1ULL << (slot % 64));
  if (slots_->used.at(slot / 64) == 0) slots_->words &= ~(1ULL << (slot / 64));
}

void TimerWheel::arm(TimerNode& node, Clock::time_point time, Tick granularity) {
  if (time == Clock::time_point::max()) return;
  Tick tick = floor_tick(time) + 1;  // late rather than early
  tick = (tick + granularity - 1) / granularity * granularity;
  if (node.armed()) {
    if (node.tick_ <= tick) return;
    unlink(node);
    --count_;
  }
  tick = std::clamp(tick, current_ + 1, current_ + kMask);
  node.tick_ = tick;
  const Tick slot = tick & kMask;
  link(node, slots_->head.at(slot));
  slots_->used.at(slot / 64) |= 1ULL << (slot % 64);
  slots_->words |= 1ULL << (slot / 64);
  ++count_;
}

void TimerWheel::disarm(TimerNode& node) {
  if (!node.armed()) return;
  unlink(node);
  --count_;
}

void TimerWheel::advance(Clock::time_point now) {
  const Tick target = floor_tick(now);
  if (target <= current_) return;
  if (count_ == 0) {
    current_ = target;
    return;
  }
  // All that is due is collected before any of it runs: a node that is armed again may land in a slot of this sweep.
  const Tick last = std::min(target, current_ + kSlots);
  for (Tick tick = current_ + 1; tick <= last; ++tick) {
    const Tick slot = tick & kMask;
    if (slots_->used.at(slot / 64) == 0) {
      tick |= 63U;  // the rest of this word is empty as well
      continue;
    }
    while (TimerNode* node = slots_->head.at(slot)) {
      unlink(*node);
      link(*node, expired_);
    }
  }
  current_ = target;
  while (expired_ != nullptr) {
    TimerNode& node = *expired_;
    unlink(node);
    --count_;
    node.on_timer(now);
  }
}

Tick TimerWheel::next_tick() const {
  // The word of the next slot, its later bits; then the following words that have any, all the way round to the first.
  const Tick start = current_ + 1;
  const Tick slot = start & kMask;
  const std::uint64_t here = slots_->used.at(slot / 64) >> (slot % 64);
  if (here != 0) return start + static_cast<Tick>(std::countr_zero(here));
  const Tick word = slot / 64;
  const std::uint64_t following = std::rotr(slots_->words, static_cast<int>((word + 1) % 64));
  if (following == 0) return start;
  const Tick skip = static_cast<Tick>(std::countr_zero(following));
  const std::uint64_t bits = slots_->used.at((word + 1 + skip) % 64);
  return (start | 63U) + 1 + skip * 64 + static_cast<Tick>(std::countr_zero(bits));
}

int TimerWheel::wait_ms(Clock::time_point now) const {
  if (count_ == 0) return -1;
  const auto due = Clock::time_point(kTick * static_cast<std::int64_t>(next_tick()));
  if (due <= now) return 0;
  return static_cast<int>(std::chrono::ceil<milliseconds>(due - now).count());
}

}  // namespace postern::io
