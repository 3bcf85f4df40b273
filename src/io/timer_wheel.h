// TimerWheel: the deadlines of one loop, in slots of 10 ms. Internal to io.
//
// Arming is lazy: a node that already sits in a slot no later than the wanted one stays there, fires early, finds its
// deadline still ahead and is put further on. Setting a deadline for each operation of a busy stream therefore costs a
// comparison, and a deadline beyond the wheel's reach (40 s) simply comes round again.
// Thread rule: the loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/time.h"

namespace postern::io {

using Tick = std::uint64_t;
inline constexpr milliseconds kTick{10};

class TimerWheel;

class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  [[nodiscard]] bool armed() const { return link_ != nullptr; }

 protected:
  ~TimerNode() = default;  // the owner disarms it first

 private:
  friend class TimerWheel;
  virtual void on_timer(Clock::time_point now) = 0;
  TimerNode* next_ = nullptr;
  TimerNode** link_ = nullptr;  // whatever points here
  Tick tick_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Clock::time_point now);

  // At `time` or somewhat earlier; `granularity` ticks are rounded up together, so that many nodes share one wake-up.
  void arm(TimerNode& node, Clock::time_point time, Tick granularity = 1);
  void disarm(TimerNode& node);
  void advance(Clock::time_point now);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  // Milliseconds until something is due, rounded up; -1 when nothing is armed.
  [[nodiscard]] int wait_ms(Clock::time_point now) const;

 private:
  static constexpr Tick kSlots = 4096;
  static constexpr Tick kMask = kSlots - 1;
  [[nodiscard]] static Tick floor_tick(Clock::time_point time);
  void link(TimerNode& node, TimerNode*& head);
  void unlink(TimerNode& node);
  [[nodiscard]] Tick next_tick() const;

  struct Slots {
    std::array<TimerNode*, kSlots> head{};
    std::array<std::uint64_t, kSlots / 64> used{};  // a bit for each slot that holds something
    std::uint64_t words = 0;                        // a bit for each word of `used` that is not zero
  };
  std::unique_ptr<Slots> slots_ = std::make_unique<Slots>();
  TimerNode* expired_ = nullptr;
  Tick current_;
  std::size_t count_ = 0;
};

}  // namespace postern::io
