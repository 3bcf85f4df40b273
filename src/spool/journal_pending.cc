// Updates and departures: how they wait for a log's writer, how they are written, and what happens when that fails.
#include "base/log.h"
#include "spool/deferred_file.h"
#include "spool/journal.h"

namespace postern::spool {

void Journal::add_live(Log log, std::uint32_t segment) { ++logs_[log].live[segment]; }

void Journal::drop_live(Log log, std::uint32_t segment) {
  auto& live = logs_[log].live;
  const auto found = live.find(segment);
  POSTERN_CHECK(found != live.end() && found->second > 0);
  if (--found->second > 0) return;
  live.erase(found);
  if (segment < logs_[log].floor) {
    keeper_called_ = true;
    keeper_.notify_one();
  }
}

void Journal::note_pending(Log log) {
  LogState& state = logs_[log];
  if (state.flush_at) return;
  state.flush_at = Clock::now() + tuning_.flush_after;
  if (log == kIntake) {
    if (committer_waits_) committer_.notify_one();
  } else {
    keeper_.notify_one();
  }
}

void Journal::queue_gone(Log log, GoneReason reason, const Id& id) {
  logs_[log].pending.gone.emplace_back(reason, id);
  logs_[log].pending.updates.erase(id);
  note_pending(log);
}

void Journal::queue_update(const Entry& entry, Update update) {
  // While a message moves, its updates belong behind the envelope that the move writes.
  const Log log = entry.has(Entry::kMoving) ? kMeta : log_of(entry);
  Update& waiting = logs_[log].pending.updates[entry.id];
  if (!update.full.empty()) {
    waiting = std::move(update);
  } else {
    std::ranges::move(update.changes, std::back_inserter(waiting.changes));
  }
  note_pending(log);
}

// The message leaves the store.
void Journal::remove(const Entry& entry) {
  const Id id = entry.id;
  const Log log = log_of(entry);
  queue_gone(log, GoneReason::settled, id);
  if (entry.has(Entry::kMoving)) queue_gone(kMeta, GoneReason::settled, id);
  if (entry.has(Entry::kDeferred)) {
    files_to_remove_.push_back(id);
    deferred_octets_ -= entry.size;
    --deferred_messages_;
  }
  drop_live(log, entry.oldest);
  index_.erase(id);
}

void Journal::take_pending(Log log, Batch& batch) {
  LogState& state = logs_[log];
  POSTERN_CHECK(state.in_flight.empty());
  state.in_flight = std::exchange(state.pending, {});
  state.flush_at.reset();
  // One record for each run of the same reason; they keep their order.
  for (std::size_t i = 0; i < state.in_flight.gone.size();) {
    const GoneReason reason = state.in_flight.gone[i].first;
    std::vector<Id> ids;
    for (; i < state.in_flight.gone.size() && state.in_flight.gone[i].first == reason; ++i) {
      ids.push_back(state.in_flight.gone[i].second);
    }
    auto record = std::make_unique<Record>();
    record->type = RecordType::gone;
    record->head = Record::room();
    encode_gone(reason, ids, record->head);
    batch.gone.push_back(std::move(record));
  }
  for (auto& [id, update] : state.in_flight.updates) {
    const Entry* const entry = index_.find(id);
    if (entry == nullptr) continue;
    Summary summary = summary_of(*entry);
    auto record = std::make_unique<Record>();
    record->head = Record::room();
    if (update.full.empty()) {
      record->type = RecordType::update;
      summary.depth = static_cast<std::uint8_t>(summary.depth + 1);
      encode_update(summary, update.changes, record->head);
    } else {
      record->type = RecordType::envelope;
      summary.depth = 0;
      summary.prev = update.base;
      if (log == kMeta) summary.oldest = 0;
      encode_envelope_record(summary, update.full, record->head);
    }
    batch.depths.push_back(summary.depth);
    batch.updates.emplace_back(id, std::move(record));
  }
}

void Journal::add_records(Batch& batch, std::vector<Record*>& records) {
  for (auto& [id, record] : batch.updates) {
    record->seal();
    records.push_back(record.get());
  }
  for (auto& record : batch.gone) {
    record->seal();
    records.push_back(record.get());
  }
}

void Journal::publish_updates(Log log, Batch& batch) {
  for (std::size_t i = 0; i < batch.updates.size(); ++i) {
    const auto& [id, record] = batch.updates[i];
    Entry* const entry = index_.find(id);
    if (entry == nullptr || log_of(*entry) != log) continue;
    entry->where = record->place;
    entry->depth = batch.depths[i];
    if (log == kMeta && record->type == RecordType::envelope) {
      add_live(kMeta, record->place.segment);
      drop_live(kMeta, entry->oldest);
      entry->oldest = record->place.segment;
    }
  }
  logs_[log].in_flight = {};
}

void Journal::give_back(Log log, Batch& batch) {
  LogState& state = logs_[log];
  Pending newer = std::exchange(state.pending, {});
  state.pending = std::exchange(state.in_flight, {});
  state.pending.gone.insert(state.pending.gone.end(), newer.gone.begin(), newer.gone.end());
  for (const auto& [reason, id] : newer.gone) state.pending.updates.erase(id);
  for (auto& [id, update] : newer.updates) {
    Update& waiting = state.pending.updates[id];
    if (!update.full.empty() || (waiting.full.empty() && waiting.changes.empty())) {
      waiting = std::move(update);
      continue;
    }
    if (waiting.full.empty()) {
      std::ranges::move(update.changes, std::back_inserter(waiting.changes));
      continue;
    }
    auto envelope = decode_envelope(waiting.full);
    POSTERN_CHECK(envelope.has_value());  // our own encoding, never left memory
    apply_changes(*envelope, update.changes);
    waiting.full.clear();
    encode(*envelope, waiting.full);
  }
  batch.updates.clear();
  batch.gone.clear();
  batch.depths.clear();
  if (!state.pending.empty()) note_pending(log);
}

Result<void> Journal::restart_log(Log which, const std::vector<Id>& aborted) {
  SegmentLog& log = this->log(which);
  log.abandon();
  POSTERN_TRY_VOID(log.start_segment());
  if (aborted.empty()) return {};
  Record record;
  record.type = RecordType::gone;
  record.head = Record::room();
  encode_gone(GoneReason::aborted, aborted, record.head);
  record.seal();
  std::vector<Record*> records{&record};
  POSTERN_TRY_VOID(log.append(records));
  return log.sync();
}

void Journal::set_sick(Log log, const Error& error) {
  LogState& state = logs_[log];
  state.sick_because = error.what;
  if (std::exchange(state.sick, true)) return;
  log::error("spool_sick",
             {{"log", log == kIntake ? "intake" : "meta"},
              {"error", error.what},
              {"effect", log == kIntake ? "mail is refused with 451, delivery pauses, retrying each second"
                                        : "delivery pauses, retrying each second"}});
}

void Journal::set_healthy(Log log) {
  LogState& state = logs_[log];
  if (!std::exchange(state.sick, false)) return;
  state.sick_because.clear();
  log::info("spool_recovered", {{"log", log == kIntake ? "intake" : "meta"}});
}

std::function<void()> Journal::earlier(std::optional<WallMs> before) const {
  const std::optional<WallMs> now = index_.next_due();
  return now && (!before || *now < *before) ? wake_ : nullptr;
}

}  // namespace postern::spool
