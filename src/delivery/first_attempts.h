// FirstAttempts: who waits for the end of the first attempt on a message, because its 250 depends on it ([[domain]]
// before_accept). Told once, on the queue's loop. Thread rule: any thread. Memory: one entry a waiting session.
//
// Whoever gives up has to know whether the queue tries the message: the queue says so with begin() before it asks the
// store whether the message is still wanted, and give_up() drops it from the store while begin() has to wait. So either
// an attempt has begun, or none ever does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/id.h"
#include "base/thread_annotations.h"
#include "smtp/reply.h"

namespace postern::delivery {

// Nothing: at least one recipient's mail was taken, and the others are the queue's now. A reply: none was taken, the
// message has left the queue, and nobody was told.
using FirstAttemptEnded = std::function<void(std::optional<smtp::Reply> refusal)>;

enum class GivenUp : std::uint8_t {
  untried,  // it was dropped
  running,  // an attempt may bring it through. What is refused in it leaves the queue, and nobody is told
  ended,    // the answer has been given, or is being given now
};

class FirstAttempts {
 public:
  // Before the message is committed: the queue is faster than whoever commits.
  void expect(const Id& message, FirstAttemptEnded ended) {
    const MutexLock lock(mutex_);
    waiting_.insert_or_assign(message, Waiting{.ended = std::move(ended), .begun = false});
  }
  // The queue, before each attempt on any message.
  void begin(const Id& message) {
    const MutexLock lock(mutex_);
    if (const auto found = waiting_.find(message); found != waiting_.end()) found->second.begun = true;
  }
  // `drop` takes the message out of the store.
  template <class Drop>
  [[nodiscard]] GivenUp give_up(const Id& message, Drop&& drop) {
    const MutexLock lock(mutex_);
    const auto found = waiting_.find(message);
    if (found == waiting_.end()) return GivenUp::ended;
    if (found->second.begun) {
      // Its sender's server hears 4xx and sends it again: a bounce of ours would be one too many
      found->second.ended = [](const std::optional<smtp::Reply>&) {};
      return GivenUp::running;
    }
    waiting_.erase(found);
    std::forward<Drop>(drop)();
    return GivenUp::untried;
  }
  void forget(const Id& message) { static_cast<void>(take(message)); }
  // Empty where nobody waits.
  [[nodiscard]] FirstAttemptEnded take(const Id& message) {
    const MutexLock lock(mutex_);
    const auto found = waiting_.find(message);
    if (found == waiting_.end()) return {};
    FirstAttemptEnded ended = std::move(found->second.ended);
    waiting_.erase(found);
    return ended;
  }

 private:
  struct Waiting {
    FirstAttemptEnded ended;
    bool begun = false;
  };
  Mutex mutex_;
  std::map<Id, Waiting> waiting_ POSTERN_GUARDED_BY(mutex_);
};

}  // namespace postern::delivery
