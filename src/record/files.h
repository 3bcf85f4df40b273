// The files of a record folder: their names, and the order in which they are read. Shared by writer and reader.
// "current.jsonl" is being written; "YYYYMMDDThhmmssZ.jsonl" (with "-2", "-3" where two rotations fall into one second)
// was rotated at that time, and carries ".zst" once it is compressed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "record/writer.h"

namespace postern::record {

inline constexpr std::string_view kCurrentName = "current.jsonl";

struct RecordFile {
  std::string path;
  std::string stem;  // the name without ".jsonl" and ".zst"
  bool compressed = false;
  bool current = false;
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  WallMs modified = 0;
  // The current file as it was listed: a rotation takes its name away and not what was listed. Read with pread.
  std::shared_ptr<const UniqueFd> held;
};

// Oldest first, the current one last; each record that was in the folder when this was called stands in one of them,
// whatever the writer rotates, and the keeper compresses, meanwhile. Where a file is there plain and compressed, the
// plain one is listed: it is complete.
[[nodiscard]] Result<std::vector<RecordFile>> list_record_files(const std::string& directory);
// What a listed file holds, wherever it is by now: compressed since, or rotated. Nothing where its age removed it.
[[nodiscard]] Result<ReadCount> read_records(const RecordFile& file,
                                             const std::function<bool(std::string_view line)>& line,
                                             const std::function<void(std::uint64_t octets)>& progress = {});
// "20261121T061328Z"
[[nodiscard]] std::string rotation_stem(WallMs time);

// Compresses rotated files, then removes, oldest first, those that were last written before `oldest` and those that
// take the folder's total past `max_bytes`. The current file is never touched. `stop` is asked before each file and
// within.
struct TidyRules {
  WallMs oldest = 0;
  std::uint64_t max_bytes = 0;
};
[[nodiscard]] Result<> tidy_records(const std::string& directory, const TidyRules& rules, bool (*stop)(void*),
                                    void* context);

// Compresses `path` to `path`.zst (through a temporary name, synced) and removes it. `stop` is asked between blocks.
[[nodiscard]] Result<> compress_file(const std::string& path, bool (*stop)(void*), void* context);

}  // namespace postern::record
