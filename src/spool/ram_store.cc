#include "spool/ram_store.h"

#include <algorithm>
#include <unordered_map>

#include "base/thread_annotations.h"
#include "spool/index.h"
#include "spool/settle.h"

namespace postern::spool {
namespace {

struct Message {
  Envelope envelope;
  std::shared_ptr<const std::string> body;
};

Entry entry_of(const Envelope& envelope) {
  const RecipientCounts counts = count_recipients(envelope);
  Entry entry;
  entry.id = envelope.id;
  entry.pending = counts.pending;
  entry.failed = counts.failed;
  entry.attempts = envelope.attempts;
  entry.arrived = envelope.arrived;
  entry.next_attempt = envelope.next_attempt;
  entry.size = envelope.size;
  entry.set(Entry::kHeld, envelope.held);
  return entry;
}

class RamBody final : public Body {
 public:
  explicit RamBody(std::shared_ptr<const std::string> octets) : octets_(std::move(octets)) {}
  [[nodiscard]] std::uint64_t size() const override { return octets_->size(); }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t max) override {
    if (offset >= octets_->size()) return std::string();
    return octets_->substr(offset, std::min(max, kIntakeBuffer));
  }

 private:
  std::shared_ptr<const std::string> octets_;
};

class Shelf {  // the state; intakes share it, so that they may outlive the store
 public:
  explicit Shelf(RamStoreFaults* faults) : faults_(faults) {}

  Result<void> admit() const {
    const MutexLock lock(mutex_);
    if (closed_) return fail(ErrorKind::storage, "the spool is closed");
    if (faults_ != nullptr && faults_->begin_sick) return fail(ErrorKind::storage, "the spool is sick");
    if (faults_ != nullptr && faults_->begin_full) return fail(ErrorKind::limit, "the spool is full");
    return {};
  }

  Result<void> commit(Envelope envelope, std::string body) {
    std::function<void()> wake;
    {
      const MutexLock lock(mutex_);
      if (closed_) return fail(ErrorKind::storage, "the spool is closed");
      if (faults_ != nullptr && faults_->commit_fails) return fail(ErrorKind::storage, "writing the journal failed");
      if (envelope.id.empty()) return fail(ErrorKind::invalid, "commit: the envelope has no id");
      envelope.size = body.size();
      const std::optional<WallMs> before = index_.next_due();
      if (!index_.insert(entry_of(envelope))) {
        return fail(ErrorKind::invalid, "commit: message " + envelope.id.text() + " is in the spool already");
      }
      octets_ += body.size();
      const Id id = envelope.id;
      messages_[id] = {std::move(envelope), std::make_shared<const std::string>(std::move(body))};
      wake = earlier(before);
    }
    if (wake) wake();
    return {};
  }

  void on_due(std::function<void()> wake) {
    const MutexLock lock(mutex_);
    wake_ = std::move(wake);
  }
  std::vector<Id> take_due(WallMs now, std::size_t max) {
    const MutexLock lock(mutex_);
    return index_.take_due(now, max);
  }
  std::optional<WallMs> next_due() const {
    const MutexLock lock(mutex_);
    return index_.next_due();
  }
  void release_active(const Id& id) {
    (void)change(id, [](Entry& entry, Message&) { entry.set(Entry::kActive, false); });
  }
  bool wanted(const Id& id) const {
    const MutexLock lock(mutex_);
    const auto found = messages_.find(id);
    return found != messages_.end() && !found->second.envelope.held;
  }
  Result<Envelope> load(const Id& id) const {
    const MutexLock lock(mutex_);
    const auto found = messages_.find(id);
    if (found == messages_.end()) return missing(id);
    return found->second.envelope;
  }
  Result<std::unique_ptr<Body>> open_body(const Id& id) const {
    const MutexLock lock(mutex_);
    const auto found = messages_.find(id);
    if (found == messages_.end()) return missing(id);
    return std::make_unique<RamBody>(found->second.body);
  }

  Result<void> settle(const Id& id, const Settlement& settlement) {
    std::vector<RecipientChange> changes;
    {
      const MutexLock lock(mutex_);
      const auto found = messages_.find(id);
      if (found == messages_.end()) return missing(id);
      POSTERN_TRY(changes, changes_of(found->second.envelope, settlement));
      Envelope after = found->second.envelope;
      apply_changes(after, changes);
      if (count_recipients(after).finished()) {
        remove(id);
        return {};
      }
    }
    return change(id, [&](Entry& entry, Message& message) {
      apply_changes(message.envelope, changes);
      entry.set(Entry::kActive, false);
      entry.attempts = ++message.envelope.attempts;
      entry.next_attempt = message.envelope.next_attempt = settlement.next_attempt;
    });
  }

  std::vector<QueuedMessage> list(std::optional<Id> after, std::size_t max) const {
    const MutexLock lock(mutex_);
    return index_.list(after, max);
  }
  Result<void> set_held(const Id& id, bool held) {
    return change(id, [&](Entry& entry, Message& message) {
      message.envelope.held = held;
      entry.set(Entry::kHeld, held);
    });
  }
  Result<void> retry(const Id& id, WallMs now) {
    return change(id, [&](Entry& entry, Message& message) {
      apply_changes(message.envelope, changes_of_retry(message.envelope));
      entry.next_attempt = message.envelope.next_attempt = now;
    });
  }
  Result<void> drop(const Id& id) {
    const MutexLock lock(mutex_);
    if (!messages_.contains(id)) return missing(id);
    remove(id);
    return {};
  }
  StoreStatus status() const {
    const MutexLock lock(mutex_);
    StoreStatus status;
    status.messages = index_.size();
    status.held = index_.held();
    status.failed_recipients = index_.failed_recipients();
    status.bytes_on_disk = octets_;
    status.index_bytes = index_.memory();
    if (faults_ != nullptr && faults_->begin_sick) {
      status.healthy = false;
      status.sick_because = "told so by the test";
    }
    return status;
  }
  void close() {
    const MutexLock lock(mutex_);
    closed_ = true;
  }

 private:
  static std::unexpected<Error> missing(const Id& id) {
    return fail(ErrorKind::not_found, "no message " + id.text() + " in the spool");
  }
  void remove(const Id& id) POSTERN_REQUIRES(mutex_) {
    octets_ -= messages_.at(id).body->size();
    messages_.erase(id);
    index_.erase(id);
  }
  // The callback to run, outside the lock, if something is due earlier than `before`.
  std::function<void()> earlier(std::optional<WallMs> before) POSTERN_REQUIRES(mutex_) {
    const std::optional<WallMs> now = index_.next_due();
    return now && (!before || *now < *before) ? wake_ : nullptr;
  }
  template <class Edit>
  Result<void> change(const Id& id, Edit&& edit) {
    std::function<void()> wake;
    {
      const MutexLock lock(mutex_);
      const auto found = messages_.find(id);
      if (found == messages_.end()) return missing(id);
      const std::optional<WallMs> before = index_.next_due();
      Entry* const entry = index_.find(id);
      POSTERN_CHECK(entry != nullptr);
      index_.edit(*entry, [&](Entry& e) {
        edit(e, found->second);
        const RecipientCounts counts = count_recipients(found->second.envelope);
        e.pending = counts.pending;
        e.failed = counts.failed;
      });
      wake = earlier(before);
    }
    if (wake) wake();
    return {};
  }

  RamStoreFaults* const faults_;
  mutable Mutex mutex_;
  Index index_ POSTERN_GUARDED_BY(mutex_);
  std::unordered_map<Id, Message, IdHash> messages_ POSTERN_GUARDED_BY(mutex_);
  std::function<void()> wake_ POSTERN_GUARDED_BY(mutex_);
  std::uint64_t octets_ POSTERN_GUARDED_BY(mutex_) = 0;
  bool closed_ POSTERN_GUARDED_BY(mutex_) = false;
};

class RamIntake final : public Intake {
 public:
  explicit RamIntake(std::shared_ptr<Shelf> shelf) : shelf_(std::move(shelf)) {}
  [[nodiscard]] Task<Result<void>> append(std::string_view bytes) override {
    body_.append(bytes);
    co_return Result<void>{};
  }
  // The same answer as the journal gives, so that sessions take both ways in tests.
  [[nodiscard]] bool fits(std::size_t size) const override {
    return body_.size() % kIntakeBuffer + size <= kIntakeBuffer;
  }
  void append_now(std::string_view bytes) override { body_.append(bytes); }
  [[nodiscard]] std::uint64_t size() const override { return body_.size(); }
  [[nodiscard]] Task<Result<void>> commit(Envelope envelope) override {
    co_return shelf_->commit(std::move(envelope), std::move(body_));
  }

 private:
  std::shared_ptr<Shelf> shelf_;
  std::string body_;
};

class RamStore final : public Store {
 public:
  explicit RamStore(RamStoreFaults* faults) : shelf_(std::make_shared<Shelf>(faults)) {}
  [[nodiscard]] Result<std::unique_ptr<Intake>> begin(io::Loop&) override {
    POSTERN_TRY_VOID(shelf_->admit());
    return std::make_unique<RamIntake>(shelf_);
  }
  [[nodiscard]] Result<void> admit(std::uint64_t) override { return shelf_->admit(); }
  void on_due(std::function<void()> wake) override { shelf_->on_due(std::move(wake)); }
  [[nodiscard]] std::vector<Id> take_due(WallMs now, std::size_t max) override { return shelf_->take_due(now, max); }
  [[nodiscard]] std::optional<WallMs> next_due() const override { return shelf_->next_due(); }
  void release_active(const Id& id) override { shelf_->release_active(id); }
  [[nodiscard]] bool wanted(const Id& id) const override { return shelf_->wanted(id); }
  [[nodiscard]] Result<Envelope> load(const Id& id) override { return shelf_->load(id); }
  [[nodiscard]] Result<std::unique_ptr<Body>> open_body(const Id& id) override { return shelf_->open_body(id); }
  [[nodiscard]] Result<void> settle(const Id& id, const Settlement& settlement) override {
    return shelf_->settle(id, settlement);
  }
  [[nodiscard]] std::vector<QueuedMessage> list(std::optional<Id> after, std::size_t max) const override {
    return shelf_->list(after, max);
  }
  [[nodiscard]] Result<void> hold(const Id& id) override { return shelf_->set_held(id, true); }
  [[nodiscard]] Result<void> release(const Id& id) override { return shelf_->set_held(id, false); }
  [[nodiscard]] Result<void> retry(const Id& id, WallMs now) override { return shelf_->retry(id, now); }
  [[nodiscard]] Result<void> drop(const Id& id) override { return shelf_->drop(id); }
  [[nodiscard]] StoreStatus status() const override { return shelf_->status(); }
  void close() override { shelf_->close(); }

 private:
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace

std::unique_ptr<Store> make_ram_store(RamStoreFaults* faults) { return std::make_unique<RamStore>(faults); }

}  // namespace postern::spool
