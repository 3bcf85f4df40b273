// StateFile: a small state of the sending side (policies, what is remembered of hosts, counts for reports) kept in one
// file, which is written anew a little after it changed and replaced as a whole: written beside, synced, renamed, mode
// 0600. Losing the last seconds of it loses no mail. Thread rule: its loop; the writing is done on the pool.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/loop.h"

namespace postern::outbound {

// Blocks.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);

class StateFile {
 public:
  // `render` is called on the loop. Pool and what it renders outlive this.
  StateFile(io::Loop& loop, io::BlockingPool& pool, std::string path, std::function<std::string()> render);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  void changed();  // many changes in a short time are one write; a failed one is logged, and done again
  [[nodiscard]] Task<void> stop();  // writes what is not written yet; before destruction
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Task<void> write_until_clean();
  io::BlockingPool& pool_;
  std::string path_;
  std::function<std::string()> render_;
  io::Scope scope_;
  io::Signal hurry_;
  bool dirty_ = false;
  bool writing_ = false;
  bool stopping_ = false;
};

}  // namespace postern::outbound
