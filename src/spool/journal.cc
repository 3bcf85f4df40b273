#include "spool/journal.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "spool/deferred_file.h"
#include "spool/recovery.h"

namespace postern::spool {
namespace {

// A segment shorter than this would hold no full buffer; a longer one than this could not be addressed.
constexpr std::uint64_t kSegmentMin = 4096;
constexpr std::uint64_t kSegmentMax = std::uint64_t{16} << 30;
constexpr std::uint64_t kMetaSegment = std::uint64_t{4} << 20;
constexpr std::size_t kSpares = 2;

JournalOptions checked(JournalOptions options) {
  options.segment_bytes = std::clamp(options.segment_bytes, kSegmentMin, kSegmentMax) / 8 * 8;
  return options;
}

}  // namespace

Journal::Journal(const JournalOptions& options, Disk& disk, JournalTuning tuning)
    : options_(checked(options)),
      disk_(disk),
      tuning_(tuning),
      deferred_directory_(options.directory + "/deferred"),
      intake_log_({&disk, LogKind::intake, options.directory + "/intake", ".seg", options_.segment_bytes, kSpares}),
      meta_log_({&disk, LogKind::meta, options.directory + "/meta", ".log",
                 std::min(options_.segment_bytes, kMetaSegment), 1}) {}

Journal::~Journal() { close(); }

Result<void> Journal::open_folders() {
  POSTERN_TRY_VOID(disk_.make_directory(options_.directory));
  POSTERN_TRY(lock_file_, disk_.lock(options_.directory + "/lock"));
  for (const std::string_view name : {"/intake", "/meta", "/deferred"}) {
    POSTERN_TRY_VOID(disk_.make_directory(options_.directory + std::string(name)));
  }
  return disk_.sync_directory(options_.directory);
}

Result<void> Journal::recover() {
  Recovered found;
  POSTERN_TRY_VOID(spool::recover(options_, disk_, intake_log_, meta_log_, deferred_directory_, found));
  meta_records_ = std::move(found.meta_records);
  removable_ = std::move(found.strays);
  const std::uint64_t messages = found.index.size();
  const MutexLock lock(mutex_);
  index_ = std::move(found.index);
  oldest_arrival_ = INT64_MAX;
  for (std::size_t page = 0; !index_.page(page).empty(); ++page) {
    for (const Entry& entry : index_.page(page)) {
      if (entry.id.empty()) continue;
      add_live(log_of(entry), entry.oldest);
      if (entry.has(Entry::kDeferred)) {
        deferred_octets_ += entry.size;
        ++deferred_messages_;
      } else {
        oldest_arrival_ = std::min(oldest_arrival_, entry.arrived);
      }
    }
  }
  for (const Id& id : found.moved) queue_gone(kIntake, GoneReason::moved, id);
  for (const Id& id : found.finished) queue_gone(kIntake, GoneReason::settled, id);
  if (messages > 0 || found.damaged_octets > 0) {
    log::info("spool_recovery", {{"messages", messages},
                                 {"damaged_octets", found.damaged_octets},
                                 {"bodies_missing", found.lost},
                                 {"strays_removed", removable_.size()}});
  }
  return {};
}

Result<void> Journal::open() {
  POSTERN_TRY_VOID(open_folders());
  POSTERN_TRY_VOID(recover());
  for (const Log which : {kIntake, kMeta}) {
    const Result<void> started = log(which).start_segment();
    const MutexLock lock(mutex_);
    logs_[which].floor = log(which).first_in_use();
    if (started) continue;
    const bool full = started.error().sys == ENOSPC || started.error().sys == EDQUOT;
    if (!full) return started;
    // A full disk is no reason to stay down: what is queued may leave and make room.
    const std::vector<std::uint32_t> have = log(which).segments();
    logs_[which].floor = have.empty() ? 0 : have.back() + 1;
    set_sick(which, started.error());
  }
  {
    std::uint64_t limit = options_.max_bytes;
    if (limit == 0) {
      POSTERN_TRY(const Disk::Space space, disk_.space(options_.directory));
      limit = space.total / 10 * 9;
    }
    const MutexLock lock(mutex_);
    limit_ = limit;
  }
  look_at_space();
  commit_thread_ = std::thread([this] { commit_loop(); });
  keeper_thread_ = std::thread([this] { housekeeping_loop(); });
  return {};
}

void Journal::close() {
  {
    const MutexLock lock(mutex_);
    closing_ = true;
    committer_.notify_all();
    keeper_.notify_all();
    flushed_.notify_all();
  }
  if (commit_thread_.joinable()) commit_thread_.join();
  if (keeper_thread_.joinable()) keeper_thread_.join();
  lock_file_.reset();
}

namespace {

class JournalIntake final : public Intake {
 public:
  JournalIntake(std::shared_ptr<Journal> journal, io::Loop& loop) : journal_(std::move(journal)), loop_(loop) {}
  ~JournalIntake() override {
    if (pinned_ != 0) journal_->unpin(pinned_);
  }
  JournalIntake(const JournalIntake&) = delete;
  JournalIntake& operator=(const JournalIntake&) = delete;

  [[nodiscard]] bool fits(std::size_t size) const override { return size <= kIntakeBuffer - buffer_.size(); }
  void append_now(std::string_view bytes) override {
    POSTERN_CHECK(fits(bytes.size()));
    // Eight octets more for the padding: no second allocation when the record is written.
    if (buffer_.capacity() < buffer_.size() + bytes.size() + 8) {
      buffer_.reserve(std::min(kIntakeBuffer + 8, 2 * buffer_.size() + bytes.size() + 8));
    }
    buffer_.append(bytes);
    size_ += bytes.size();
  }

  [[nodiscard]] Task<Result<void>> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kIntakeBuffer - buffer_.size());
      append_now(part);
      bytes.remove_prefix(part.size());
      if (bytes.empty()) break;
      Result<void> streamed = co_await stream();
      if (!streamed) co_return streamed;
    }
    co_return Result<void>{};
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

  [[nodiscard]] Task<Result<void>> commit(Envelope envelope) override {
    if (committed_) co_return fail(ErrorKind::invalid, "commit: called twice");
    committed_ = true;
    if (envelope.id.empty()) co_return fail(ErrorKind::invalid, "commit: the envelope has no id");
    if (envelope.recipients.size() > Envelope::kRecipientsMax) {
      co_return fail(ErrorKind::limit, "commit: more than " + std::to_string(Envelope::kRecipientsMax) + " recipients");
    }
    envelope.size = size_;
    WriteRequest request(loop_);
    const Summary summary = summary_of(envelope);
    request.record.type = RecordType::message;
    request.record.head.reserve(512);
    request.record.head.resize(kRecordHeader);
    encode_message_head(summary, envelope, chunks_, request.record.head);
    const std::size_t limit = kRecordHeader + kPayloadMax - kIntakeBuffer;
    if (request.record.head.size() > limit) {
      co_return fail(ErrorKind::limit, "commit: the envelope of message " + envelope.id.text() + " is too large");
    }
    const std::size_t body = buffer_.size();
    if (body == 0) {
      request.record.seal();
    } else {
      const std::size_t unpadded = request.record.head.size() + body;
      buffer_.append(static_cast<std::size_t>(padded(unpadded) - unpadded), '\0');
      request.record.seal(buffer_, body);
    }
    request.entry = entry_of(summary, {});
    request.pinned = pinned_;
    request.chunks_epoch = epoch_;
    journal_->submit(request);
    Result<void> result = co_await request.handoff;
    if (result) pinned_ = 0;  // the message holds its segments now
    co_return result;
  }

 private:
  // Hands the full buffer to the log as a chunk and waits until it is written (not: synced).
  Task<Result<void>> stream() {
    if (name_.empty()) name_ = Id::make(wall_now());
    WriteRequest request(loop_);
    request.record.type = RecordType::chunk;
    request.record.head.resize(kRecordHeader);
    encode_chunk_head(name_, static_cast<std::uint32_t>(chunks_.size()), request.record.head);
    const std::size_t octets = buffer_.size();
    const std::size_t unpadded = request.record.head.size() + octets;
    buffer_.append(static_cast<std::size_t>(padded(unpadded) - unpadded), '\0');
    request.record.seal(buffer_, octets);
    request.pinned = pinned_;
    request.chunks_epoch = epoch_;
    journal_->submit(request);
    Result<void> result = co_await request.handoff;
    // Also after a failure: the log may count this intake already.
    pinned_ = request.pinned;
    epoch_ = request.chunks_epoch;
    buffer_.clear();
    if (result) chunks_.push_back({request.record.place, static_cast<std::uint32_t>(octets)});
    co_return result;
  }

  std::shared_ptr<Journal> journal_;
  io::Loop& loop_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  std::vector<ChunkPlace> chunks_;
  Id name_;
  std::uint32_t pinned_ = 0;
  std::uint64_t epoch_ = 0;
  bool committed_ = false;
};

class JournalStore final : public Store {
 public:
  explicit JournalStore(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}
  ~JournalStore() override { journal_->close(); }
  JournalStore(const JournalStore&) = delete;
  JournalStore& operator=(const JournalStore&) = delete;

  [[nodiscard]] Result<std::unique_ptr<Intake>> begin(io::Loop& loop) override {
    POSTERN_TRY_VOID(journal_->admit(0));
    return std::make_unique<JournalIntake>(journal_, loop);
  }
  [[nodiscard]] Result<void> admit(std::uint64_t declared_size) override { return journal_->admit(declared_size); }
  void on_due(std::function<void()> wake) override { journal_->on_due(std::move(wake)); }
  [[nodiscard]] std::vector<Id> take_due(WallMs now, std::size_t max) override { return journal_->take_due(now, max); }
  [[nodiscard]] std::optional<WallMs> next_due() const override { return journal_->next_due(); }
  void release_active(const Id& id) override { journal_->release_active(id); }
  [[nodiscard]] bool wanted(const Id& id) const override { return journal_->wanted(id); }
  [[nodiscard]] Result<Envelope> load(const Id& id) override { return journal_->load(id); }
  [[nodiscard]] Result<std::unique_ptr<Body>> open_body(const Id& id) override { return journal_->open_body(id); }
  [[nodiscard]] Result<void> settle(const Id& id, const Settlement& settlement) override {
    return journal_->settle(id, settlement);
  }
  [[nodiscard]] std::vector<QueuedMessage> list(std::optional<Id> after, std::size_t max) const override {
    return journal_->list(after, max);
  }
  [[nodiscard]] Result<void> hold(const Id& id) override { return journal_->set_held(id, true); }
  [[nodiscard]] Result<void> release(const Id& id) override { return journal_->set_held(id, false); }
  [[nodiscard]] Result<void> retry(const Id& id, WallMs now) override { return journal_->retry(id, now); }
  [[nodiscard]] Result<void> drop(const Id& id) override { return journal_->drop(id); }
  [[nodiscard]] StoreStatus status() const override { return journal_->status(); }
  void close() override { journal_->close(); }

 private:
  std::shared_ptr<Journal> journal_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_journal_on(const JournalOptions& options, Disk& disk, JournalTuning tuning) {
  auto journal = std::make_shared<Journal>(options, disk, tuning);
  POSTERN_TRY_VOID(journal->open());
  return std::make_unique<JournalStore>(std::move(journal));
}

Result<std::unique_ptr<Store>> open_journal(const JournalOptions& options) {
  return open_journal_on(options, real_disk());
}

}  // namespace postern::spool
