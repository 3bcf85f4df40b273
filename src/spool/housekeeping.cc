// The housekeeper: moves what stays, writes the meta log, retires segments, keeps spare files and an eye on the space.
// Nothing here is in the way of an acknowledgement.
#include <algorithm>
#include <array>
#include <set>

#include "base/log.h"
#include "spool/deferred_file.h"
#include "spool/journal.h"
#include "spool/segment_scan.h"

namespace postern::spool {
namespace {

// Messages moved with one sync of the meta log; between two such groups the other work gets its turn.
constexpr std::size_t kMoveGroup = 64;

}  // namespace

void Journal::housekeeping_loop() {
  for (;;) {
    bool last = false;
    {
      const MutexLock lock(mutex_);
      last = closing_ && committer_ended_;
    }
    housekeep();
    if (last) return;
    MutexLock lock(mutex_);
    const Clock::time_point until = Clock::now() + tuning_.housekeeping;
    while (!keeper_called_ && !closing_) {
      const auto flush_at = logs_[kMeta].flush_at;
      const bool flush = flush_at.has_value() && !logs_[kMeta].sick;
      if (Clock::now() >= until || (flush && Clock::now() >= *flush_at)) break;
      keeper_.wait_until(lock, flush ? std::min(until, *flush_at) : until);
    }
    keeper_called_ = false;
    while (closing_ && !committer_ended_) flushed_.wait(lock);
  }
}

void Journal::housekeep() {
  bool sick = false;
  bool flush = false;
  bool closing = false;
  {
    const MutexLock lock(mutex_);
    sick = logs_[kMeta].sick;
    closing = closing_;
    flush =
        !logs_[kMeta].pending.empty() && (closing || (logs_[kMeta].flush_at && Clock::now() >= *logs_[kMeta].flush_at));
  }
  if (sick) {
    if (Clock::now() >= meta_retry_at_) restart_meta();
    const MutexLock lock(mutex_);
    sick = logs_[kMeta].sick;
  }
  if (!sick && flush) {
    if (const Result<void> done = flush_meta(); !done) {
      meta_failed(done.error(), {});
      sick = true;
    }
  }
  if (closing) return;
  look_at_space();
  remove_files();  // before moves: a left-over of a move that did not end must not be taken for the file of the next
  if (!sick) move_old();
  retire(kIntake);
  if (!sick) clean_meta();
  if (!intake_log_.spare_due()) return;
  if (const Result<void> spare = intake_log_.prepare_spare(); !spare) {
    // Not yet a failure of anything: the commit thread makes its own file, or says that it cannot.
    log::debug("spool_no_spare", {{"error", spare.error().what}});
  }
}

void Journal::meta_failed(const Error& error, std::vector<Id> aborted) {
  meta_log_.abandon();
  meta_aborted_.insert(meta_aborted_.end(), aborted.begin(), aborted.end());
  meta_retry_at_ = Clock::now() + tuning_.sick_retry;
  const MutexLock lock(mutex_);
  set_sick(kMeta, error);
}

void Journal::restart_meta() {
  const Result<void> restarted = restart_log(kMeta, meta_aborted_);
  if (!restarted) return meta_failed(restarted.error(), {});
  meta_aborted_.clear();
  std::function<void()> wake;
  {
    const MutexLock lock(mutex_);
    logs_[kMeta].floor = meta_log_.first_in_use();
    set_healthy(kMeta);
    wake = wake_;
  }
  // At once, before the same messages move again.
  for (const Id& id : std::exchange(files_after_restart_, {})) unlink_body(id);
  if (wake) wake();
}

Result<void> Journal::flush_meta() {
  Batch batch;
  std::vector<Id> files;
  {
    const MutexLock lock(mutex_);
    logs_[kMeta].floor = meta_log_.first_in_use();
    take_pending(kMeta, batch);
    files.swap(files_to_remove_);
  }
  std::vector<Record*> records;
  add_records(batch, records);
  Result<void> written = meta_log_.append(records);
  if (written) written = meta_log_.sync();
  for (const Record* record : records) ++meta_records_[record->place.segment];
  const MutexLock lock(mutex_);
  if (!written) {
    give_back(kMeta, batch);
    files_to_remove_.insert(files_to_remove_.end(), files.begin(), files.end());
    return written;
  }
  removable_.insert(removable_.end(), files.begin(), files.end());
  publish_updates(kMeta, batch);
  logs_[kMeta].floor = meta_log_.first_in_use();
  return {};
}

// Bodies of messages that are gone. Their departure must be on the disk first: an envelope without its body would look
// like a loss.
void Journal::remove_files() {
  std::vector<Id> ids = std::exchange(removable_, {});
  {
    const MutexLock lock(mutex_);
    if (!logs_[kMeta].sick && logs_[kMeta].pending.empty()) {
      ids.insert(ids.end(), files_to_remove_.begin(), files_to_remove_.end());
      files_to_remove_.clear();
    }
  }
  for (const Id& id : ids) unlink_body(id);
}

void Journal::unlink_body(const Id& id) {
  if (const Result<void> removed = disk_.unlink(deferred_directory_ + "/" + deferred_name(id)); !removed) {
    // It costs space until the next start, which removes strays.
    log::warning("spool_unlink_failed", {{"id", id.text()}, {"error", removed.error().what}});
  }
}

// Marks and copies the next messages that are old enough.
std::vector<Entry> Journal::pick_old() {
  const WallMs before = wall_now() - options_.settle_after_ms;
  {
    const MutexLock lock(mutex_);
    if (oldest_arrival_ > before) return {};
    oldest_arrival_ = INT64_MAX;
  }
  std::vector<Entry> picked;
  WallMs oldest = INT64_MAX;
  for (std::size_t number = 0;; ++number) {
    // One page at a time, so that nobody waits long for the lock.
    const MutexLock lock(mutex_);
    const std::span<Entry> page = index_.page(number);
    if (page.empty()) break;
    const LogState& state = logs_[kIntake];
    for (Entry& entry : page) {
      if (entry.id.empty() || entry.has(Entry::kDeferred) || entry.has(Entry::kMoving)) continue;
      if (picked.size() >= kMoveGroup || entry.arrived > before || state.pending.updates.contains(entry.id) ||
          state.in_flight.updates.contains(entry.id)) {
        oldest = std::min(oldest, entry.arrived);
        continue;
      }
      entry.set(Entry::kMoving, true);
      picked.push_back(entry);
    }
  }
  const MutexLock lock(mutex_);
  oldest_arrival_ = std::min(oldest_arrival_, oldest);
  if (picked.size() == kMoveGroup) keeper_called_ = true;  // there is more
  return picked;
}

void Journal::cancel_move(const Id& id) {
  const MutexLock lock(mutex_);
  Entry* const entry = index_.find(id);
  if (entry == nullptr) return;
  entry->set(Entry::kMoving, false);
  oldest_arrival_ = std::min(oldest_arrival_, entry->arrived);
  auto& updates = logs_[kMeta].pending.updates;
  if (auto waiting = updates.extract(id); !waiting.empty()) {
    logs_[kIntake].pending.updates.insert(std::move(waiting));
    note_pending(kIntake);
  }
}

// Writes and syncs a file for each, and their folders. Those that could not be written stay in the intake log.
std::vector<std::pair<Entry, Envelope>> Journal::write_files(const std::vector<Entry>& picked) {
  std::vector<std::pair<Entry, Envelope>> written;
  std::set<std::string> folders;
  std::optional<Error> error;
  const auto write_one = [&](const Entry& entry) -> Result<Envelope> {
    POSTERN_TRY(const std::unique_ptr<Body> body, open_body_of(entry));
    const std::string path = deferred_directory_ + "/" + deferred_name(entry.id);
    const std::string folder = path.substr(0, path.rfind('/'));
    if (folders.insert(folder).second) {
      POSTERN_TRY_VOID(disk_.make_directory(folder));
      POSTERN_TRY_VOID(disk_.sync_directory(deferred_directory_));
    }
    POSTERN_TRY_VOID(write_deferred(disk_, path, entry.id, *body));
    POSTERN_TRY(Chain chain, read_chain(entry, false));
    chain.envelope.held = entry.has(Entry::kHeld);
    chain.envelope.next_attempt = entry.next_attempt;
    chain.envelope.attempts = entry.attempts;
    return std::move(chain.envelope);
  };
  for (const Entry& entry : picked) {
    auto envelope = write_one(entry);
    if (envelope) {
      written.emplace_back(entry, std::move(*envelope));
      continue;
    }
    error = std::move(envelope.error());
    log::warning("spool_move_failed", {{"id", entry.id.text()}, {"error", error->what}});
    (void)disk_.unlink(deferred_directory_ + "/" + deferred_name(entry.id));
    cancel_move(entry.id);
  }
  for (const std::string& folder : folders) {
    if (const Result<void> synced = disk_.sync_directory(folder); !synced) {
      log::warning("spool_move_failed", {{"folder", folder}, {"error", synced.error().what}});
      for (const auto& [entry, envelope] : written) cancel_move(entry.id);
      return {};
    }
  }
  return written;
}

Result<void> Journal::append_envelopes(std::vector<std::pair<Entry, Envelope>>& messages, std::vector<Place>& places) {
  {
    const MutexLock lock(mutex_);
    logs_[kMeta].floor = meta_log_.first_in_use();
  }
  std::vector<std::unique_ptr<Record>> own;
  std::vector<Record*> records;
  for (const auto& [entry, envelope] : messages) {
    auto record = std::make_unique<Record>();
    record->type = RecordType::envelope;
    record->head = Record::room();
    std::string text;
    encode(envelope, text);
    encode_envelope_record(summary_of(envelope), text, record->head);
    record->seal();
    records.push_back(record.get());
    own.push_back(std::move(record));
  }
  POSTERN_TRY_VOID(meta_log_.append(records));
  POSTERN_TRY_VOID(meta_log_.sync());
  for (const Record* record : records) {
    places.push_back(record->place);
    ++meta_records_[record->place.segment];
  }
  return {};
}

void Journal::move_old() {
  const std::vector<Entry> picked = pick_old();
  if (picked.empty()) return;
  std::vector<std::pair<Entry, Envelope>> moved = write_files(picked);
  if (moved.empty()) {
    const MutexLock lock(mutex_);
    keeper_called_ = false;  // not at once again
    return;
  }
  std::vector<Place> places;
  if (const Result<void> written = append_envelopes(moved, places); !written) {
    std::vector<Id> ids;
    for (const auto& [entry, envelope] : moved) {
      ids.push_back(entry.id);
      cancel_move(entry.id);
    }
    files_after_restart_.insert(files_after_restart_.end(), ids.begin(), ids.end());
    return meta_failed(written.error(), std::move(ids));
  }
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const Id& id = moved[i].first.id;
    Entry* const entry = index_.find(id);
    if (entry == nullptr) {
      files_to_remove_.push_back(id);  // settled or dropped meanwhile; both logs are told by remove()
      continue;
    }
    drop_live(kIntake, entry->oldest);
    entry->where = places[i];
    entry->oldest = places[i].segment;
    entry->depth = 0;
    entry->set(Entry::kDeferred, true);
    entry->set(Entry::kMoving, false);
    add_live(kMeta, entry->oldest);
    deferred_octets_ += entry->size;
    ++deferred_messages_;
    queue_gone(kIntake, GoneReason::moved, id);
  }
  logs_[kMeta].floor = meta_log_.first_in_use();
}

// When most of the meta log is dead, its oldest segment's living envelopes are written anew behind, and it goes.
void Journal::clean_meta() {
  std::uint64_t records = 0;
  const std::vector<std::uint32_t> segments = meta_log_.segments();
  for (const std::uint32_t number : segments) records += meta_records_[number];
  bool needed = false;
  {
    const MutexLock lock(mutex_);
    needed = segments.size() > 1 && records > 2 * deferred_messages_ + tuning_.meta_slack;
  }
  if (needed && !rewrite_oldest_meta(segments.front())) return;
  retire(kMeta);
}

bool Journal::rewrite_oldest_meta(std::uint32_t oldest) {
  const std::shared_ptr<const Segment> segment = meta_log_.segment(oldest);
  if (!segment || oldest == meta_log_.first_in_use()) return true;
  std::vector<Id> ids;
  const auto scanned = scan_segment(*segment->file, LogKind::meta, oldest,
                                    [&](const RecordHeader& header, std::string_view payload) {
                                      if (header.type != RecordType::envelope) return;
                                      if (const auto summary = decode_summary(payload)) ids.push_back(summary->id);
                                    },
                                    {});
  if (!scanned) return false;
  std::vector<std::pair<Entry, Envelope>> messages;
  const auto write = [&] {
    std::vector<Place> places;
    if (const Result<void> written = append_envelopes(messages, places); !written) {
      meta_failed(written.error(), {});
      return false;
    }
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < messages.size(); ++i) {
      Entry* const entry = index_.find(messages[i].first.id);
      if (entry == nullptr) continue;  // its departure waits to be written, behind this
      add_live(kMeta, places[i].segment);
      drop_live(kMeta, entry->oldest);
      entry->where = places[i];
      entry->oldest = places[i].segment;
      entry->depth = 0;
    }
    messages.clear();
    return true;
  };
  for (const Id& id : ids) {
    {
      const MutexLock lock(mutex_);
      const Entry* const entry = index_.find(id);
      if (entry == nullptr || !entry->has(Entry::kDeferred) || entry->oldest != oldest) continue;
    }
    auto loaded = load_with_entry(id, false);
    if (!loaded) continue;  // said so in the log; the segment stays, because the message still counts on it
    messages.emplace_back(loaded->entry, std::move(loaded->envelope));
    if (messages.size() >= kMoveGroup && !write()) return false;
  }
  return messages.empty() || write();
}

// Strictly oldest first: what says in a newer segment that a message has left is there as long as the message's record.
void Journal::retire(Log which) {
  for (const std::uint32_t number : log(which).segments()) {
    {
      const MutexLock lock(mutex_);
      const LogState& state = logs_[which];
      if (number >= state.floor) return;
      if (!state.live.empty() && state.live.begin()->first <= number) return;
    }
    // A message that moved here and ended must not come back from the intake log once this log forgets it.
    if (which == kMeta && !flush_intake()) return;
    if (const Result<void> retired = log(which).retire(number); !retired) {
      log::warning("spool_retire_failed", {{"segment", number}, {"error", retired.error().what}});
      return;
    }
    if (which == kMeta) meta_records_.erase(number);
  }
}

bool Journal::flush_intake() {
  MutexLock lock(mutex_);
  if (logs_[kIntake].sick || closing_) return false;
  if (logs_[kIntake].pending.empty() && logs_[kIntake].in_flight.empty()) return true;
  const std::uint64_t mine = ++flush_asked_;
  committer_.notify_one();
  while (flush_done_ < mine) {
    if (logs_[kIntake].sick || closing_) return false;
    flushed_.wait(lock);
  }
  return true;
}

void Journal::look_at_space() {
  const auto space = disk_.space(options_.directory);
  if (!space) return;
  const std::uint64_t reserve = std::max(kSpaceReserve, 2 * options_.segment_bytes);
  const bool low = space->free < std::min(reserve, space->total / 20);
  const MutexLock lock(mutex_);
  if (std::exchange(space_low_, low) == low) return;
  if (low) {
    log::error("spool_space_low", {{"directory", options_.directory},
                                   {"free", space->free},
                                   {"effect", "mail is refused with 452 until there is room"}});
  } else {
    log::info("spool_space_ok", {{"directory", options_.directory}, {"free", space->free}});
  }
}

}  // namespace postern::spool
