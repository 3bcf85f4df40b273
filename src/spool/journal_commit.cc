// The commit thread: everything that waits becomes one group: written together, synced once, acknowledged together.
#include <algorithm>
#include <array>
#include <chrono>

#include "base/counters.h"
#include "base/log.h"
#include "spool/journal.h"

namespace postern::spool {

namespace {

constexpr auto kCommitBounds = std::to_array<std::int64_t>(
    {100, 250, 500, 1000, 2500, 5000, 10'000, 25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 5'000'000});
Histogram commit_time("postern_spool_commit_seconds", kCommitBounds);
Counter commit_messages("postern_spool_commit_messages_total");

}  // namespace

void Journal::submit(WriteRequest& request) {
  std::optional<Error> refused;
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    if (closing_) {
      refused = Error{ErrorKind::storage, "the spool is closed"};
    } else if (logs_[kIntake].sick) {
      refused = Error{ErrorKind::storage, "the spool is sick: " + logs_[kIntake].sick_because};
    } else if (request.entry && index_.find(request.entry->id) != nullptr) {
      refused = Error{ErrorKind::invalid, "commit: message " + request.entry->id.text() + " is in the spool already"};
    } else {
      requests_.push_back(&request);
      wake = std::exchange(committer_waits_, false);
    }
  }
  if (wake) committer_.notify_one();  // after the lock, which is the first thing it will want
  if (refused) request.handoff.deliver(std::unexpected(std::move(*refused)));
}

void Journal::unpin(std::uint32_t segment) {
  const MutexLock lock(mutex_);
  drop_live(kIntake, segment);
}

// False when the thread has to end.
bool Journal::wait_for_group(std::vector<WriteRequest*>& requests, Batch& batch, bool& restart) {
  MutexLock lock(mutex_);
  LogState& state = logs_[kIntake];
  for (;;) {
    const Clock::time_point now = Clock::now();
    restart = state.sick && (closing_ || now >= intake_retry_at_);
    const bool flush = !state.sick && ((state.flush_at && *state.flush_at <= now) || flush_asked_ != flush_taken_);
    if (restart || flush || !requests_.empty() || closing_) break;
    committer_waits_ = true;
    if (state.sick) {
      committer_.wait_until(lock, intake_retry_at_);
    } else if (state.flush_at) {
      committer_.wait_until(lock, *state.flush_at);
    } else {
      committer_.wait(lock);
    }
    committer_waits_ = false;
  }
  requests.swap(requests_);
  if (closing_) {
    for (WriteRequest* const request : requests) {
      request->result = fail(ErrorKind::storage, "the spool was closed before the message was safe");
    }
    restart = false;
    if (state.sick || state.pending.empty()) return false;
    take_pending(kIntake, batch);
    state.floor = intake_log_.first_in_use();
    return true;
  }
  const auto is_commit = [](const WriteRequest* request) { return request->entry.has_value(); };
  if (!state.sick && (std::ranges::any_of(requests, is_commit) || (state.flush_at && *state.flush_at <= Clock::now()) ||
                      flush_asked_ != flush_taken_)) {
    flush_taken_ = flush_asked_;
    take_pending(kIntake, batch);
  }
  for (WriteRequest* const request : requests) {
    if (request->pinned != 0 && request->chunks_epoch != epoch_) {
      request->result = fail(ErrorKind::storage, "the disk failed while the message arrived");
    }
  }
  state.floor = intake_log_.first_in_use();
  return true;
}

void Journal::commit_loop() {
  std::vector<WriteRequest*> requests;
  for (;;) {
    Batch batch;
    requests.clear();
    bool restart = false;
    const bool go_on = wait_for_group(requests, batch, restart);
    if (!go_on) {
      complete(requests);
      const MutexLock lock(mutex_);
      committer_ended_ = true;
      flushed_.notify_all();
      return;
    }
    if (restart) {
      const Result<void> restarted = restart_log(kIntake, aborted_);
      std::function<void()> wake;
      {
        const MutexLock lock(mutex_);
        if (restarted) {
          aborted_.clear();
          set_healthy(kIntake);
          wake = wake_;
        } else {
          set_sick(kIntake, restarted.error());
          intake_retry_at_ = Clock::now() + tuning_.sick_retry;
        }
      }
      if (wake) wake();  // delivery paused; whatever is due is due now
    }
    write_group(requests, batch);
  }
}

void Journal::write_group(std::vector<WriteRequest*>& requests, Batch& batch) {
  // Those that cannot succeed are answered with the group, but not written.
  std::vector<Record*> records;
  records.reserve(requests.size() + batch.updates.size() + batch.gone.size());
  bool commits = false;
  bool chunks = false;
  for (WriteRequest* const request : requests) {
    if (!request->result) continue;
    (request->entry ? commits : chunks) = true;
    records.push_back(&request->record);
  }
  add_records(batch, records);
  if (!records.empty()) {
    const Clock::time_point begun = Clock::now();
    Result<void> written = intake_log_.append(records);
    if (!written) return fail_group(requests, batch, written.error());
    if (chunks) {
      // A chunk is not promised to anybody: its session reads on while the others wait for the disk.
      std::vector<WriteRequest*> done;
      {
        const MutexLock lock(mutex_);
        std::erase_if(requests, [&](WriteRequest* request) POSTERN_REQUIRES(mutex_) {
          if (request->entry || !request->result) return false;
          if (request->pinned == 0) {
            request->pinned = request->record.place.segment;
            request->chunks_epoch = epoch_;
            add_live(kIntake, request->pinned);
          }
          done.push_back(request);
          return true;
        });
      }
      complete(done);
    }
    if (commits || !batch.updates.empty() || !batch.gone.empty()) {
      written = intake_log_.sync();
      if (!written) return fail_group(requests, batch, written.error());
      commit_time.add_us(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
      commit_messages.add(std::ranges::count_if(
          requests, [](const WriteRequest* request) { return request->result && request->entry.has_value(); }));
    }
  }
  publish_group(requests, batch);
}

void Journal::publish_group(std::vector<WriteRequest*>& requests, Batch& batch) {
  std::function<void()> wake;
  {
    const MutexLock lock(mutex_);
    const std::optional<WallMs> before = index_.next_due();
    for (WriteRequest* const request : requests) {
      if (!request->result || !request->entry) continue;
      Entry& entry = *request->entry;
      entry.where = request->record.place;
      entry.oldest = request->pinned != 0 ? request->pinned : entry.where.segment;
      if (!index_.insert(entry)) {
        request->result = fail(ErrorKind::invalid, "commit: message " + entry.id.text() + " is in the spool already");
        continue;
      }
      // The intake's hold on its oldest chunk passes to the message.
      if (request->pinned == 0) add_live(kIntake, entry.oldest);
      oldest_arrival_ = std::min(oldest_arrival_, entry.arrived);
    }
    publish_updates(kIntake, batch);
    if (logs_[kIntake].floor != intake_log_.first_in_use()) {
      // A segment was left: it may be empty of living messages already, and its file is wanted as the next spare.
      logs_[kIntake].floor = intake_log_.first_in_use();
      keeper_called_ = true;
      keeper_.notify_one();
    }
    if (!logs_[kIntake].sick && flush_done_ != flush_taken_) {
      flush_done_ = flush_taken_;
      flushed_.notify_all();
    }
    if (spare_asked_ != intake_log_.first_in_use() && intake_log_.spare_due()) {
      spare_asked_ = intake_log_.first_in_use();
      keeper_called_ = true;
      keeper_.notify_one();
    }
    wake = earlier(before);
  }
  if (wake) wake();
  complete(requests);
}

void Journal::fail_group(std::vector<WriteRequest*>& requests, Batch& batch, const Error& error) {
  {
    const MutexLock lock(mutex_);
    ++epoch_;
    set_sick(kIntake, error);
    give_back(kIntake, batch);
    intake_retry_at_ = Clock::now();
    flushed_.notify_all();
    requests.insert(requests.end(), requests_.begin(), requests_.end());
    requests_.clear();
  }
  for (WriteRequest* const request : requests) {
    if (!request->result) continue;
    // It may have reached the disk all the same: the first thing the next segment says is that it does not count.
    if (request->entry) aborted_.push_back(request->entry->id);
    request->result = std::unexpected(error);
  }
  intake_log_.abandon();
  complete(requests);
}

void Journal::complete(std::vector<WriteRequest*>& requests) {
  // One post for each loop.
  while (!requests.empty()) {
    io::Loop* const loop = &requests.front()->handoff.loop();
    std::vector<WriteRequest*> mine;
    std::erase_if(requests, [&](WriteRequest* request) {
      if (&request->handoff.loop() != loop) return false;
      mine.push_back(request);
      return true;
    });
    loop->post([mine = std::move(mine)] {
      for (WriteRequest* const request : mine) request->handoff.deliver(std::move(request->result));
    });
  }
}

}  // namespace postern::spool
