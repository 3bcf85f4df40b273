// SegmentLog: an append-only log in numbered files. One thread writes; any thread reads records through the Segments.
// It knows records and files, nothing of messages: what is alive is counted by its owner, who says which segments may
// go.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_annotations.h"
#include "spool/disk.h"
#include "spool/record_format.h"

namespace postern::spool {

struct Segment {
  std::uint32_t number = 0;
  std::uint64_t key = 0;
  std::shared_ptr<File> file;
  std::string path;
};

// A record to be written. In memory, as in the file: header, the first part of the payload, the rest of it, padding.
struct Record {
  RecordType type = RecordType::message;
  std::string head;       // kRecordHeader octets of room, then payload; padded by seal() if there is no tail
  std::string_view tail;  // the rest of the payload, with its padding (the owner's buffer has it)
  std::uint32_t length = 0;
  std::uint32_t payload_crc = 0;
  Place place;  // set by append()

  [[nodiscard]] static std::string room() { return std::string(kRecordHeader, '\0'); }
  void seal();  // after head is complete, without a tail
  // `padded_tail` is `tail_size` octets and zeroes up to where the record's padded end is.
  void seal(std::string_view padded_tail, std::size_t tail_size);
  [[nodiscard]] std::uint64_t size_on_disk() const { return head.size() + tail.size(); }
};

class SegmentLog {
 public:
  struct Options {
    Disk* disk = nullptr;
    LogKind kind = LogKind::intake;
    std::string directory;
    std::string extension;  // ".seg"
    std::uint64_t segment_bytes = 0;
    std::size_t spares = 0;  // retired files kept for reuse
  };
  explicit SegmentLog(Options options) : options_(std::move(options)) {}

  // Used by recovery, before anything is written.
  [[nodiscard]] Result<std::vector<std::uint32_t>> find_segments();  // also adopts spare files; sets next number
  [[nodiscard]] std::string path_of(std::uint32_t number) const;
  void adopt(const Segment& segment, std::uint64_t octets);

  // The writing thread. append() sets each record's place and writes; it opens a new segment as needed, and syncs the
  // one it leaves. After any error: abandon(), then start_segment() until it succeeds; nothing appended since the last
  // successful sync() may be believed.
  [[nodiscard]] Result<void> start_segment();
  [[nodiscard]] Result<void> append(std::vector<Record*>& records);
  [[nodiscard]] Result<void> sync();
  void abandon();
  [[nodiscard]] bool writable() const { return current_ != nullptr; }
  // The writer has this segment and those after it in hand. Without a current one: those to come, so that on a full
  // disk the dead ones before it can still go.
  [[nodiscard]] std::uint32_t first_in_use() const POSTERN_EXCLUDES(mutex_);

  // Any thread.
  [[nodiscard]] std::shared_ptr<const Segment> segment(std::uint32_t number) const POSTERN_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::uint32_t> segments() const POSTERN_EXCLUDES(mutex_);  // sorted
  // Written, in all segments. Asked for every message, so it is a counter.
  [[nodiscard]] std::uint64_t octets() const { return octets_.load(std::memory_order_relaxed); }

  // The housekeeper: the oldest segment is no longer needed by anybody. Its file becomes a spare or goes.
  [[nodiscard]] Result<void> retire(std::uint32_t number) POSTERN_EXCLUDES(mutex_);
  // A segment that was left is often dead a moment later and its file a spare again, without a new one being made. So a
  // new one is due only at the start and when the current segment is half full.
  [[nodiscard]] bool spare_due() const POSTERN_EXCLUDES(mutex_);
  // Makes a spare ready when there is none, so that the writer need not wait for a new file.
  [[nodiscard]] Result<void> prepare_spare() POSTERN_EXCLUDES(spare_mutex_, mutex_);

 private:
  struct Held {
    std::shared_ptr<const Segment> segment;
    std::uint64_t octets = 0;
  };
  struct Spare {
    std::string path;
    std::uint32_t number = 0;  // of the segment that it becomes
  };
  [[nodiscard]] Result<Spare> take_spare() POSTERN_EXCLUDES(spare_mutex_, mutex_);
  [[nodiscard]] Result<void> flush_pieces();
  void note_octets();

  Options options_;
  // Writer only.
  std::shared_ptr<const Segment> current_;
  std::uint64_t offset_ = 0;   // where the next record goes
  std::uint64_t flushed_ = 0;  // up to where pieces_ were handed to the file
  std::vector<iovec> pieces_;
  bool dirty_ = false;

  Mutex spare_mutex_;                     // held while a spare is made; before mutex_
  std::atomic<std::uint64_t> octets_{0};  // the sum over segments_, changed together with it
  mutable Mutex mutex_;
  std::map<std::uint32_t, Held> segments_ POSTERN_GUARDED_BY(mutex_);
  std::vector<std::string> spares_ POSTERN_GUARDED_BY(mutex_);
  std::uint32_t next_number_ POSTERN_GUARDED_BY(mutex_) = 1;
  std::uint32_t next_spare_ POSTERN_GUARDED_BY(mutex_) = 1;
};

}  // namespace postern::spool
