// Sessions of recorded files, one after the other, oldest first: what statistics, signals and replay walk over.
// Thread rule: one walk a thread; blocks on files.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evidence/evidence.h"
#include "record/session_reader.h"

namespace postern::insight {

struct Sources {
  // Files, folders of records, or a data_dir with such a folder; taken in this order.
  std::vector<std::string> paths;
  std::optional<WallMs> since;  // sessions that began earlier are passed over
  // Set by another thread: reading ends soon with `cancelled`. May be null.
  const std::atomic<bool>* stop = nullptr;
};

// A file that could not be read to its end.
struct DamagedFile {
  std::string path;
  std::string problem;  // a sentence that names it, and what can be done
};

struct LineCount {
  std::uint64_t sessions = 0;
  std::uint64_t others = 0;   // lines of other schemas: deliveries
  std::uint64_t damaged = 0;  // no JSON, cut, or too long
  // What stood before the damage is counted.
  std::vector<DamagedFile> damaged_files;
  [[nodiscard]] std::uint64_t total() const { return sessions + others + damaged; }
};

using Visitor = std::function<void(const record::SessionView&)>;
// `done` of `total` octets on the disk.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// What a file that is damaged is: an error of read_sessions(), or told in LineCount while the rest is read.
enum class Damage : std::uint8_t { fails, told };
// Lines of sessions before `since` are counted nowhere. Error: not_found where a path is not there.
[[nodiscard]] Result<LineCount> read_sessions(const Sources& sources, const Visitor& visit,
                                              const Progress& progress = {}, Damage damage = Damage::fails);

// The folder that is meant: `path`, or the folder "records" within it.
[[nodiscard]] std::string record_folder(const std::string& path);
// Where marks and aggregates of these records are: the data_dir around a folder "records", else beside the file.
[[nodiscard]] std::string data_folder(const std::string& path);

// Puts the evidence of a session together, decision by decision.
class EvidenceWalk {
 public:
  // `names`: the lists of the policy that will judge, by number.
  explicit EvidenceWalk(evidence::ListNames names = {}) : names_(std::move(names)) {}
  void begin() { evidence_ = nothing_; }
  // What is known at this decision. Of damaged changes nothing is taken.
  const evidence::Evidence& next(const record::DecisionView& decision);
  [[nodiscard]] const evidence::Evidence& now() const { return evidence_; }
  [[nodiscard]] const evidence::ListNames& names() const { return names_; }  // with those met on the way behind
  // Words of signals that this version does not know, and damaged changes.
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }

 private:
  const evidence::Evidence nothing_;
  evidence::Evidence evidence_;
  evidence::ListNames names_;
  std::string scratch_;
  std::uint64_t skipped_ = 0;
};

}  // namespace postern::insight
