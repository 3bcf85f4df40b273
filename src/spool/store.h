// Store: where accepted mail waits. The journal (spool/journal_store.h) keeps it on disk; the RAM twin
// (spool/ram_store.h) has the same behaviour without a disk, for tests.
//
// Receiving side (any loop): begin() an Intake, append() the octets as they come, commit() with the envelope. commit()
// succeeds only when message and envelope are on stable storage: only then may 250 be said (design invariant 1). If
// storage is sick every call fails with ErrorKind::storage, at or above the high-water mark begin() fails with
// ErrorKind::limit: the peer gets 452 4.3.1 or 451 4.3.0, never a lie.
// Delivering side (one loop, the queue's): take_due(), load(), open_body(), settle().
// Thread rule: begin() and Intake are used on the loop that made them; the rest is thread-safe unless it says
// otherwise. Memory: an Intake holds at most kIntakeBuffer octets in RAM, the rest is streamed to the log; a queued
// message costs a bounded number of octets of index (stated in docs/spool.md) however large its envelope is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "io/loop.h"
#include "spool/envelope.h"

namespace postern::spool {

inline constexpr std::size_t kIntakeBuffer = 64 * 1024;

class Intake {
 public:
  virtual ~Intake() = default;  // without commit(): the message is forgotten
  // Takes octets of the message. Suspends only when the buffer is full and must be streamed. `bytes` is copied before
  // the first suspension only as far as it fits, so it must stay valid until the task is done.
  [[nodiscard]] virtual Task<Result<void>> append(std::string_view bytes) = 0;
  // True when append(bytes) would complete without suspending; then append_now() does it without a coroutine.
  [[nodiscard]] virtual bool fits(std::size_t size) const = 0;
  virtual void append_now(std::string_view bytes) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Sets envelope.size and makes all of it durable. Once.
  [[nodiscard]] virtual Task<Result<void>> commit(Envelope envelope) = 0;
};

class Body {  // read side; blocking reads from the page cache, at most 64 KiB a call
 public:
  virtual ~Body() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Up to `max` octets (never more than 64 KiB) from `offset`. Shorter than asked only at the end.
  // A checksum that does not match is ErrorKind::storage and is logged with the message's id.
  [[nodiscard]] virtual Result<std::string> read(std::uint64_t offset, std::size_t max) = 0;
};

struct QueuedMessage {  // one row of `queue list`; from the index, without reading the envelope
  Id id;
  WallMs arrived = 0;
  WallMs next_attempt = 0;
  std::uint64_t size = 0;
  std::uint32_t pending = 0;  // recipients
  std::uint32_t failed = 0;
  std::uint32_t attempts = 0;
  bool held = false;
  bool active = false;  // an attempt is running
};

struct RecipientOutcome {
  std::uint32_t index = 0;                         // into Envelope::recipients
  RecipientState state = RecipientState::pending;  // pending: try again
  std::string reply;
  bool delay_told = false;  // from now on: kDelayTold of Recipient::notify
};

struct Settlement {
  std::vector<RecipientOutcome> outcomes;
  WallMs next_attempt = 0;  // for the recipients that stay pending
};

struct StoreStatus {
  std::uint64_t messages = 0;
  std::uint64_t held = 0;
  std::uint64_t failed_recipients = 0;
  std::uint64_t bytes_on_disk = 0;
  std::uint64_t bytes_limit = 0;  // high-water mark
  std::uint64_t index_bytes = 0;  // memory of the index
  bool healthy = true;
  std::string sick_because;
};

class Store {
 public:
  virtual ~Store() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<Intake>> begin(io::Loop& loop) = 0;
  // A cheap look before DATA is answered: would begin() succeed for a message of this size?
  [[nodiscard]] virtual Result<void> admit(std::uint64_t declared_size) = 0;

  // Called, on any thread, when a message becomes due earlier than anything before; the queue wakes up.
  virtual void on_due(std::function<void()> wake) = 0;
  // Up to `max` messages due at `now`, marked active; each must come back through settle() or release_active().
  [[nodiscard]] virtual std::vector<Id> take_due(WallMs now, std::size_t max) = 0;
  [[nodiscard]] virtual std::optional<WallMs> next_due() const = 0;
  virtual void release_active(const Id& id) = 0;  // untried: due again as it was
  // Of what was taken: false where the operator has held or dropped it meanwhile, so that it must not go out.
  [[nodiscard]] virtual bool wanted(const Id& id) const = 0;
  [[nodiscard]] virtual Result<Envelope> load(const Id& id) = 0;  // blocking read
  [[nodiscard]] virtual Result<std::unique_ptr<Body>> open_body(const Id& id) = 0;
  // Records what became of recipients. A message of whose recipients none is pending or failed leaves the store.
  // Written to the log without waiting for the disk: a crash may repeat a delivery, never lose one.
  [[nodiscard]] virtual Result<void> settle(const Id& id, const Settlement& settlement) = 0;

  // The operator's commands, effective at once. Errors: not_found.
  [[nodiscard]] virtual std::vector<QueuedMessage> list(std::optional<Id> after, std::size_t max) const = 0;
  [[nodiscard]] virtual Result<void> hold(const Id& id) = 0;
  [[nodiscard]] virtual Result<void> release(const Id& id) = 0;            // from hold
  [[nodiscard]] virtual Result<void> retry(const Id& id, WallMs now) = 0;  // due now; failed recipients become pending
  [[nodiscard]] virtual Result<void> drop(const Id& id) = 0;
  [[nodiscard]] virtual StoreStatus status() const = 0;

  // Flushes what is buffered and closes; commits still waiting fail with storage. After this only destruction.
  virtual void close() = 0;
};

}  // namespace postern::spool
