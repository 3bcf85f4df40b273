// Journal: the state behind the disk store, shared by the store, its intakes and its two threads.
//
//   loops ---- requests_ ----> commit thread ------> intake log     (one pwritev, one fdatasync for all that wait)
//   queue ---- pending_[intake] --^                                 (settlements of young messages ride along)
//         ---- pending_[meta] ---> housekeeper ----> meta log       (settlements of messages that have a file)
//                                       \----------> deferred/      (bodies), retired segments, spare segments
//
// Lock rule: mutex_ guards the index and the hand-over queues and is never held across a write, a read or a sync.
// update_mutex_ orders changes that must read the envelope first (two settlements of one message); it is taken before
// mutex_. Each log has one writing thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "io/loop.h"
#include "spool/index.h"
#include "spool/journal_store.h"
#include "spool/segment_log.h"
#include "spool/settle.h"

namespace postern::spool {

// What tests make smaller.
struct JournalTuning {
  milliseconds flush_after{1000};  // a settlement is on the disk at the latest after this
  milliseconds sick_retry{1000};   // between attempts to get a sick log going again
  milliseconds housekeeping{1000};
  std::uint64_t meta_slack = 4096;  // the meta log may be mostly dead up to so many records before it is rewritten
};

// Free space under which no mail is taken any more (or two segments, if they are larger; never more than a twentieth of
// the file system): settlements and moves must go on.
inline constexpr std::uint64_t kSpaceReserve = std::uint64_t{64} << 20;

// What waits to be written to one log without anybody waiting for it.
struct Update {
  std::vector<RecipientChange> changes;
  std::string full;  // instead of changes: the whole envelope, encoded
  Place base;        // with `full`: the message record, in the intake log
};
struct Pending {
  std::vector<std::pair<GoneReason, Id>> gone;
  std::unordered_map<Id, Update, IdHash> updates;
  [[nodiscard]] bool empty() const { return gone.empty() && updates.empty(); }
};

// One write that a coroutine waits for. Lives in the coroutine's frame.
struct WriteRequest {
  explicit WriteRequest(io::Loop& loop) : handoff(loop) {}
  io::Handoff<Result<void>> handoff;
  Record record;
  std::optional<Entry> entry;      // a commit; else a chunk
  std::uint32_t pinned = 0;        // oldest segment of this intake's chunks, 0 if there are none yet
  std::uint64_t chunks_epoch = 0;  // of them
  Result<void> result;
};

class Journal {
 public:
  Journal(const JournalOptions& options, Disk& disk, JournalTuning tuning);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  [[nodiscard]] Result<void> open();  // lock, recovery, threads
  void close();

  // For intakes.
  void submit(WriteRequest& request) POSTERN_EXCLUDES(mutex_);
  void unpin(std::uint32_t segment) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> admit(std::uint64_t size) POSTERN_EXCLUDES(mutex_);

  // Store, see there.
  void on_due(std::function<void()> wake) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Id> take_due(WallMs now, std::size_t max) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] std::optional<WallMs> next_due() const POSTERN_EXCLUDES(mutex_);
  void release_active(const Id& id) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] bool wanted(const Id& id) const POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<Envelope> load(const Id& id) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::unique_ptr<Body>> open_body(const Id& id) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> settle(const Id& id, const Settlement& settlement) POSTERN_EXCLUDES(mutex_, update_mutex_);
  [[nodiscard]] std::vector<QueuedMessage> list(std::optional<Id> after, std::size_t max) const
      POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> set_held(const Id& id, bool held) POSTERN_EXCLUDES(mutex_, update_mutex_);
  [[nodiscard]] Result<void> retry(const Id& id, WallMs now) POSTERN_EXCLUDES(mutex_, update_mutex_);
  [[nodiscard]] Result<void> drop(const Id& id) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] StoreStatus status() const POSTERN_EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;
  enum Log : std::uint8_t { kIntake = 0, kMeta = 1 };
  static Log log_of(const Entry& entry) { return entry.has(Entry::kDeferred) ? kMeta : kIntake; }

  // What one log's writer carries through a group.
  struct Batch {
    Pending taken;
    std::vector<std::pair<Id, std::unique_ptr<Record>>> updates;  // id and the record that carries its update
    std::vector<std::unique_ptr<Record>> gone;
    std::vector<std::uint8_t> depths;  // of the updates
  };
  struct LogState {
    Pending pending;
    Pending in_flight;                            // taken by the writer, not on the disk yet
    std::optional<Clock::time_point> flush_at;    // set while something is pending
    std::map<std::uint32_t, std::uint64_t> live;  // messages and intakes by their oldest segment
    std::uint32_t floor = 0;                      // segments from here on may be in use by the writer
    bool sick = false;
    std::string sick_because;
  };

  [[nodiscard]] Result<void> open_folders();
  [[nodiscard]] Result<void> recover() POSTERN_EXCLUDES(mutex_);

  // journal_commit.cc: the commit thread
  void commit_loop() POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] bool wait_for_group(std::vector<WriteRequest*>& requests, Batch& batch, bool& restart)
      POSTERN_EXCLUDES(mutex_);
  void write_group(std::vector<WriteRequest*>& requests, Batch& batch) POSTERN_EXCLUDES(mutex_);
  void publish_group(std::vector<WriteRequest*>& requests, Batch& batch) POSTERN_EXCLUDES(mutex_);
  void fail_group(std::vector<WriteRequest*>& requests, Batch& batch, const Error& error) POSTERN_EXCLUDES(mutex_);
  static void complete(std::vector<WriteRequest*>& requests);

  // journal_pending.cc: what both writers do with pending updates
  void take_pending(Log log, Batch& batch) POSTERN_REQUIRES(mutex_);
  void give_back(Log log, Batch& batch) POSTERN_REQUIRES(mutex_);
  void publish_updates(Log log, Batch& batch) POSTERN_REQUIRES(mutex_);
  static void add_records(Batch& batch, std::vector<Record*>& records);
  void queue_gone(Log log, GoneReason reason, const Id& id) POSTERN_REQUIRES(mutex_);
  void queue_update(const Entry& entry, Update update) POSTERN_REQUIRES(mutex_);
  void note_pending(Log log) POSTERN_REQUIRES(mutex_);
  void remove(const Entry& entry) POSTERN_REQUIRES(mutex_);
  void add_live(Log log, std::uint32_t segment) POSTERN_REQUIRES(mutex_);
  void drop_live(Log log, std::uint32_t segment) POSTERN_REQUIRES(mutex_);
  // Tries to go on after a failed write: new segment, the ids in `aborted` marked so, synced.
  [[nodiscard]] Result<void> restart_log(Log log, const std::vector<Id>& aborted) POSTERN_EXCLUDES(mutex_);
  void set_sick(Log log, const Error& error) POSTERN_REQUIRES(mutex_);
  void set_healthy(Log log) POSTERN_REQUIRES(mutex_);
  [[nodiscard]] bool sick() const POSTERN_REQUIRES(mutex_) { return logs_[kIntake].sick || logs_[kMeta].sick; }
  [[nodiscard]] std::function<void()> earlier(std::optional<WallMs> before) const POSTERN_REQUIRES(mutex_);

  // journal_read.cc
  struct Chain {
    Envelope envelope;
    std::string message;  // the message record, if asked for (and in the intake log)
    Place base;           // where it is
  };
  [[nodiscard]] Result<Chain> read_chain(const Entry& entry, bool want_message) const;
  struct Loaded {
    Envelope envelope;
    Entry entry;
    Place base;
  };
  [[nodiscard]] Result<Loaded> load_with_entry(const Id& id, bool want_base) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::unique_ptr<Body>> open_body_of(const Entry& entry) const;
  template <class Decide>
  [[nodiscard]] Result<void> change(const Id& id, Decide&& decide) POSTERN_EXCLUDES(mutex_, update_mutex_);

  // housekeeping.cc: the housekeeper
  void housekeeping_loop() POSTERN_EXCLUDES(mutex_);
  void housekeep() POSTERN_EXCLUDES(mutex_);
  void restart_meta() POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> flush_meta() POSTERN_EXCLUDES(mutex_);
  void remove_files() POSTERN_EXCLUDES(mutex_);
  void unlink_body(const Id& id);
  [[nodiscard]] std::vector<Entry> pick_old() POSTERN_EXCLUDES(mutex_);
  void move_old() POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::pair<Entry, Envelope>> write_files(const std::vector<Entry>& picked)
      POSTERN_EXCLUDES(mutex_);
  void cancel_move(const Id& id) POSTERN_EXCLUDES(mutex_);
  void clean_meta() POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] bool rewrite_oldest_meta(std::uint32_t oldest) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> append_envelopes(std::vector<std::pair<Entry, Envelope>>& messages,
                                              std::vector<Place>& places) POSTERN_EXCLUDES(mutex_);
  void retire(Log log) POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] bool flush_intake() POSTERN_EXCLUDES(mutex_);
  void look_at_space() POSTERN_EXCLUDES(mutex_);
  void meta_failed(const Error& error, std::vector<Id> aborted) POSTERN_EXCLUDES(mutex_);

  const JournalOptions options_;
  Disk& disk_;
  const JournalTuning tuning_;
  const std::string deferred_directory_;
  std::unique_ptr<File> lock_file_;
  SegmentLog intake_log_;
  SegmentLog meta_log_;
  [[nodiscard]] SegmentLog& log(Log which) { return which == kIntake ? intake_log_ : meta_log_; }
  [[nodiscard]] const SegmentLog& log(Log which) const { return which == kIntake ? intake_log_ : meta_log_; }

  Mutex update_mutex_;
  mutable Mutex mutex_;
  Index index_ POSTERN_GUARDED_BY(mutex_);
  LogState logs_[2] POSTERN_GUARDED_BY(mutex_);
  std::vector<WriteRequest*> requests_ POSTERN_GUARDED_BY(mutex_);
  bool committer_waits_ POSTERN_GUARDED_BY(mutex_) = false;
  bool keeper_called_ POSTERN_GUARDED_BY(mutex_) = false;
  bool closing_ POSTERN_GUARDED_BY(mutex_) = false;
  bool committer_ended_ POSTERN_GUARDED_BY(mutex_) = false;
  // Flushes of the intake log that the housekeeper asked for, and the last one that is done.
  std::uint64_t flush_asked_ POSTERN_GUARDED_BY(mutex_) = 0;
  std::uint64_t flush_done_ POSTERN_GUARDED_BY(mutex_) = 0;
  std::vector<Id> files_to_remove_ POSTERN_GUARDED_BY(mutex_);
  std::uint64_t deferred_octets_ POSTERN_GUARDED_BY(mutex_) = 0;
  std::uint64_t deferred_messages_ POSTERN_GUARDED_BY(mutex_) = 0;
  std::uint64_t limit_ POSTERN_GUARDED_BY(mutex_) = 0;
  bool space_low_ POSTERN_GUARDED_BY(mutex_) = false;
  WallMs oldest_arrival_ POSTERN_GUARDED_BY(mutex_) = 0;  // no message in the intake log is older
  std::uint64_t epoch_ POSTERN_GUARDED_BY(mutex_) = 1;    // counts failures of the intake log
  std::function<void()> wake_ POSTERN_GUARDED_BY(mutex_);
  std::condition_variable_any committer_;
  std::condition_variable_any keeper_;
  std::condition_variable_any flushed_;

  // Commit thread only.
  std::vector<Id> aborted_;
  Clock::time_point intake_retry_at_;
  std::uint64_t flush_taken_ = 0;
  std::uint32_t spare_asked_ = 0;  // the segment during which the housekeeper was called for a spare
  // Housekeeper only.
  std::vector<Id> meta_aborted_;
  std::vector<Id> files_after_restart_;  // of failed moves: removed once the meta log says that they were aborted
  std::vector<Id> removable_;            // files whose messages' departure is on the disk
  std::map<std::uint32_t, std::uint64_t> meta_records_;
  Clock::time_point meta_retry_at_;

  std::thread commit_thread_;
  std::thread keeper_thread_;
};

// open_journal() with another disk.
[[nodiscard]] Result<std::unique_ptr<Store>> open_journal_on(const JournalOptions& options, Disk& disk,
                                                             JournalTuning tuning = {});

}  // namespace postern::spool
