// FileWatch: whether files changed, so that what was read from them is to be read again. It decides and does not look:
// the caller asks the file system every minute or so, on a thread that may block, and hands over what it saw.
//
//   FileWatch watch(file_stamps(paths));           // before loading
//   ...
//   if (watch.due(file_stamps(paths))) { load; on an error keep the old table and say so }
//
// A change is due once, when it has been the same for two looks in a row, so that a file is not read while it is being
// written; a file that was broken is not read again before it changes. A file that has gone is no reason to forget what
// it said. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace postern {

struct FileStamp {
  bool present = false;
  std::int64_t modified_ns = 0;  // since 1970
  std::uint64_t size = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
[[nodiscard]] std::vector<FileStamp> file_stamps(std::span<const std::string> paths);

class FileWatch {
 public:
  explicit FileWatch(std::vector<FileStamp> loaded) : loaded_(std::move(loaded)), seen_(loaded_) {}
  // True: read the files now.
  [[nodiscard]] bool due(std::vector<FileStamp> now);

 private:
  std::vector<FileStamp> loaded_;  // what was loaded last, or tried
  std::vector<FileStamp> seen_;    // at the last look
};

}  // namespace postern
