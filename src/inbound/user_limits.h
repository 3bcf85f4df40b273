// UserLimits: how much each user has sent of late, so that a stolen password is worth little. Token buckets, in memory:
// a restart gives each user his burst again. Who has sent nothing for as long as a bucket takes to fill costs nothing;
// at kTracked users at once further ones are not limited (a table that is too small lets mail through). Thread rule:
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/thread_annotations.h"
#include "base/time.h"
#include "inbound/submission_options.h"

namespace postern::inbound {

class UserLimits {
 public:
  static constexpr std::size_t kTracked = 100'000;
  struct Hit {
    std::string_view limit;  // "messages_per_hour"
    std::uint32_t value = 0;
    std::int64_t wait_ms = 0;  // until there is room for one
    bool first = false;        // of this user within a day: worth a notice
  };
  // Takes one of each bucket, or none where one of them is empty.
  [[nodiscard]] std::optional<Hit> message(std::string_view login, const SubmissionLimits& limits, WallMs now);
  [[nodiscard]] std::optional<Hit> new_recipient(std::string_view login, const SubmissionLimits& limits, WallMs now);
  [[nodiscard]] std::size_t tracked() const;

 private:
  // Of each bucket the time at which it is full again (GCRA): messages an hour, a day, new recipients an hour, a day.
  struct Usage {
    std::array<std::int64_t, 4> full{};
    std::int64_t told = std::numeric_limits<std::int64_t>::min() / 2;  // when the last Hit with `first` was given
  };
  struct Bucket {
    std::size_t index;
    std::string_view name;
    std::uint32_t limit;
    std::int64_t period_us;
  };
  std::optional<Hit> take(std::string_view login, const std::array<Bucket, 2>& buckets, WallMs now);
  void forget_idle(std::int64_t now_us) POSTERN_REQUIRES(mutex_);
  mutable Mutex mutex_;
  std::unordered_map<std::string, Usage> users_ POSTERN_GUARDED_BY(mutex_);
};

}  // namespace postern::inbound
