// The delivering side and the operator's commands.
#include <algorithm>

#include "base/log.h"
#include "spool/deferred_file.h"
#include "spool/journal.h"
#include "spool/segment_body.h"
#include "spool/segment_scan.h"

namespace postern::spool {
namespace {

// After so many updates the whole envelope is written anew, which bounds what load() has to read.
constexpr std::uint8_t kDepthMax = 16;
// A record may move to another place between the look into the index and the read; then the index is asked again.
constexpr int kReadAttempts = 4;

std::unexpected<Error> missing(const Id& id) {
  return fail(ErrorKind::not_found, "no message " + id.text() + " in the spool");
}

void overlay(Envelope& envelope, const Update& update) {
  if (!update.full.empty()) {
    if (auto newer = decode_envelope(update.full)) envelope = std::move(*newer);
  }
  apply_changes(envelope, update.changes);
}

}  // namespace

void Journal::on_due(std::function<void()> wake) {
  const MutexLock lock(mutex_);
  wake_ = std::move(wake);
}

std::vector<Id> Journal::take_due(WallMs now, std::size_t max) {
  const MutexLock lock(mutex_);
  // What cannot be recorded is better not done: it would be done again and again. Delivery goes on with the disk.
  if (sick() || closing_) return {};
  return index_.take_due(now, max);
}

std::optional<WallMs> Journal::next_due() const {
  const MutexLock lock(mutex_);
  if (sick() || closing_) return std::nullopt;
  return index_.next_due();
}

void Journal::release_active(const Id& id) {
  std::function<void()> wake;
  {
    const MutexLock lock(mutex_);
    Entry* const entry = index_.find(id);
    if (entry == nullptr) return;
    const std::optional<WallMs> before = index_.next_due();
    index_.edit(*entry, [](Entry& e) { e.set(Entry::kActive, false); });
    wake = earlier(before);
  }
  if (wake) wake();
}

bool Journal::wanted(const Id& id) const {
  const MutexLock lock(mutex_);
  const Entry* const entry = index_.find(id);
  return entry != nullptr && !entry->has(Entry::kHeld);
}

Result<Journal::Chain> Journal::read_chain(const Entry& entry, bool want_message) const {
  const Log which = log_of(entry);
  Chain chain;
  std::vector<std::vector<RecipientChange>> changes;  // newest first
  bool have_envelope = false;
  Place place = entry.where;
  for (int steps = 0; steps <= 2 * kDepthMax; ++steps) {
    const std::shared_ptr<const Segment> segment = log(which).segment(place.segment);
    if (!segment) return fail(ErrorKind::storage, "segment " + std::to_string(place.segment) + " is missing");
    std::string octets;
    POSTERN_TRY(const RecordHeader header, read_record(*segment->file, place, segment->key, octets));
    const std::string_view payload = std::string_view(octets).substr(kRecordHeader);
    const auto damaged = [&] {
      return fail(ErrorKind::storage, segment->path + " at " + std::to_string(place.offset()) +
                                          ": the record is not one of message " + entry.id.text());
    };
    const auto summary = decode_summary(payload);
    if (!summary || summary->id != entry.id) return damaged();
    if (header.type == RecordType::update) {
      auto update = decode_update(payload);
      if (!update) return damaged();
      if (!have_envelope) changes.push_back(std::move(update->changes));
      place = summary->prev;
      continue;
    }
    std::string_view text;
    if (header.type == RecordType::envelope) {
      const auto record = decode_envelope_record(payload);
      if (!record) return damaged();
      text = record->envelope;
    } else if (header.type == RecordType::message) {
      const auto record = decode_message(payload);
      if (!record) return damaged();
      text = record->envelope;
    } else {
      return damaged();
    }
    if (!have_envelope) {
      POSTERN_TRY(chain.envelope, decode_envelope(text));
      have_envelope = true;
    }
    if (header.type == RecordType::message) {
      chain.base = place;
      chain.message = std::move(octets);
    }
    if (!want_message || header.type == RecordType::message || which == kMeta) {
      for (auto one = changes.rbegin(); one != changes.rend(); ++one) apply_changes(chain.envelope, *one);
      return chain;
    }
    place = summary->prev;
  }
  return fail(ErrorKind::storage, "message " + entry.id.text() + ": its records lead nowhere");
}

Result<Journal::Loaded> Journal::load_with_entry(const Id& id, bool want_base) {
  std::optional<Error> error;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    Loaded loaded;
    std::vector<Update> updates;
    {
      const MutexLock lock(mutex_);
      const Entry* const entry = index_.find(id);
      if (entry == nullptr) return missing(id);
      loaded.entry = *entry;
      // What is not on the disk yet: older first. A moving message has updates for both logs.
      for (const Log which : {kIntake, kMeta}) {
        for (const Pending* pending : {&logs_[which].in_flight, &logs_[which].pending}) {
          if (const auto found = pending->updates.find(id); found != pending->updates.end()) {
            updates.push_back(found->second);
          }
        }
      }
    }
    auto chain = read_chain(loaded.entry, want_base);
    if (!chain) {
      error = std::move(chain.error());
      continue;
    }
    loaded.envelope = std::move(chain->envelope);
    loaded.base = chain->base;
    for (const Update& update : updates) overlay(loaded.envelope, update);
    loaded.envelope.held = loaded.entry.has(Entry::kHeld);
    loaded.envelope.next_attempt = loaded.entry.next_attempt;
    loaded.envelope.attempts = loaded.entry.attempts;
    return loaded;
  }
  log::error("spool_damaged", {{"id", id.text()}, {"error", error->what}});
  return fail(ErrorKind::storage, "reading message " + id.text() + ": " + error->what, error->sys);
}

Result<Envelope> Journal::load(const Id& id) {
  POSTERN_TRY(Loaded loaded, load_with_entry(id, false));
  return std::move(loaded.envelope);
}

Result<std::unique_ptr<Body>> Journal::open_body_of(const Entry& entry) const {
  if (entry.has(Entry::kDeferred)) {
    return open_deferred(disk_, deferred_directory_ + "/" + deferred_name(entry.id), entry.id);
  }
  POSTERN_TRY(Chain chain, read_chain(entry, true));
  return make_segment_body(intake_log_, entry.id, std::move(chain.message));
}

Result<std::unique_ptr<Body>> Journal::open_body(const Id& id) {
  std::optional<Error> error;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    Entry entry;
    {
      const MutexLock lock(mutex_);
      const Entry* const found = index_.find(id);
      if (found == nullptr) return missing(id);
      entry = *found;
    }
    auto body = open_body_of(entry);
    if (body) return body;
    error = std::move(body.error());
  }
  log::error("spool_damaged", {{"id", id.text()}, {"error", error->what}});
  return fail(ErrorKind::storage, "reading message " + id.text() + ": " + error->what, error->sys);
}

// Reads the envelope, lets `decide` say what changes, and makes it so: decide(envelope, entry) edits a copy of the
// entry and returns the changes to recipients.
template <class Decide>
Result<void> Journal::change(const Id& id, Decide&& decide) {
  const MutexLock one_at_a_time(update_mutex_);
  POSTERN_TRY(Loaded loaded, load_with_entry(id, true));
  Entry after = loaded.entry;
  POSTERN_TRY(const std::vector<RecipientChange> changes, decide(loaded.envelope, after));
  apply_changes(loaded.envelope, changes);
  const RecipientCounts counts = count_recipients(loaded.envelope);
  loaded.envelope.held = after.has(Entry::kHeld);
  loaded.envelope.next_attempt = after.next_attempt;
  loaded.envelope.attempts = after.attempts;

  std::function<void()> wake;
  {
    const MutexLock lock(mutex_);
    Entry* const entry = index_.find(id);
    if (entry == nullptr) return missing(id);
    if (counts.finished()) {
      remove(*entry);
      return {};
    }
    const std::optional<WallMs> before = index_.next_due();
    const bool was_active = loaded.entry.has(Entry::kActive);
    index_.edit(*entry, [&](Entry& e) {
      e.pending = counts.pending;
      e.failed = counts.failed;
      e.attempts = after.attempts;
      e.next_attempt = after.next_attempt;
      e.set(Entry::kHeld, after.has(Entry::kHeld));
      // Only a settlement ends an attempt; a command leaves it as it is by now.
      if (was_active && !after.has(Entry::kActive)) e.set(Entry::kActive, false);
    });
    Update update;
    // A message that moves gets its next whole envelope there anyway; its place in the intake log must not be referred
    // to.
    const bool moving = entry->has(Entry::kMoving);
    const Log which = moving ? kMeta : log_of(*entry);
    const auto waiting = logs_[which].pending.updates.find(id);
    const bool waiting_full = waiting != logs_[which].pending.updates.end() && !waiting->second.full.empty();
    if (!moving && (entry->depth + 1 >= kDepthMax || waiting_full)) {
      encode(loaded.envelope, update.full);
      if (which == kIntake) update.base = loaded.base;
    } else {
      update.changes = changes;
    }
    queue_update(*entry, std::move(update));
    wake = earlier(before);
  }
  if (wake) wake();
  return {};
}

Result<void> Journal::settle(const Id& id, const Settlement& settlement) {
  // The common case needs no look at the envelope: the only recipient has the message.
  if (settlement.outcomes.size() == 1 && settlement.outcomes[0].index == 0 &&
      (settlement.outcomes[0].state == RecipientState::delivered ||
       settlement.outcomes[0].state == RecipientState::dropped ||
       settlement.outcomes[0].state == RecipientState::bounced)) {
    const MutexLock lock(mutex_);
    const Entry* const entry = index_.find(id);
    if (entry == nullptr) return missing(id);
    if (entry->has(Entry::kSingle)) {
      remove(*entry);
      return {};
    }
  }
  return change(id, [&](const Envelope& envelope, Entry& entry) -> Result<std::vector<RecipientChange>> {
    POSTERN_TRY(std::vector<RecipientChange> changes, changes_of(envelope, settlement));
    entry.set(Entry::kActive, false);
    ++entry.attempts;
    entry.next_attempt = settlement.next_attempt;
    return changes;
  });
}

std::vector<QueuedMessage> Journal::list(std::optional<Id> after, std::size_t max) const {
  const MutexLock lock(mutex_);
  return index_.list(after, max);
}

Result<void> Journal::set_held(const Id& id, bool held) {
  return change(id, [&](const Envelope&, Entry& entry) -> Result<std::vector<RecipientChange>> {
    entry.set(Entry::kHeld, held);
    return std::vector<RecipientChange>();
  });
}

Result<void> Journal::retry(const Id& id, WallMs now) {
  return change(id, [&](const Envelope& envelope, Entry& entry) -> Result<std::vector<RecipientChange>> {
    entry.next_attempt = now;
    return changes_of_retry(envelope);
  });
}

Result<void> Journal::drop(const Id& id) {
  const MutexLock lock(mutex_);
  const Entry* const entry = index_.find(id);
  if (entry == nullptr) return missing(id);
  remove(*entry);
  return {};
}

Result<void> Journal::admit(std::uint64_t size) {
  const MutexLock lock(mutex_);
  if (closing_) return fail(ErrorKind::storage, "the spool is closed");
  if (logs_[kIntake].sick) return fail(ErrorKind::storage, "the spool is sick: " + logs_[kIntake].sick_because);
  const std::uint64_t used = intake_log_.octets() + meta_log_.octets() + deferred_octets_;
  if (used >= limit_ || size > limit_ - used) {
    return fail(ErrorKind::limit, "the spool is full: " + std::to_string(used) + " of " + std::to_string(limit_) +
                                      " octets; raise the limit or find out why mail does not leave");
  }
  if (space_low_) {
    return fail(ErrorKind::limit, "the file system of " + options_.directory + " is nearly full; make room on it");
  }
  return {};
}

StoreStatus Journal::status() const {
  const MutexLock lock(mutex_);
  StoreStatus status;
  status.messages = index_.size();
  status.held = index_.held();
  status.failed_recipients = index_.failed_recipients();
  status.bytes_on_disk = intake_log_.octets() + meta_log_.octets() + deferred_octets_;
  status.bytes_limit = limit_;
  status.index_bytes = index_.memory();
  status.healthy = !sick();
  status.sick_because = logs_[kIntake].sick ? logs_[kIntake].sick_because : logs_[kMeta].sick_because;
  return status;
}

}  // namespace postern::spool
