#include "spool/recovery.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/log.h"
#include "base/thread_annotations.h"
#include "spool/deferred_file.h"
#include "spool/segment_scan.h"

namespace postern::spool {
namespace {

struct Event {
  RecordType type = RecordType::message;
  Place place;
  Summary summary;                 // message, update, envelope
  std::vector<ChunkPlace> chunks;  // message; of a chunk record: its own place and length
  GoneRecord gone;
};

struct Scanned {
  Segment segment;
  ScanResult result;
  std::vector<Event> events;
  std::optional<Error> error;
};

std::optional<Event> event_of(const RecordHeader& header, std::string_view payload) {
  Event event;
  event.type = header.type;
  event.place = header.place;
  switch (header.type) {
    case RecordType::message: {
      auto record = decode_message(payload);
      if (!record) return std::nullopt;
      event.summary = record->summary;
      event.chunks = std::move(record->chunks);
      return event;
    }
    case RecordType::chunk: {
      const auto record = decode_chunk(payload);
      if (!record) return std::nullopt;
      event.chunks.push_back({header.place, static_cast<std::uint32_t>(record->octets.size())});
      return event;
    }
    case RecordType::gone: {
      auto record = decode_gone(payload);
      if (!record) return std::nullopt;
      event.gone = std::move(*record);
      return event;
    }
    case RecordType::update:
    case RecordType::envelope: {
      const auto summary = decode_summary(payload);
      if (!summary) return std::nullopt;
      event.summary = *summary;
      return event;
    }
  }
  return std::nullopt;
}

class Progress {
 public:
  explicit Progress(const JournalOptions& options) : options_(options) {}
  void add_total(std::uint64_t octets) { total_ += octets; }
  void advance(std::uint64_t octets) POSTERN_EXCLUDES(mutex_) {
    if (!options_.progress) return;
    const MutexLock lock(mutex_);
    done_ += octets;
    options_.progress(done_, total_);
  }

 private:
  const JournalOptions& options_;
  std::uint64_t total_ = 0;
  Mutex mutex_;
  std::uint64_t done_ POSTERN_GUARDED_BY(mutex_) = 0;
};

Scanned scan(const Segment& segment, LogKind kind, Progress& progress) {
  Scanned scanned;
  scanned.segment = segment;
  std::uint64_t reported = 0;
  auto result = scan_segment(
      *segment.file, kind, segment.number,
      [&](const RecordHeader& header, std::string_view payload) {
        if (auto event = event_of(header, payload)) {
          scanned.events.push_back(std::move(*event));
        } else {
          log::error("spool_damaged", {{"file", segment.path},
                                       {"offset", header.place.offset()},
                                       {"error", "the check sum is right but the record makes no sense"}});
        }
      },
      [&](std::uint64_t upto) {
        if (upto <= reported) return;
        progress.advance(upto - reported);
        reported = upto;
      });
  if (result) {
    scanned.result = *result;
    scanned.segment.key = result->key;
  } else {
    scanned.error = std::move(result.error());
  }
  return scanned;
}

class Builder {
 public:
  Builder(Recovered& out, std::unordered_map<Id, Entry, IdHash>& shadowed, std::uint32_t first_segment)
      : out_(out), shadowed_(shadowed), first_segment_(first_segment) {}

  void intake(const Scanned& scanned) {
    for (const Event& event : scanned.events) {
      switch (event.type) {
        case RecordType::chunk:
          chunks_.emplace(key_of(event.place), event.chunks.front().length);
          break;
        case RecordType::message:
          intake_message(event, scanned);
          break;
        case RecordType::update:
        case RecordType::envelope:
          update(event, false);
          break;
        case RecordType::gone:
          for (const Id& id : event.gone.ids) out_.index.erase(id);
          break;
      }
    }
  }

  void meta(const Scanned& scanned) {
    for (const Event& event : scanned.events) {
      switch (event.type) {
        case RecordType::envelope:
          meta_envelope(event);
          break;
        case RecordType::update:
          update(event, true);
          break;
        case RecordType::gone:
          for (const Id& id : event.gone.ids) meta_gone(id, event.gone.reason);
          break;
        case RecordType::message:
        case RecordType::chunk:
          break;  // never written there
      }
    }
  }

 private:
  static std::uint64_t key_of(Place place) { return (static_cast<std::uint64_t>(place.segment) << 32U) | place.slot; }

  void intake_message(const Event& event, const Scanned& scanned) {
    for (const ChunkPlace& chunk : event.chunks) {
      const auto found = chunks_.find(key_of(chunk.place));
      if (found != chunks_.end() && found->second == chunk.length) continue;
      // Segments go oldest first, and only when nobody needs them: this message has left since.
      if (chunk.place.segment < first_segment_) return;
      // Either this message was never acknowledged (its group was cut short), or the disk has lost a part of it.
      log::error("spool_incomplete", {{"id", event.summary.id.text()},
                                      {"file", scanned.segment.path},
                                      {"offset", event.place.offset()},
                                      {"missing_segment", chunk.place.segment},
                                      {"missing_offset", chunk.place.offset()}});
      return;
    }
    for (const ChunkPlace& chunk : event.chunks) chunks_.erase(key_of(chunk.place));
    Summary summary = event.summary;
    if (!event.chunks.empty()) summary.oldest = event.chunks.front().place.segment;
    // The first record of an id counts: a second one was refused when it came.
    (void)out_.index.insert(entry_of(summary, event.place));
  }

  void update(const Event& event, bool deferred) {
    Entry* const entry = out_.index.find(event.summary.id);
    if (entry == nullptr || entry->has(Entry::kDeferred) != deferred) return;
    replace(*entry, event, deferred);
  }

  void replace(Entry& entry, const Event& event, bool deferred) {
    Entry fresh = entry_of(event.summary, event.place);
    fresh.set(Entry::kDeferred, deferred);
    out_.index.edit(entry, [&](Entry& e) {
      fresh.ticket = e.ticket;
      e = fresh;
    });
  }

  void meta_envelope(const Event& event) {
    Entry* const entry = out_.index.find(event.summary.id);
    if (entry == nullptr) {
      Entry fresh = entry_of(event.summary, event.place);
      fresh.set(Entry::kDeferred, true);
      (void)out_.index.insert(fresh);
      return;
    }
    if (!entry->has(Entry::kDeferred)) shadowed_[entry->id] = *entry;
    replace(*entry, event, true);
  }

  void meta_gone(const Id& id, GoneReason reason) {
    Entry* const entry = out_.index.find(id);
    const auto shadow = shadowed_.find(id);
    if (reason == GoneReason::aborted) {
      if (entry == nullptr || !entry->has(Entry::kDeferred)) return;
      out_.index.erase(id);
      if (shadow == shadowed_.end()) return;
      (void)out_.index.insert(shadow->second);
      shadowed_.erase(shadow);
      return;
    }
    const bool in_intake = shadow != shadowed_.end() || (entry != nullptr && !entry->has(Entry::kDeferred));
    if (in_intake) out_.finished.push_back(id);
    if (shadow != shadowed_.end()) shadowed_.erase(shadow);
    out_.index.erase(id);
  }

  Recovered& out_;
  std::unordered_map<Id, Entry, IdHash>& shadowed_;
  std::uint32_t first_segment_;                              // of the intake log
  std::unordered_map<std::uint64_t, std::uint32_t> chunks_;  // seen, not yet part of a message
};

// Scans two segments at a time; `take` gets them in order.
template <class Take>
Result<void> scan_all(Disk& disk, SegmentLog& log, LogKind kind, const std::vector<std::uint32_t>& numbers,
                      Progress& progress, Recovered& out, Take&& take) {
  constexpr std::size_t kThreads = 2;
  for (std::size_t i = 0; i < numbers.size(); i += kThreads) {
    const std::size_t count = std::min(kThreads, numbers.size() - i);
    std::vector<Segment> segments(count);
    for (std::size_t k = 0; k < count; ++k) {
      segments[k].number = numbers[i + k];
      segments[k].path = log.path_of(numbers[i + k]);
      POSTERN_TRY(segments[k].file, disk.open(segments[k].path, Disk::Open::read));
    }
    std::vector<Scanned> scanned(count);
    std::thread other;
    if (count > 1) other = std::thread([&] { scanned[1] = scan(segments[1], kind, progress); });
    scanned[0] = scan(segments[0], kind, progress);
    if (other.joinable()) other.join();
    for (Scanned& one : scanned) {
      if (one.error && one.error->kind == ErrorKind::storage) {
        // The disk does not give it back. To go on would be to forget mail; the operator decides.
        return std::unexpected(std::move(*one.error));
      }
      if (one.error) {
        log::error("spool_segment_unreadable", {{"file", one.segment.path}, {"error", one.error->what}});
        log.adopt(one.segment, 0);
        continue;
      }
      if (one.result.damaged_octets > 0 || one.result.header_damaged) {
        out.damaged_octets += one.result.damaged_octets;
        log::error("spool_damaged", {{"file", one.segment.path},
                                     {"octets", one.result.damaged_octets},
                                     {"first_offset", one.result.first_damage},
                                     {"header", one.result.header_damaged ? "damaged" : "good"}});
      }
      log.adopt(one.segment, one.result.end);
      if (kind == LogKind::meta) out.meta_records[one.segment.number] = one.result.records;
      take(one);
    }
  }
  return {};
}

Result<void> compare_bodies(Disk& disk, const std::string& deferred, std::unordered_map<Id, Entry, IdHash>& shadowed,
                            Recovered& out) {
  std::unordered_set<Id, IdHash> bodies;
  POSTERN_TRY(const std::vector<std::string> folders, disk.list(deferred));
  for (const std::string& folder : folders) {
    POSTERN_TRY(const std::vector<std::string> names, disk.list(deferred + "/" + folder));
    for (const std::string& name : names) {
      const auto id = Id::parse(name);
      if (!id || deferred_name(*id) != folder + "/" + name) continue;  // not ours: left alone
      const Entry* const entry = out.index.find(*id);
      if (entry != nullptr && entry->has(Entry::kDeferred)) {
        bodies.insert(*id);
      } else {
        out.strays.push_back(*id);
      }
    }
  }
  std::vector<Id> without;
  for (std::size_t page = 0; !out.index.page(page).empty(); ++page) {
    for (const Entry& entry : out.index.page(page)) {
      if (!entry.id.empty() && entry.has(Entry::kDeferred) && !bodies.contains(entry.id)) without.push_back(entry.id);
    }
  }
  for (const Id& id : without) {
    if (const auto shadow = shadowed.find(id); shadow != shadowed.end()) {
      out.index.erase(id);
      (void)out.index.insert(shadow->second);
      shadowed.erase(shadow);
      continue;
    }
    ++out.lost;
    log::error("spool_body_missing", {{"id", id.text()},
                                      {"file", deferred + "/" + deferred_name(id)},
                                      {"effect", "the message is held; put the file back or drop it"}});
    out.index.edit(*out.index.find(id), [](Entry& entry) { entry.set(Entry::kHeld, true); });
  }
  for (const auto& [id, entry] : shadowed) out.moved.push_back(id);
  return {};
}

}  // namespace

Result<void> recover(const JournalOptions& options, Disk& disk, SegmentLog& intake, SegmentLog& meta,
                     const std::string& deferred, Recovered& out) {
  POSTERN_TRY(const std::vector<std::uint32_t> intake_numbers, intake.find_segments());
  POSTERN_TRY(const std::vector<std::uint32_t> meta_numbers, meta.find_segments());
  Progress progress(options);
  for (const auto& [log, numbers] : {std::pair(&intake, &intake_numbers), std::pair(&meta, &meta_numbers)}) {
    for (const std::uint32_t number : *numbers) {
      POSTERN_TRY(const std::unique_ptr<File> file, disk.open(log->path_of(number), Disk::Open::read));
      POSTERN_TRY(const std::uint64_t size, file->size());
      progress.add_total(size);
    }
  }
  std::unordered_map<Id, Entry, IdHash> shadowed;  // in both logs: the intake log's view
  Builder builder(out, shadowed, intake_numbers.empty() ? 0 : intake_numbers.front());
  POSTERN_TRY_VOID(scan_all(disk, intake, LogKind::intake, intake_numbers, progress, out,
                            [&](const Scanned& scanned) { builder.intake(scanned); }));
  const std::uint64_t damaged_before = out.damaged_octets;
  POSTERN_TRY_VOID(scan_all(disk, meta, LogKind::meta, meta_numbers, progress, out,
                            [&](const Scanned& scanned) { builder.meta(scanned); }));
  POSTERN_TRY_VOID(compare_bodies(disk, deferred, shadowed, out));
  if (out.damaged_octets != damaged_before && !out.strays.empty()) {
    // With a damaged meta log a body without an envelope may be all that is left of a message.
    log::error("spool_strays_kept", {{"count", out.strays.size()}, {"directory", deferred}});
    out.strays.clear();
  }
  return {};
}

}  // namespace postern::spool
