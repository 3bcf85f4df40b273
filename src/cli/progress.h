// ProgressBar: how far a long walk over files is, on standard error, where that is a terminal; else nothing. Drawn at
// most ten times a second, and gone when it ends. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace postern::cli {

class ProgressBar {
 public:
  explicit ProgressBar(std::string what);  // "replaying"
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(std::uint64_t done, std::uint64_t total);

 private:
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begun_, next_;
};

// "replaying  [=====>    ]  52 %  1.1 GiB of 2.1 GiB  20s left"; pure.
[[nodiscard]] std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t total,
                                        std::int64_t elapsed_ms, std::size_t width);

}  // namespace postern::cli
