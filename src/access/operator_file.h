// OperatorFile: data_dir/operator.jsonl, where the operator's word is kept: one JSON object a line
// (access/operator_list.h), written anew with each change: a new file, fsync, rename, fsync of the folder, mode 0600. A
// lock beside it (operator.lock, flock(2)) lets the server and a command line tool without one change it side by side.
//
// A line that cannot be read is told with its place and does not keep the others from counting; but nothing is changed
// while there is one, because it would be lost. Entries whose time is over leave with the next change.
// Thread rule: any thread; every call blocks on files, so never on an event loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/operator_list.h"
#include "base/result.h"
#include "base/time.h"

namespace postern::access {

inline constexpr std::size_t kFileMax = 64 << 20;     // octets; 100,000 entries with notes are about 30 MiB
inline constexpr std::int64_t kLockTimeoutMs = 5000;  // for who else changes the file
inline constexpr std::size_t kFileProblemsMax = 20;   // told at once; then "and more"

class OperatorFile {
 public:
  explicit OperatorFile(const std::string& data_dir);

  struct Loaded {
    std::shared_ptr<const OperatorList> list;  // of the lines that can be read; never null
    std::vector<Error> problems;               // "FILE:LINE: what and remedy"
  };
  // A file that is not there is an empty list.
  [[nodiscard]] Loaded load() const;

  struct Change {
    std::shared_ptr<const OperatorList> list;  // as it is after the change
    std::optional<Entry> before;               // what stood there for the subject
    std::uint64_t sequence = 0;                // rises in the order of the changes of this object
  };
  // Puts the entry in the place of any other about its subject. Errors: invalid (check()), limit (kEntriesMax),
  // storage, timeout (the lock).
  [[nodiscard]] Result<Change> add(const Entry& entry, WallMs now);
  // not_found where there is none, with a suggestion.
  [[nodiscard]] Result<Change> remove(std::string_view subject, WallMs now);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string lock_path_;
  std::atomic<std::uint64_t> sequence_{0};
};

}  // namespace postern::access
