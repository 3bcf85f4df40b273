#include "io/loop.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "io/loop_impl.h"

namespace postern::io {

namespace {
constexpr std::size_t kScratchSize = std::size_t{64} * 1024;
thread_local Loop* current_loop = nullptr;
}  // namespace

Loop::Impl::Impl(Loop& owner)
    : loop(owner),
      epoll(epoll_create1(EPOLL_CLOEXEC)),
      wake_fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      now(Clock::now()),
      timers(now),
      scratch(std::make_unique_for_overwrite<char[]>(kScratchSize)) {
  POSTERN_CHECK(epoll.valid() && wake_fd.valid());
  // Edge-triggered: each write is an edge of its own, so the counter never needs to be read back.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = nullptr;
  POSTERN_CHECK(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_fd.get(), &event) == 0);
}

Loop::Impl::~Impl() = default;

int Loop::Impl::add(int fd, std::uint32_t wanted, Watch& watch) {
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = &watch;
  return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int Loop::Impl::modify(int fd, std::uint32_t wanted, Watch& watch) {
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = &watch;
  return epoll_ctl(epoll.get(), EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : errno;
}

void Loop::Impl::remove(int fd, Watch& watch, bool registered) {
  if (registered) epoll_ctl(epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (int i = events_from; i < events_to; ++i) {
    auto& event = events.at(static_cast<std::size_t>(i));
    if (event.data.ptr == &watch) event.data.ptr = nullptr;
  }
}

void Loop::Impl::turn() {
  int timeout = 0;
  if (ready.empty()) {
    const MutexLock lock(mutex);
    if (posted.empty() && !stopping.load(std::memory_order_relaxed)) {
      timeout = timers.wait_ms(now);
      blocked.store(true, std::memory_order_relaxed);
    }
  }
  int count = epoll_wait(epoll.get(), events.data(), kBatch, timeout);
  if (count < 0) {
    POSTERN_CHECK(errno == EINTR);
    count = 0;
  }
  blocked.store(false, std::memory_order_relaxed);
  now = Clock::now();
  ++turn_number;
  dispatch(count);
  timers.advance(now);
  run_posted();
  run_ready();
}

void Loop::Impl::dispatch(int count) {
  events_to = count;
  for (events_from = 0; events_from < events_to;) {
    const epoll_event event = events.at(static_cast<std::size_t>(events_from));
    ++events_from;
    if (event.data.ptr != nullptr) static_cast<Watch*>(event.data.ptr)->on_events(event.events);
  }
  events_from = events_to = 0;
}

void Loop::Impl::run_posted() {
  {
    const MutexLock lock(mutex);
    batch.swap(posted);
  }
  for (auto& function : batch) {
    function();
    function = nullptr;  // what it holds is released in order, on this thread
  }
  batch.clear();
}

void Loop::Impl::run_ready() {
  running.swap(ready);  // what becomes ready meanwhile has to wait for the next turn: nobody starves the descriptors
  for (const auto handle : running) handle.resume();
  running.clear();
}

void Loop::Impl::wake() const {
  const std::uint64_t one = 1;
  // EAGAIN (the counter is full) still is an edge that was not consumed yet.
  [[maybe_unused]] const auto written = ::write(wake_fd.get(), &one, sizeof one);
}

void Loop::Impl::post(std::move_only_function<void()> function) {
  bool must_wake = false;
  {
    const MutexLock lock(mutex);
    posted.push_back(std::move(function));
    must_wake = blocked.exchange(false, std::memory_order_relaxed);
  }
  if (must_wake) wake();
}

void Loop::Impl::stop() {
  bool must_wake = false;
  {
    const MutexLock lock(mutex);
    stopping.store(true, std::memory_order_relaxed);
    must_wake = blocked.exchange(false, std::memory_order_relaxed);
  }
  if (must_wake) wake();
}

Loop::Loop() : impl_(std::make_unique<Impl>(*this)) {}
Loop::~Loop() = default;

void Loop::run() {
  POSTERN_CHECK(current_loop == nullptr);
  current_loop = this;
  impl_->now = Clock::now();
  while (!impl_->stopping.exchange(false, std::memory_order_relaxed)) impl_->turn();
  current_loop = nullptr;
}

void Loop::stop() { impl_->stop(); }
void Loop::post(std::move_only_function<void()> function) { impl_->post(std::move(function)); }
Loop* Loop::current() { return current_loop; }
std::span<char> Loop::scratch() { return {impl_->scratch.get(), kScratchSize}; }
Clock::time_point Loop::now() const { return on_thread() ? impl_->now : Clock::now(); }

}  // namespace postern::io
