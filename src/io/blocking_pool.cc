#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "io/loop.h"

namespace postern::io {

struct BlockingPool::Impl {
  Mutex mutex;
  std::condition_variable_any wake;
  std::deque<std::move_only_function<void()>> queue POSTERN_GUARDED_BY(mutex);
  bool stopping POSTERN_GUARDED_BY(mutex) = false;
  std::vector<std::thread> threads;

  void work() {
    MutexLock lock(mutex);
    for (;;) {
      while (queue.empty() && !stopping) wake.wait(lock);
      if (queue.empty()) return;
      auto job = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }
};

BlockingPool::BlockingPool(std::size_t threads) : impl_(std::make_unique<Impl>()) {
  POSTERN_CHECK(threads > 0);
  impl_->threads.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
}

BlockingPool::~BlockingPool() {
  {
    const MutexLock lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

void BlockingPool::submit(std::move_only_function<void()> work) {
  {
    const MutexLock lock(impl_->mutex);
    impl_->queue.push_back(std::move(work));
  }
  impl_->wake.notify_one();
}

}  // namespace postern::io
