// What only the journal has: files, damage, limits, a life after the process.
#include "spool/journal.h"

#include <gtest/gtest.h>

#include "spool/deferred_file.h"
#include "spool/record_format.h"
#include "workload.h"

namespace postern::spool::test {
namespace {

bool contains(const std::vector<std::string>& files, const std::string& file) {
  return std::ranges::find(files, file) != files.end();
}

class JournalTest : public testing::Test {
 protected:
  JournalTest() { disk_.add_directory(""); }
  ~JournalTest() override {
    if (store_) store_->close();
  }
  void open(JournalOptions options = small_options()) {
    auto opened = open_journal_on(options, disk_, kQuick);
    ASSERT_TRUE(opened) << opened.error().what;
    store_ = std::move(*opened);
  }
  void reopen(JournalOptions options = small_options()) {
    store_->close();
    store_.reset();
    open(std::move(options));
  }
  Envelope put(std::size_t size = 1000, std::size_t recipients = 1, unsigned seed = 1) {
    Envelope envelope = envelope_of(0, recipients);
    const Result<void> done = test::put(*store_, loop_, envelope, body_of(size, seed));
    EXPECT_TRUE(done) << done.error().what;
    envelope.size = size;
    return envelope;
  }
  [[nodiscard]] bool wait_for_file(const std::string& name, bool there = true) {
    return disk_.wait_until([&](const auto& files) { return contains(files, name) == there; });
  }
  std::vector<std::string> segments() {
    std::vector<std::string> out;
    for (const std::string& file : disk_.files()) {
      if (file.ends_with(".seg")) out.push_back(file);
    }
    return out;
  }
  // The place of `octets` in a file, which must be there.
  std::size_t find(const std::string& file, const std::string& octets) {
    const std::size_t at = disk_.content(file).find(octets);
    EXPECT_NE(at, std::string::npos);
    return at;
  }

  MemoryDisk disk_;
  io::Loop loop_;
  std::unique_ptr<Store> store_;
};

TEST_F(JournalTest, ADamagedRecordCostsNoOther) {
  open();
  const Envelope first = put(3000, 1, 1);
  const Envelope second = put(3000, 1, 2);
  const Envelope third = put(3000, 1, 3);
  store_->close();
  store_.reset();
  const std::string file = segments().front();
  std::string octets = disk_.content(file);
  octets[find(file, body_of(3000, 2)) + 1500] ^= 1;
  disk_.set_content(file, octets);
  open();
  EXPECT_TRUE(store_->load(first.id));
  EXPECT_FALSE(store_->load(second.id));
  EXPECT_EQ(read_body(*store_, third.id).value_or(""), body_of(3000, 3));
}

TEST_F(JournalTest, EveryOctetOfASegmentMayBeDamaged) {
  open();
  const Envelope first = put(200, 1, 1);
  const Envelope second = put(200, 1, 2);
  store_->close();
  store_.reset();
  const std::string file = segments().front();
  const std::string good = disk_.content(file);
  const std::size_t end = find(file, body_of(200, 2)) + 200;
  for (std::size_t at = 0; at < end; at += 3) {
    std::string octets = good;
    octets[at] ^= 0x10;
    const auto damaged = std::make_unique<MemoryDisk>();
    damaged->add_directory("");
    for (const char* const folder : {"/spool", "/spool/intake", "/spool/meta", "/spool/deferred"}) {
      damaged->add_directory(folder);
    }
    damaged->set_content(file, octets);
    auto store = open_journal_on(small_options(), *damaged, kQuick);
    ASSERT_TRUE(store) << at;
    // At most the one that was hit is gone; what is there is whole.
    std::size_t there = 0;
    for (const auto& [envelope, seed] : {std::pair(first, 1U), std::pair(second, 2U)}) {
      if (!(*store)->load(envelope.id)) continue;
      ++there;
      EXPECT_EQ(read_body(**store, envelope.id).value_or(""), body_of(200, seed)) << at;
    }
    EXPECT_GE(there, 1U) << at;
    EXPECT_EQ((*store)->status().messages, there);
  }
}

TEST_F(JournalTest, DamageAfterOpeningIsSeenWhenItIsRead) {
  open();
  const Envelope envelope = put(150000);
  const std::string file = segments().front();
  std::string octets = disk_.content(file);
  octets[find(file, body_of(150000, 1).substr(0, 1000))] ^= 1;
  disk_.set_content(file, octets);
  const auto body = store_->open_body(envelope.id);
  ASSERT_TRUE(body) << body.error().what;
  EXPECT_EQ((*body)->read(0, 100).error().kind, ErrorKind::storage);
  EXPECT_TRUE((*body)->read(100000, 100));
}

TEST_F(JournalTest, AnImageOfARecordInsideAMessageIsNotTakenForOne) {
  open();
  // A stranger who guesses segment and offset still does not know the segment's key.
  const Envelope forged = envelope_of(0);
  std::string payload;
  encode_message_head(summary_of(forged), forged, {}, payload);
  std::string body(8 * 1024, '\0');
  Envelope carrier = envelope_of(0);
  carrier.size = body.size();
  std::string head;
  encode_message_head(summary_of(carrier), carrier, {}, head);
  const std::size_t body_at = kSegmentHeader + kRecordHeader + head.size();
  for (std::size_t at = padded(body_at); at + 1024 < body_at + body.size(); at += 512) {
    RecordHeader header;
    header.length = static_cast<std::uint32_t>(payload.size());
    header.payload_crc = crc32c(payload);
    header.key = 0x0123456789ABCDEF;
    header.place = {1, static_cast<std::uint32_t>(at / 8)};
    std::string record(kRecordHeader, '\0');
    encode_record_header(header, std::span(record).first<kRecordHeader>());
    body.replace(at - body_at, record.size() + payload.size(), record + payload);
  }
  ASSERT_TRUE(test::put(*store_, loop_, carrier, body));
  const Envelope last = put(100);
  store_->close();
  store_.reset();
  // The carrier itself is damaged, so that recovery looks for records inside it.
  const std::string file = segments().front();
  std::string octets = disk_.content(file);
  ASSERT_EQ(find(file, body), body_at);  // the images are where they say
  octets[kSegmentHeader + 40] ^= 1;
  disk_.set_content(file, octets);
  open();
  EXPECT_EQ(store_->status().messages, 1U);
  EXPECT_TRUE(store_->load(last.id));
  EXPECT_FALSE(store_->load(forged.id));
}

TEST_F(JournalTest, SegmentsAreRetiredAndUsedAgain) {
  open();
  for (int i = 0; i < 60; ++i) {
    const Envelope envelope = put(20000, 1, static_cast<unsigned>(i));
    ASSERT_TRUE(store_->settle(envelope.id, {{outcome(0, RecipientState::delivered)}, 0}));
  }
  const Envelope last = put(20000, 1, 99);
  EXPECT_TRUE(disk_.wait_until([](const auto& files) {
    return std::ranges::count_if(files, [](const auto& file) { return file.ends_with(".seg"); }) <= 2;
  }));
  const auto ops = disk_.log();
  EXPECT_TRUE(std::ranges::any_of(ops, [](const auto& op) {
    return op.kind == MemoryDisk::Kind::rename && op.path.ends_with(".seg") && op.to.find("spare") != std::string::npos;
  }));
  // The file of a former life still has its records behind the new ones; none of them comes back.
  reopen();
  EXPECT_EQ(store_->status().messages, 1U);
  EXPECT_EQ(read_body(*store_, last.id).value_or(""), body_of(20000, 99));
}

TEST_F(JournalTest, AMessageThatStaysHasAFileToLookAt) {
  JournalOptions options = small_options();
  options.settle_after_ms = -1000;
  open(options);
  const Envelope envelope = put(70000, 2);
  const std::string file = "/spool/deferred/" + deferred_name(envelope.id);
  ASSERT_TRUE(wait_for_file(file));
  ASSERT_TRUE(store_->settle(envelope.id,
                             {{outcome(0, RecipientState::failed, "550 no"), outcome(1, RecipientState::pending)}, 9}));
  reopen(options);
  EXPECT_TRUE(disk_.content(file).starts_with(body_of(70000, 1)));
  const auto loaded = store_->load(envelope.id);
  ASSERT_TRUE(loaded) << loaded.error().what;
  EXPECT_EQ(loaded->recipients[0].last_reply, "550 no");
  EXPECT_EQ(loaded->attempts, 1U);
  EXPECT_EQ(store_->next_due(), 9);
  EXPECT_EQ(read_body(*store_, envelope.id).value_or(""), body_of(70000, 1));
  ASSERT_TRUE(store_->drop(envelope.id));
  EXPECT_TRUE(wait_for_file(file, false));
  reopen(options);
  EXPECT_EQ(store_->status().messages, 0U);
}

TEST_F(JournalTest, ADamagedFileIsAnErrorAndAMissingOneIsHeld) {
  JournalOptions options = small_options();
  options.settle_after_ms = -1000;
  open(options);
  const Envelope damaged = put(70000, 1, 1);
  const Envelope missing = put(100, 1, 2);
  const std::string damaged_file = "/spool/deferred/" + deferred_name(damaged.id);
  const std::string missing_file = "/spool/deferred/" + deferred_name(missing.id);
  ASSERT_TRUE(wait_for_file(damaged_file) && wait_for_file(missing_file));
  reopen(options);
  std::string octets = disk_.content(damaged_file);
  octets[69000] ^= 1;
  disk_.set_content(damaged_file, octets);
  const auto body = store_->open_body(damaged.id);
  ASSERT_TRUE(body);
  EXPECT_TRUE((*body)->read(0, 100));
  EXPECT_EQ((*body)->read(68000, 100).error().kind, ErrorKind::storage);
  disk_.set_content(damaged_file, octets.substr(0, octets.size() - 1));
  EXPECT_FALSE(store_->open_body(damaged.id));
  store_->close();
  store_.reset();
  ASSERT_TRUE(disk_.unlink(missing_file));
  open(options);
  EXPECT_EQ(store_->status().held, 1U);
  EXPECT_TRUE(store_->load(missing.id)->held);
}

TEST_F(JournalTest, TheMetaLogIsRewrittenWhenMostOfItIsDead) {
  JournalOptions options = small_options();
  options.segment_bytes = 4096;
  options.settle_after_ms = -1000;
  open(options);
  const Envelope kept = put(100, 2, 7);
  ASSERT_TRUE(wait_for_file("/spool/deferred/" + deferred_name(kept.id)));
  ASSERT_TRUE(store_->settle(kept.id, {{outcome(0, RecipientState::delivered)}, 5}));
  // Others come and go until the segment that the first one was written to is gone.
  for (int i = 0; i < 400; ++i) {
    const bool gone = !contains(disk_.files(), "/spool/meta/00000001.log");
    if (gone) break;
    const Envelope envelope = put(10);
    ASSERT_TRUE(wait_for_file("/spool/deferred/" + deferred_name(envelope.id)));
    ASSERT_TRUE(store_->drop(envelope.id));
    ASSERT_TRUE(wait_for_file("/spool/deferred/" + deferred_name(envelope.id), false));
  }
  EXPECT_TRUE(wait_for_file("/spool/meta/00000001.log", false));
  for (int life = 0; life < 2; ++life) {
    const auto loaded = store_->load(kept.id);
    ASSERT_TRUE(loaded) << loaded.error().what;
    EXPECT_EQ(loaded->recipients[0].state, RecipientState::delivered);
    EXPECT_EQ(read_body(*store_, kept.id).value_or(""), body_of(100, 7));
    reopen(options);
  }
  EXPECT_EQ(store_->status().messages, 1U);
}

TEST_F(JournalTest, AtTheHighWaterMarkNothingIsTaken) {
  JournalOptions options = small_options();
  options.max_bytes = 50000;
  open(options);
  EXPECT_TRUE(store_->admit(40000));
  EXPECT_EQ(store_->admit(50001).error().kind, ErrorKind::limit);
  std::vector<Id> ids;
  while (store_->begin(loop_)) ids.push_back(put(10000).id);
  EXPECT_EQ(ids.size(), 5U);
  EXPECT_EQ(store_->begin(loop_).error().kind, ErrorKind::limit);
  // Settling is still possible, and makes room.
  for (const Id& id : ids) ASSERT_TRUE(store_->settle(id, {{outcome(0, RecipientState::delivered)}, 0}));
  reopen(options);
  EXPECT_TRUE(disk_.wait_until([](const auto& files) { return !contains(files, "/spool/intake/00000001.seg"); }));
  EXPECT_TRUE(store_->begin(loop_));
}

TEST_F(JournalTest, AFullFileSystemIsSeenBeforeItHurts) {
  disk_.set_space({std::uint64_t{100} << 30, std::uint64_t{10} << 20});
  open();
  EXPECT_EQ(store_->begin(loop_).error().kind, ErrorKind::limit);
  EXPECT_TRUE(store_->status().healthy);
}

TEST_F(JournalTest, AFullDiskAtTheStartIsNoReasonToStayDown) {
  open();
  const Envelope envelope = put();
  store_->close();
  store_.reset();
  disk_.fail_always(ENOSPC, true);
  open();
  EXPECT_FALSE(store_->status().healthy);
  EXPECT_EQ(store_->begin(loop_).error().kind, ErrorKind::storage);
  EXPECT_TRUE(store_->load(envelope.id));
  disk_.fail_once(0, 0);
  EXPECT_TRUE(disk_.wait_until([](const auto& files) {
    return std::ranges::count_if(files, [](const auto& file) { return file.ends_with(".seg"); }) > 1;
  }));
}

TEST_F(JournalTest, DroppingMailMakesRoomWhileTheDiskIsFull) {
  open();
  std::vector<Id> ids;
  while (segments().size() < 4) ids.push_back(put(4000).id);
  const std::string oldest = segments().front();
  disk_.fail_always(ENOSPC, true);
  Result<void> done;
  while (done) {  // what is reserved already can still be filled
    Envelope envelope = envelope_of(0);
    done = test::put(*store_, loop_, envelope, body_of(4000, 1));
    if (done) ids.push_back(envelope.id);
  }
  EXPECT_EQ(done.error().kind, ErrorKind::storage);
  EXPECT_FALSE(store_->status().healthy);
  for (const Id& id : ids) ASSERT_TRUE(store_->drop(id));
  EXPECT_TRUE(wait_for_file(oldest, false));
  disk_.fail_once(0, 0);
}

TEST_F(JournalTest, ALockedSpoolIsNotOpenedTwice) {
  open();
  EXPECT_EQ(open_journal_on(small_options(), disk_, kQuick).error().kind, ErrorKind::storage);
}

TEST(RealDiskJournal, LivesOnInARealFolder) {
  const TempDir folder;
  JournalOptions options;
  options.directory = folder.path() + "/spool";
  options.segment_bytes = 1 << 20;
  std::uint64_t done = 0, total = 0;
  options.progress = [&](std::uint64_t octets, std::uint64_t of) {
    done = octets;
    total = of;
  };
  io::Loop loop;
  std::vector<Envelope> envelopes;
  {
    auto store = open_journal(options);
    ASSERT_TRUE(store) << store.error().what;
    EXPECT_NE(open_journal(options).error().what.find("another postern"), std::string::npos);
    for (unsigned i = 0; i < 30; ++i) {
      envelopes.push_back(envelope_of(0, 2));
      ASSERT_TRUE(put(**store, loop, envelopes.back(), body_of(i * 10000, i)));
      envelopes.back().size = i * 10000;
    }
    (*store)->close();
  }
  auto store = open_journal(options);
  ASSERT_TRUE(store) << store.error().what;
  EXPECT_GT(total, 0U);
  EXPECT_EQ(done, total);
  EXPECT_EQ((*store)->status().messages, 30U);
  EXPECT_LT((*store)->status().index_bytes, 200000U);
  for (unsigned i = 0; i < 30; ++i) {
    const auto loaded = (*store)->load(envelopes[i].id);
    ASSERT_TRUE(loaded) << loaded.error().what;
    EXPECT_EQ(*loaded, envelopes[i]);
    EXPECT_TRUE(read_body(**store, envelopes[i].id).value_or("") == body_of(i * 10000, i));
  }
}

TEST(RealDiskJournal, SaysWhatIsWrongWithAFolder) {
  JournalOptions options;
  options.directory = "/proc/no/such/folder";
  const auto store = open_journal(options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind, ErrorKind::storage);
  EXPECT_NE(store.error().what.find("/proc/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace postern::spool::test
