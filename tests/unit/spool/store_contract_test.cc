// What every store does, on disk or not: the same tests for the journal, the journal whose messages have all moved to
// files of their own, and the RAM twin.
#include <gtest/gtest.h>

#include <atomic>

#include "memory_disk.h"
#include "spool/journal.h"
#include "spool/ram_store.h"
#include "support.h"

namespace postern::spool::test {
namespace {

enum class Which : std::uint8_t { ram, journal, moved };

class StoreContract : public testing::TestWithParam<Which> {
 protected:
  StoreContract() {
    if (GetParam() == Which::ram) {
      store_ = make_ram_store();
      return;
    }
    JournalOptions options;
    options.directory = "/spool";
    options.segment_bytes = 256 * 1024;
    if (GetParam() == Which::moved) options.settle_after_ms = -1000;
    auto opened = open_journal_on(options, disk_, {milliseconds(1), milliseconds(1), milliseconds(1)});
    EXPECT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  }
  ~StoreContract() override { store_->close(); }

  Envelope put(WallMs due, std::size_t recipients = 1, std::size_t size = 1000) {
    Envelope envelope = envelope_of(due, recipients);
    const Result<void> done = test::put(*store_, loop_, envelope, body_of(size, 1));
    EXPECT_TRUE(done) << done.error().what;
    envelope.size = size;
    if (GetParam() == Which::moved) {
      const std::string name = envelope.id.text();
      EXPECT_TRUE(disk_.wait_until([&](const auto& files) {
        return std::ranges::any_of(files, [&](const std::string& file) { return file.ends_with(name); });
      }));
    }
    return envelope;
  }
  QueuedMessage row(const Id& id) {
    for (const QueuedMessage& message : store_->list(std::nullopt, 1000)) {
      if (message.id == id) return message;
    }
    ADD_FAILURE() << "not listed";
    return {};
  }

  MemoryDisk disk_;
  io::Loop loop_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, GivesBackWhatItTook) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, kIntakeBuffer - 1, kIntakeBuffer,
                                 kIntakeBuffer + 1, 3 * kIntakeBuffer, std::size_t{500001}}) {
    for (const std::size_t step : {std::size_t{7001}, kIntakeBuffer, std::size_t{1} << 20}) {
      Envelope envelope = envelope_of(5, 3);
      envelope.login = "alice";
      const std::string body = body_of(size, static_cast<unsigned>(size + step));
      const Result<void> done = test::put(*store_, loop_, envelope, body, step);
      ASSERT_TRUE(done) << done.error().what;
      envelope.size = size;
      const auto loaded = store_->load(envelope.id);
      ASSERT_TRUE(loaded) << loaded.error().what;
      EXPECT_EQ(*loaded, envelope);
      for (const std::size_t read_step : {std::size_t{10000}, kIntakeBuffer}) {
        const auto read = read_body(*store_, envelope.id, read_step);
        ASSERT_TRUE(read) << read.error().what;
        EXPECT_TRUE(*read == body) << size << " in steps of " << step;
      }
    }
  }
}

TEST_P(StoreContract, ReadsAtAnyOffset) {
  const Envelope envelope = put(0, 1, 200000);
  const std::string body = body_of(200000, 1);
  const auto open = store_->open_body(envelope.id);
  ASSERT_TRUE(open);
  for (const std::size_t offset : {199999UL, 0UL, 65535UL, 65536UL, 131072UL, 1UL, 70000UL}) {
    const auto part = (*open)->read(offset, 1000);
    ASSERT_TRUE(part);
    EXPECT_EQ(*part, body.substr(offset, 1000)) << offset;
  }
  EXPECT_LE((*open)->read(0, 1U << 20U)->size(), kIntakeBuffer);
}

TEST_P(StoreContract, AnIntakeWithoutCommitLeavesNothing) {
  {
    auto intake = store_->begin(loop_);
    ASSERT_TRUE(intake);
    const std::string body = body_of(200000, 1);
    ASSERT_TRUE(run(loop_, (*intake)->append(body)));
    EXPECT_EQ((*intake)->size(), body.size());
  }
  EXPECT_TRUE(store_->list(std::nullopt, 10).empty());
  EXPECT_EQ(store_->status().messages, 0U);
  EXPECT_FALSE(store_->next_due());
}

TEST_P(StoreContract, AnIdIsTakenOnce) {
  Envelope envelope = put(0);
  EXPECT_FALSE(test::put(*store_, loop_, envelope, "second"));
  EXPECT_EQ(read_body(*store_, envelope.id).value_or(""), body_of(1000, 1));
  envelope.id = Id{};
  EXPECT_FALSE(test::put(*store_, loop_, envelope, "no id"));
}

TEST_P(StoreContract, HandsOutWhatIsDueOnce) {
  const Envelope late = put(300);
  const Envelope early = put(100);
  const Envelope middle = put(200);
  EXPECT_EQ(store_->next_due(), 100);
  EXPECT_TRUE(store_->take_due(99, 10).empty());
  EXPECT_EQ(store_->take_due(250, 1), std::vector<Id>{early.id});
  EXPECT_EQ(store_->take_due(250, 10), std::vector<Id>{middle.id});
  EXPECT_TRUE(store_->take_due(250, 10).empty());
  EXPECT_EQ(store_->next_due(), 300);
  EXPECT_TRUE(row(early.id).active);
  store_->release_active(early.id);
  EXPECT_FALSE(row(early.id).active);
  EXPECT_EQ(store_->next_due(), 100);
  EXPECT_EQ(store_->take_due(1000, 10), (std::vector<Id>{early.id, late.id}));
}

TEST_P(StoreContract, SaysWhenSomethingIsDueEarlier) {
  std::atomic<int> calls = 0;
  store_->on_due([&] { ++calls; });
  (void)put(500);
  EXPECT_EQ(calls, 1);
  (void)put(600);
  EXPECT_EQ(calls, 1);
  const Envelope first = put(400);
  EXPECT_EQ(calls, 2);
  ASSERT_EQ(store_->take_due(450, 1).size(), 1U);
  store_->release_active(first.id);
  EXPECT_EQ(calls, 3);
}

TEST_P(StoreContract, ADeliveredMessageLeaves) {
  const Envelope envelope = put(0);
  ASSERT_EQ(store_->take_due(0, 1).size(), 1U);
  ASSERT_TRUE(store_->settle(envelope.id, {{outcome(0, RecipientState::delivered)}, 0}));
  EXPECT_EQ(store_->load(envelope.id).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->open_body(envelope.id).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->settle(envelope.id, {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->status().messages, 0U);
}

TEST_P(StoreContract, RecipientsAreSettledOneByOne) {
  const Envelope envelope = put(0, 3);
  ASSERT_EQ(store_->take_due(0, 1).size(), 1U);
  ASSERT_TRUE(
      store_->settle(envelope.id, {{outcome(0, RecipientState::delivered), outcome(1, RecipientState::failed, "550 no"),
                                    outcome(2, RecipientState::pending, "451 later")},
                                   7000}));
  QueuedMessage message = row(envelope.id);
  EXPECT_EQ(message.pending, 1U);
  EXPECT_EQ(message.failed, 1U);
  EXPECT_EQ(message.attempts, 1U);
  EXPECT_EQ(message.next_attempt, 7000);
  EXPECT_FALSE(message.active);
  EXPECT_EQ(store_->status().failed_recipients, 1U);

  auto loaded = store_->load(envelope.id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->recipients[0].state, RecipientState::delivered);
  EXPECT_EQ(loaded->recipients[1].state, RecipientState::failed);
  EXPECT_EQ(loaded->recipients[1].last_reply, "550 no");
  EXPECT_EQ(loaded->recipients[2].state, RecipientState::pending);
  EXPECT_EQ(loaded->recipients[2].attempts, 1U);
  EXPECT_EQ(loaded->next_attempt, 7000);
  EXPECT_EQ(loaded->attempts, 1U);

  EXPECT_EQ(store_->take_due(7000, 10), std::vector<Id>{envelope.id});
  ASSERT_TRUE(store_->settle(envelope.id, {{outcome(2, RecipientState::delivered)}, 0}));
  // Somebody was refused for good after our 250: it stays until that is seen to, but is not tried again.
  EXPECT_EQ(row(envelope.id).pending, 0U);
  EXPECT_FALSE(store_->next_due());

  ASSERT_TRUE(store_->retry(envelope.id, 8000));
  EXPECT_EQ(store_->status().failed_recipients, 0U);
  EXPECT_EQ(store_->take_due(8000, 10), std::vector<Id>{envelope.id});
  loaded = store_->load(envelope.id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->recipients[1].state, RecipientState::pending);
  EXPECT_EQ(loaded->recipients[0].state, RecipientState::delivered);
  ASSERT_TRUE(store_->settle(envelope.id, {{outcome(1, RecipientState::dropped)}, 0}));
  EXPECT_EQ(store_->load(envelope.id).error().kind, ErrorKind::not_found);
}

TEST_P(StoreContract, WhoHasBeenToldIsRemembered) {
  const Envelope envelope = put(0, 2);
  ASSERT_EQ(store_->take_due(0, 1).size(), 1U);
  RecipientOutcome late = outcome(0, RecipientState::pending, "451 later");
  late.delay_told = true;
  ASSERT_TRUE(store_->settle(envelope.id, {{late, outcome(1, RecipientState::bounced, "550 no")}, 100}));
  ASSERT_EQ(store_->take_due(100, 1).size(), 1U);
  // The next settlement does not say it again, and it stays
  ASSERT_TRUE(store_->settle(envelope.id, {{outcome(0, RecipientState::pending, "451 later")}, 200}));
  const auto loaded = store_->load(envelope.id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->recipients[0].notify, kDelayTold);
  EXPECT_EQ(loaded->recipients[1].notify, 0);
  EXPECT_EQ(loaded->recipients[1].state, RecipientState::bounced);
  EXPECT_EQ(store_->status().failed_recipients, 0U);
  // Who was told of a failure keeps no message in the queue, and is not tried again
  ASSERT_TRUE(store_->retry(envelope.id, 300));
  EXPECT_EQ(store_->load(envelope.id)->recipients[1].state, RecipientState::bounced);
  ASSERT_EQ(store_->take_due(300, 1).size(), 1U);
  ASSERT_TRUE(store_->settle(envelope.id, {{outcome(0, RecipientState::bounced, "550 no")}, 0}));
  EXPECT_EQ(store_->load(envelope.id).error().kind, ErrorKind::not_found);
}

TEST_P(StoreContract, AnOutcomeForNobodyChangesNothing) {
  const Envelope envelope = put(0, 2);
  EXPECT_EQ(
      store_->settle(envelope.id, {{outcome(0, RecipientState::delivered), outcome(2, RecipientState::delivered)}, 0})
          .error()
          .kind,
      ErrorKind::invalid);
  EXPECT_EQ(row(envelope.id).pending, 2U);
}

TEST_P(StoreContract, ALongHistoryAddsUp) {
  const Envelope envelope = put(0, 2);
  for (std::uint32_t attempt = 1; attempt <= 70; ++attempt) {
    ASSERT_EQ(store_->take_due(attempt, 1).size(), 1U) << attempt;
    ASSERT_TRUE(store_->settle(
        envelope.id, {{outcome(attempt % 2, RecipientState::pending, "451 try " + std::to_string(attempt))}, attempt}));
    if (attempt % 9 == 0) {  // also what waits to be written is seen, and so is what has been
      const auto loaded = store_->load(envelope.id);
      ASSERT_TRUE(loaded) << loaded.error().what;
      EXPECT_EQ(loaded->attempts, attempt);
      EXPECT_EQ(loaded->recipients[attempt % 2].last_reply, "451 try " + std::to_string(attempt));
      EXPECT_EQ(loaded->recipients[0].attempts + loaded->recipients[1].attempts, attempt);
    }
  }
  EXPECT_EQ(read_body(*store_, envelope.id).value_or(""), body_of(1000, 1));
}

TEST_P(StoreContract, AHeldMessageIsNotDue) {
  const Envelope envelope = put(0);
  ASSERT_TRUE(store_->hold(envelope.id));
  EXPECT_TRUE(store_->take_due(1000, 10).empty());
  EXPECT_TRUE(row(envelope.id).held);
  EXPECT_TRUE(store_->load(envelope.id)->held);
  EXPECT_EQ(store_->status().held, 1U);
  ASSERT_TRUE(store_->release(envelope.id));
  EXPECT_EQ(store_->status().held, 0U);
  EXPECT_EQ(store_->take_due(1000, 10), std::vector<Id>{envelope.id});
  // Held while an attempt runs: the attempt ends as it ends, there is no next one.
  ASSERT_TRUE(store_->hold(envelope.id));
  EXPECT_TRUE(row(envelope.id).active);
  ASSERT_TRUE(store_->settle(envelope.id, {{outcome(0, RecipientState::pending)}, 10}));
  EXPECT_TRUE(store_->take_due(1000, 10).empty());
}

TEST_P(StoreContract, DropIsAtOnce) {
  const Envelope envelope = put(0, 2, 100000);
  ASSERT_EQ(store_->take_due(0, 1).size(), 1U);
  const auto body = store_->open_body(envelope.id);
  ASSERT_TRUE(body);
  ASSERT_TRUE(store_->drop(envelope.id));
  EXPECT_TRUE(store_->list(std::nullopt, 10).empty());
  EXPECT_EQ((*body)->read(0, 100).value_or(""), body_of(100000, 1).substr(0, 100));
  store_->release_active(envelope.id);
  EXPECT_FALSE(store_->next_due());
}

TEST_P(StoreContract, CommandsKnowWhatIsNotThere) {
  const Id nobody = Id::make(1);
  EXPECT_EQ(store_->hold(nobody).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->release(nobody).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->retry(nobody, 0).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->drop(nobody).error().kind, ErrorKind::not_found);
  EXPECT_EQ(store_->load(nobody).error().kind, ErrorKind::not_found);
}

TEST_P(StoreContract, ListsInOrderPageByPage) {
  std::vector<Id> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(put(1000 - i).id);
  std::ranges::sort(ids);
  std::vector<Id> seen;
  std::optional<Id> after;
  for (;;) {
    const auto page = store_->list(after, 7);
    if (page.empty()) break;
    for (const QueuedMessage& message : page) seen.push_back(message.id);
    after = page.back().id;
  }
  EXPECT_EQ(seen, ids);
}

TEST_P(StoreContract, AfterCloseNothingIsTaken) {
  auto intake = store_->begin(loop_);
  ASSERT_TRUE(intake);
  store_->close();
  EXPECT_EQ(store_->begin(loop_).error().kind, ErrorKind::storage);
  EXPECT_EQ(store_->admit(1).error().kind, ErrorKind::storage);
  EXPECT_EQ(run(loop_, (*intake)->commit(envelope_of(0))).error().kind, ErrorKind::storage);
}

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract, testing::Values(Which::ram, Which::journal, Which::moved), [](const auto& which) {
      return std::string(which.param == Which::ram ? "Ram" : which.param == Which::journal ? "Journal" : "Moved");
    });

TEST(RamStore, FailsAsToldByATest) {
  RamStoreFaults faults;
  const auto store = make_ram_store(&faults);
  io::Loop loop;
  faults.begin_full = true;
  EXPECT_EQ(store->begin(loop).error().kind, ErrorKind::limit);
  faults = {.begin_sick = true};
  EXPECT_EQ(store->admit(1).error().kind, ErrorKind::storage);
  EXPECT_FALSE(store->status().healthy);
  faults = {.commit_fails = true};
  EXPECT_EQ(put(*store, loop, envelope_of(0), "x").error().kind, ErrorKind::storage);
  EXPECT_EQ(store->status().messages, 0U);
}

}  // namespace
}  // namespace postern::spool::test
