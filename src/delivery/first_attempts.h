// FirstAttempts: who waits for the end of the first attempt on a message, because its 250 depends on it ([[domain]]
// before_accept). Told once, on the queue's loop. Thread rule: any thread. Memory: one entry a waiting session.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "base/id.h"
#include "base/thread_annotations.h"
#include "smtp/reply.h"

namespace postern::delivery {

// Nothing: at least one recipient's mail was taken, and the others are the queue's now. A reply: none was taken, the
// message has left the queue, and nobody was told.
using FirstAttemptEnded = std::function<void(std::optional<smtp::Reply> refusal)>;

class FirstAttempts {
 public:
  // Before the message is committed: the queue is faster than whoever commits.
  void expect(const Id& message, FirstAttemptEnded ended) {
    const MutexLock lock(mutex_);
    waiting_.insert_or_assign(message, std::move(ended));
  }
  void forget(const Id& message) { static_cast<void>(take(message)); }
  // Empty where nobody waits.
  [[nodiscard]] FirstAttemptEnded take(const Id& message) {
    const MutexLock lock(mutex_);
    const auto found = waiting_.find(message);
    if (found == waiting_.end()) return {};
    FirstAttemptEnded ended = std::move(found->second);
    waiting_.erase(found);
    return ended;
  }

 private:
  Mutex mutex_;
  std::map<Id, FirstAttemptEnded> waiting_ POSTERN_GUARDED_BY(mutex_);
};

}  // namespace postern::delivery
