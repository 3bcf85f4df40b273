// A working day of a spool, in small: messages of many sizes taken in at once, some given up half way, some delivered,
// some in part, some put off for so long that they move to files of their own. It writes down what it was promised, and
// behind which operation of the disk, so that a test can say what must be there after a power cut.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory_disk.h"
#include "spool/journal.h"
#include "support.h"

namespace postern::spool::test {

inline JournalOptions small_options() {
  JournalOptions options;
  options.directory = "/spool";
  options.segment_bytes = 96 * 1024;
  options.settle_after_ms = 60000;
  return options;
}
inline constexpr JournalTuning kQuick{milliseconds(1), milliseconds(1), milliseconds(1), 4};

struct Promise {
  std::string body;
  std::size_t recipients = 1;
  std::optional<std::size_t> acknowledged;  // number of operations the disk had done by then
  bool refused = false;                     // commit() said no
  std::size_t settling = SIZE_MAX;          // operations done before the first settlement
  std::set<std::uint32_t> maybe_done;       // recipients that were settled, as delivered
};

class Workload {
 public:
  Workload(MemoryDisk& disk, Store& store, io::Loop& loop) : disk_(disk), store_(store), loop_(loop) {}

  std::map<Id, Promise> promises;
  std::set<Id> never;  // of intakes without commit

  Task<void> take_one(std::size_t number) {
    static constexpr std::size_t kSizes[] = {0, 100, 4096, 20000, 60000, 66000, 150000};
    const std::size_t size = kSizes[number % std::size(kSizes)];
    Envelope envelope = envelope_of(0, 1 + number % 3);
    // Every other one is old already, and moves as soon as the housekeeper comes.
    if (number % 2 == 0) envelope.arrived -= 3600 * 1000;
    const Id id = envelope.id;
    Promise& promise = promises[id];
    promise.body = body_of(size, static_cast<unsigned>(number));
    promise.recipients = envelope.recipients.size();
    auto intake = store_.begin(loop_);
    if (!intake) {
      promises.erase(id);
      co_return;
    }
    Result<void> done = co_await (*intake)->append(promise.body);
    if (number % 11 == 5) {  // the peer went away
      promises.erase(id);
      never.insert(id);
      co_return;
    }
    if (done) done = co_await (*intake)->commit(std::move(envelope));
    if (done) {
      promise.acknowledged = disk_.operations();
    } else {
      promise.refused = true;
    }
    if (done && number % 4 == 1) settle(id, promise, promise.recipients);  // all of them
    if (done && number % 4 == 3) settle(id, promise, 1);
    if (done && number % 6 == 2) {  // of those that are not settled
      promise.settling = std::min(promise.settling, disk_.operations());
      EXPECT_TRUE(store_.hold(id));
      EXPECT_TRUE(store_.release(id));
    }
  }

  // Takes `count` messages in, `together` at a time.
  Task<int> day(std::size_t count, std::size_t together) {
    for (std::size_t first = 0; first < count; first += together) {
      io::Scope scope(loop_);
      for (std::size_t i = first; i < std::min(count, first + together); ++i) scope.spawn(take_one(i));
      co_await scope.join();
    }
    co_return 0;
  }

  void settle(const Id& id, Promise& promise, std::size_t recipients) {
    promise.settling = std::min(promise.settling, disk_.operations());
    Settlement settlement;
    for (std::uint32_t i = 0; i < recipients; ++i) {
      settlement.outcomes.push_back(outcome(i, RecipientState::delivered));
      promise.maybe_done.insert(i);
    }
    (void)store_.settle(id, settlement);  // on a broken disk it may fail; then everybody is still pending
  }

  // What must hold on `store`, opened on the disk as it was behind the first `operations`.
  void check(Store& store, std::size_t operations, const std::string& where) const {
    std::set<Id> present;
    for (const QueuedMessage& message : store.list(std::nullopt, SIZE_MAX)) {
      present.insert(message.id);
      const auto found = promises.find(message.id);
      ASSERT_NE(found, promises.end()) << where << ": message " << message.id.text() << " was never committed";
      check_message(store, message.id, found->second, operations, where);
    }
    for (const auto& [id, promise] : promises) {
      if (!promise.acknowledged || *promise.acknowledged > operations || present.contains(id)) continue;
      // It may be gone only if all of it was delivered, and that had begun.
      EXPECT_TRUE(promise.settling <= operations && promise.maybe_done.size() == promise.recipients)
          << where << ": message " << id.text() << " of " << promise.body.size()
          << " octets was acknowledged and is lost";
    }
  }

 private:
  static void check_message(Store& store, const Id& id, const Promise& promise, std::size_t operations,
                            const std::string& where) {
    const auto body = read_body(store, id);
    ASSERT_TRUE(body) << where << ": " << body.error().what;
    EXPECT_TRUE(*body == promise.body) << where << ": the body of " << id.text() << " has changed";
    const auto envelope = store.load(id);
    ASSERT_TRUE(envelope) << where << ": " << envelope.error().what;
    ASSERT_EQ(envelope->recipients.size(), promise.recipients) << where;
    EXPECT_EQ(envelope->size, promise.body.size()) << where;
    EXPECT_EQ(envelope->reverse_path, "sender@example.org");
    for (std::uint32_t i = 0; i < envelope->recipients.size(); ++i) {
      if (envelope->recipients[i].state == RecipientState::pending) continue;
      EXPECT_EQ(envelope->recipients[i].state, RecipientState::delivered) << where;
      EXPECT_TRUE(promise.maybe_done.contains(i) && promise.settling <= operations)
          << where << ": recipient " << i << " of " << id.text() << " was not delivered yet";
    }
  }

  MemoryDisk& disk_;
  Store& store_;
  io::Loop& loop_;
};

}  // namespace postern::spool::test
