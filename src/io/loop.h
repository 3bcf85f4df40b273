// Loop: one event loop on one thread, over epoll; loop_impl.h is the reactor, and no system header is needed here.
// Sessions, timers and streams belong to the loop they were made on and are touched by its thread only. post() is the
// one door for other threads.
#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/task.h"
#include "base/time.h"

namespace postern::io {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs on the calling thread until stop(). Work still pending stays pending; run() may be called again.
  void run();
  void stop();                                          // any thread
  void post(std::move_only_function<void()> function);  // any thread; runs later, on the loop's thread
  [[nodiscard]] static Loop* current();                 // the loop running on this thread, or nullptr
  [[nodiscard]] bool on_thread() const { return current() == this; }

  // One 64 KiB buffer per loop that every Stream of the loop receives into: an idle session owns no buffer. What it
  // holds is valid until the next suspension of whoever filled it.
  [[nodiscard]] std::span<char> scratch();

  // Steady time as of this turn of the loop (read once a turn).
  [[nodiscard]] Clock::time_point now() const;

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }  // for io's own .cc files

 private:
  std::unique_ptr<Impl> impl_;
};

// A cancellable timer and condition in one: wait() returns true when notify() came, false when the deadline passed.
// One waiter at a time. notify() before wait() is remembered (once). Belongs to one loop.
class Signal {
 public:
  explicit Signal(Loop& loop);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  [[nodiscard]] Task<bool> wait(Deadline deadline);
  void notify();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

[[nodiscard]] Task<void> sleep_until(Loop& loop, Deadline deadline);

// Scope: owns spawned tasks (structured concurrency). An exception that leaves a task is logged as an internal error
// and counted, and ends that task only. Destroying a Scope with tasks in it is a bug (POSTERN_CHECK): join() first.
class Scope {
 public:
  explicit Scope(Loop& loop);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  void spawn(Task<void> task);  // on the loop's thread; runs at once until its first suspension
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Task<void> join();  // until every task has ended

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Crossing threads: an operation started on a loop is completed by another thread, and its coroutine resumes on the
// loop.
//   Handoff<T> handoff(loop); start(..., &handoff); T value = co_await handoff;
// complete() may be called before or after the co_await, from any thread, exactly once; the Handoff must outlive it.
// For batches (a group commit) use set() under your own lock and resume_later() once per loop.
template <class T>
class Handoff {
 public:
  explicit Handoff(Loop& loop) : loop_(loop) {}
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;
  ~Handoff() = default;
  void complete(T value) {
    // Posted, so that the waiter is only ever touched by the loop's thread.
    loop_.post([this, v = std::move(value)]() mutable { deliver(std::move(v)); });
  }
  // On the loop's thread only: the last step of complete(), for a caller that posts once for many.
  void deliver(T value) {
    value_.emplace(std::move(value));
    if (waiter_) std::exchange(waiter_, {}).resume();
  }
  [[nodiscard]] Loop& loop() const { return loop_; }

  bool await_ready() const noexcept { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
  T await_resume() { return std::move(*value_); }

 private:
  Loop& loop_;
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

// A few threads for work that blocks (files, fsync of a Maildir). run() suspends the caller, runs `work` on the pool
// and resumes on the caller's loop. The queue is bounded only by its callers, which are: each waits for its answer.
class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads);
  ~BlockingPool();  // finishes what was queued, then joins
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  void submit(std::move_only_function<void()> work);  // any thread

  template <class T>
  [[nodiscard]] Task<T> run(std::move_only_function<T()> work) {
    Loop* const loop = Loop::current();
    POSTERN_CHECK(loop != nullptr);
    Handoff<T> handoff(*loop);
    submit([&handoff, w = std::move(work)]() mutable { handoff.complete(w()); });
    co_return co_await handoff;
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::io
