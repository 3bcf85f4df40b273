// RecordWriter: appends JSON lines to data_dir/records/current.jsonl, off the loops (one thread, batched writes),
// rotates by size and by day, compresses rotated files with zstd and removes old ones by age (`keep`) and total size
// (`max_bytes`). A full or failing disk loses records (counted, logged once a minute), never mail.
// Rotated files are YYYYMMDDThhmmssZ.jsonl.zst; a second thread compresses and removes, so that it never delays a
// write. Thread rule: append() from any thread; never blocks: past kPendingMax octets waiting, records are dropped and
// counted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "record/session_record.h"

namespace postern::record {

struct WriterOptions {
  std::string directory;  // data_dir/records, made 0700
  std::uint64_t rotate_bytes = 256ULL << 20;
  std::int64_t keep_ms = 30LL * 24 * 3600 * 1000;
  std::uint64_t max_bytes = 4ULL << 30;
  WallMs (*now)() = wall_now;  // decides the day, the names of rotated files and their age; tests set it
};
inline constexpr std::size_t kPendingMax = 64 << 20;

class Writer {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Writer>> open(const WriterOptions& options);
  ~Writer();  // writes what waits
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  void append(const SessionRecord& record);
  void append(const DeliveryRecord& record);
  void flush();  // until everything appended before is in the file

 private:
  Writer();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads lines back, oldest file first: plain and .zst. For `why`, statistics, replay.
// `line` is called for each line without its newline; returning false stops. Lines over 1 MiB are skipped and counted.
// `progress`, where there is one, is told how many octets of the files were read so far, as they are on the disk.
struct ReadCount {
  std::uint64_t lines = 0, skipped = 0;
};
[[nodiscard]] Result<ReadCount> read_records(const std::string& file_or_directory,
                                             const std::function<bool(std::string_view line)>& line,
                                             const std::function<void(std::uint64_t octets)>& progress = {});

}  // namespace postern::record
