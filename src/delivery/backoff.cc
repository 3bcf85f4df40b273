#include <algorithm>

#include "delivery/queue.h"

namespace postern::delivery {

std::int64_t backoff_ms(const QueueOptions& options, std::uint32_t attempts) {
  if (attempts == 0) return 0;
  const std::int64_t most = std::max(options.retry_first_ms, options.retry_max_ms);
  std::int64_t delay = options.retry_first_ms;
  for (std::uint32_t i = 1; i < attempts && delay < most; ++i) {
    // Doubling is stopped before it can overflow
    delay = delay > most / 2 ? most : delay * 2;
  }
  return std::min(delay, most);
}

}  // namespace postern::delivery
