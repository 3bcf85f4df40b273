// The thread that waits on libunbound, and the door through which its answers reach the loops. Internal to resolver.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "resolver/cache.h"
#include "resolver/context.h"
#include "resolver/health.h"
#include "resolver/prober.h"
#include "resolver/unbound.h"

struct ub_result;

namespace postern::resolver {

// What a loop hears from the resolver's thread, on the loop's thread.
class Receiver {
 public:
  virtual void arrived(const Key& key, dns::AnswerPtr answer) = 0;
  virtual void nobody_answers() = 0;

 protected:
  ~Receiver() = default;
};

// Outlives its Receiver and its loop: answers that come after them go nowhere.
class Port : public std::enable_shared_from_this<Port> {
 public:
  Port(io::Loop& loop, Receiver& receiver) : loop_(&loop), receiver_(&receiver) {}
  void close() POSTERN_EXCLUDES(mutex_);  // on the loop's thread
  // Any thread:
  void deliver(Key key, dns::AnswerPtr answer) POSTERN_EXCLUDES(mutex_);
  void tell_nobody_answers() POSTERN_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  io::Loop* loop_ POSTERN_GUARDED_BY(mutex_);
  Receiver* receiver_;  // the loop's thread only
};

struct Unbound::Impl {
  Impl(const Options& options, Context made);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Any thread.
  void add(const std::shared_ptr<Port>& port) POSTERN_EXCLUDES(mutex);
  [[nodiscard]] bool submit(std::shared_ptr<Port> port, Key key) POSTERN_EXCLUDES(mutex);
  [[nodiscard]] bool has_room_for_prefetch() const {
    return in_flight.load(std::memory_order_relaxed) < std::max<std::uint32_t>(1, in_flight_max / 2);
  }

  const milliseconds timeout;
  const std::size_t cache_entries, cache_bytes;
  std::atomic<bool> dead{false};
  std::atomic<bool> canary{false};  // while dead: the next look-up is let through as a probe

 private:
  struct Command {
    std::shared_ptr<Port> port;
    Key key;
  };
  struct Pending {
    Impl* impl = nullptr;
    std::uint64_t id = 0;
    std::shared_ptr<Port> port;
    Key key;
    dns::Name name;
    Clock::time_point started;
  };

  void run() POSTERN_EXCLUDES(mutex);
  [[nodiscard]] bool take_commands(std::vector<Command>& commands) POSTERN_EXCLUDES(mutex);
  void start(Command command);
  static void on_result(void* pending, int error, ub_result* result);
  void ended(Pending& pending, dns::Answer answer);
  void warn_of_stripping(const dns::Answer& answer);
  void find_out_why(Pending& pending, dns::Answer answer);
  void finish(std::uint64_t id, dns::Answer answer);
  void fail_all();
  void look_after_health();
  void probe();
  void wait();
  void wake() const;

  const std::uint32_t in_flight_max;
  Context context;
  UniqueFd wake_fd;
  std::atomic<std::uint32_t> in_flight{0};

  Mutex mutex;
  bool stopping POSTERN_GUARDED_BY(mutex) = false;
  std::vector<Command> queue POSTERN_GUARDED_BY(mutex);
  std::vector<std::weak_ptr<Port>> ports POSTERN_GUARDED_BY(mutex);

  // The thread's own.
  Health health;
  Prober prober;
  std::unordered_map<std::uint64_t, std::unique_ptr<Pending>> pending;
  std::uint64_t last_id = 0;
  bool broken = false;  // libunbound's pipe
  bool warned_of_stripping = false;
  std::vector<pollfd> descriptors;

  std::thread thread;  // last: it uses all of the above
};

}  // namespace postern::resolver
