// The reactor behind Loop: one epoll instance, descriptors registered once and edge-triggered. Internal to io.
//
// A registered descriptor costs its owner's Watch and no allocation, and a wait on it no system call at all: the owner
// keeps a readiness flag that events set and that a read which came back short clears (epoll(7), edge-triggered mode).
// A turn is: epoll_wait, events and timers (which only mark coroutines as ready), posted functions, ready coroutines.
// No coroutine runs while events are being dealt out, so that nothing disappears under the dispatcher's feet.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <coroutine>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "io/loop.h"
#include "io/timer_wheel.h"

namespace postern::io {

class Watch {
 public:
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  Watch() = default;
  ~Watch() = default;
};

struct Loop::Impl {
  explicit Impl(Loop& owner);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // errno, or 0.
  [[nodiscard]] int add(int fd, std::uint32_t events, Watch& watch);
  [[nodiscard]] int modify(int fd, std::uint32_t events, Watch& watch);
  // Before the descriptor is closed. `registered` false: the descriptor was closed or never added, only events of this
  // turn that were already taken from the kernel are dropped.
  void remove(int fd, Watch& watch, bool registered = true);
  // Resumes `handle` at the end of this turn, or in the next one when called from a coroutine.
  void make_ready(std::coroutine_handle<> handle) { ready.push_back(handle); }

  void turn();
  void dispatch(int count);
  void run_posted();
  void run_ready();
  void post(std::move_only_function<void()> function);
  void stop();
  void wake() const;

  Loop& loop;
  UniqueFd epoll;
  UniqueFd wake_fd;
  Clock::time_point now;
  std::uint64_t turn_number = 0;
  TimerWheel timers;
  std::vector<std::coroutine_handle<>> ready;
  std::vector<std::coroutine_handle<>> running;
  std::unique_ptr<char[]> scratch;

  static constexpr int kBatch = 256;
  std::array<epoll_event, kBatch> events{};
  int events_from = 0;  // those of this turn that are still to be dealt out
  int events_to = 0;

  Mutex mutex;
  std::vector<std::move_only_function<void()>> posted POSTERN_GUARDED_BY(mutex);
  std::vector<std::move_only_function<void()>> batch;
  std::atomic<bool> blocked{false};  // in epoll_wait, or about to be: whoever posts has to wake it
  std::atomic<bool> stopping{false};
};

// Something a coroutine waits for until a deadline at most: the common part of Signal, sleep_until and connect.
class TimedWaiter final : public TimerNode {
 public:
  explicit TimedWaiter(Loop::Impl& loop) : loop_(loop) {}
  ~TimedWaiter() { loop_.timers.disarm(*this); }

  // co_await waiter.until(deadline): true = fired, false = the deadline passed.
  struct Awaiter {
    TimedWaiter& waiter;
    Deadline deadline;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const { waiter.suspend(handle, deadline); }
    bool await_resume() const noexcept { return waiter.fired_; }
  };
  [[nodiscard]] Awaiter until(Deadline deadline) { return {*this, deadline}; }
  [[nodiscard]] bool waiting() const { return static_cast<bool>(handle_); }
  void fire() { finish(true); }

 private:
  void suspend(std::coroutine_handle<> handle, Deadline deadline) {
    POSTERN_CHECK(!handle_);
    handle_ = handle;
    deadline_ = deadline.time();
    fired_ = false;
    loop_.timers.arm(*this, deadline_);
  }
  void finish(bool fired) {
    if (!handle_) return;
    fired_ = fired;
    loop_.make_ready(std::exchange(handle_, {}));
  }
  void on_timer(Clock::time_point now) override {
    if (!handle_) return;
    if (now >= deadline_)
      finish(false);
    else
      loop_.timers.arm(*this, deadline_);
  }

  Loop::Impl& loop_;
  std::coroutine_handle<> handle_;
  Clock::time_point deadline_;
  bool fired_ = false;
};

}  // namespace postern::io
