// What coroutines wait on besides streams: Signal, sleep_until, Scope.
#include <exception>

#include "base/counters.h"
#include "base/log.h"
#include "io/loop_impl.h"

namespace postern::io {

struct Signal::Impl {
  explicit Impl(Loop& loop) : waiter(loop.impl()) {}
  TimedWaiter waiter;
  bool notified = false;
};

Signal::Signal(Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}
Signal::~Signal() = default;

Task<bool> Signal::wait(Deadline deadline) {
  if (std::exchange(impl_->notified, false)) co_return true;
  co_return co_await impl_->waiter.until(deadline);
}

void Signal::notify() {
  if (impl_->waiter.waiting())
    impl_->waiter.fire();
  else
    impl_->notified = true;
}

Task<void> sleep_until(Loop& loop, Deadline deadline) {
  TimedWaiter waiter(loop.impl());
  co_await waiter.until(deadline);
}

namespace {

Counter task_exceptions("io_task_exceptions_total");

// The root of a spawned task: starts at once, frees itself at the end.
struct Root {
  struct promise_type {
    Root get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

}  // namespace

struct Scope::Impl {
  explicit Impl(Loop& owner) : loop(owner), empty(owner.impl()) {}
  Loop& loop;
  TimedWaiter empty;
  std::size_t size = 0;

  static Root run(Impl& scope, Task<void> task) {
    try {
      // Moved in, so that the task's frame and all it owns are gone before join() returns.
      Task<void> owned = std::move(task);
      co_await owned;
    } catch (const std::exception& error) {
      task_exceptions.add();
      log::error("internal_error", {{"where", "task"}, {"what", error.what()}});
    } catch (...) {
      task_exceptions.add();
      log::error("internal_error", {{"where", "task"}, {"what", "unknown exception"}});
    }
    --scope.size;
    if (scope.size == 0) scope.empty.fire();
  }
};

Scope::Scope(Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}
Scope::~Scope() { POSTERN_CHECK(impl_->size == 0); }
std::size_t Scope::size() const { return impl_->size; }

void Scope::spawn(Task<void> task) {
  ++impl_->size;
  Impl::run(*impl_, std::move(task));
}

Task<void> Scope::join() {
  while (impl_->size != 0) co_await impl_->empty.until(Deadline::never());
}

}  // namespace postern::io
