// Queue: takes due messages from the store, groups their recipients by transport and destination, runs the attempts
// with bounded concurrency (in all and per destination), settles, and schedules what stays with backoff and jitter: 1
// min, 2, 4, ... up to `retry_max`, for `expire_after`; then the recipient counts as failed. Of a failure after our 250
// the sender is told (delivery/notices.h); where nobody can be told it is held as failed. All failures are logged at
// error level. One line in the log and one delivery record per attempt. Among the messages taken together, and those
// that wait for one destination, higher priorities go first (RFC 6710 4.1); none is held back for one that is not
// there. What waits long for a server of others leaves its slot (delivery/slots.h).
// Thread rule: start() and stop() from the loop that owns it; wake() from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "delivery/attempt.h"
#include "delivery/first_attempts.h"
#include "delivery/notifier.h"
#include "delivery/remote.h"
#include "directory/directory.h"
#include "io/loop.h"
#include "record/writer.h"
#include "spool/store.h"

namespace postern::delivery {

struct QueueOptions {
  LocalOptions local;
  std::int64_t retry_first_ms = 60 * 1000;
  std::int64_t retry_max_ms = 4LL * 3600 * 1000;
  std::int64_t expire_after_ms = 5LL * 24 * 3600 * 1000;  // RFC 5321 4.5.4.1: at least 4-5 days
  std::size_t concurrency = 64;                           // attempts at once
  std::size_t destination_concurrency = 10;  // per LMTP server; for servers of others the most that is grown to
  NoticeOptions notices;
};

// Delay before attempt `attempts + 1`, without jitter. Pure, for tests and for the documentation.
[[nodiscard]] std::int64_t backoff_ms(const QueueOptions& options, std::uint32_t attempts);

class Queue {
 public:
  // `directory` gives the current one at each attempt (it is reloaded). Without `remote`, which must outlive the queue,
  // mail for others waits.
  Queue(io::Loop& loop, io::BlockingPool& pool, spool::Store& store, record::Writer* records, QueueOptions options,
        std::function<std::shared_ptr<const directory::Directory>()> directory, Remote* remote = nullptr);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  void use(QueueServices services);  // before start()
  void start();
  void wake();  // any thread
  // Any thread. Lives as long as the queue.
  [[nodiscard]] FirstAttempts& first_attempts();
  // The operator asked: destinations that are left alone because they could not be reached are tried again. On the
  // loop.
  void retry_now();
  // Nothing new starts; running attempts end. LMTP conversations that have not ended by the deadline are broken off:
  // what was answered for good is settled, the other recipients stay pending as if they had not been tried.
  [[nodiscard]] Task<void> stop(Deadline deadline = Deadline::never());

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::delivery
