#include "cli/recovery_progress.h"

#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

namespace postern::cli {

void RecoveryProgress::show(std::uint64_t done, std::uint64_t total) {
  const auto now = Clock::now();
  if (now < next_) return;
  bar_.show(done, total);
  if (::isatty(STDERR_FILENO) == 1) return;
  next_ = now + seconds(2);
  const std::uint64_t percent = total == 0 ? 100 : done * 100 / total;
  log::info("spool_recovering", {{"percent", percent}, {"of", human_bytes(total)}});
}

}  // namespace postern::cli
