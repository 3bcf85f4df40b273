#include "inbound/user_limits.h"

#include <algorithm>

namespace postern::inbound {

namespace {
constexpr std::int64_t kHourUs = 3600LL * 1000 * 1000;
constexpr std::int64_t kDayUs = 24 * kHourUs;
}  // namespace

std::optional<UserLimits::Hit> UserLimits::message(std::string_view login, const SubmissionLimits& limits, WallMs now) {
  return take(login,
              {Bucket{0, "messages_per_hour", limits.messages_per_hour, kHourUs},
               Bucket{1, "messages_per_day", limits.messages_per_day, kDayUs}},
              now);
}

std::optional<UserLimits::Hit> UserLimits::new_recipient(std::string_view login, const SubmissionLimits& limits,
                                                         WallMs now) {
  return take(login,
              {Bucket{2, "new_recipients_per_hour", limits.new_recipients_per_hour, kHourUs},
               Bucket{3, "new_recipients_per_day", limits.new_recipients_per_day, kDayUs}},
              now);
}

std::size_t UserLimits::tracked() const {
  const MutexLock lock(mutex_);
  return users_.size();
}

void UserLimits::forget_idle(std::int64_t now_us) {
  std::erase_if(users_, [now_us](const auto& user) {
    const Usage& usage = user.second;
    return now_us - usage.told >= kDayUs &&
           std::ranges::all_of(usage.full, [now_us](std::int64_t full) { return full <= now_us; });
  });
}

std::optional<UserLimits::Hit> UserLimits::take(std::string_view login, const std::array<Bucket, 2>& buckets,
                                                WallMs now) {
  const std::int64_t now_us = now * 1000;
  const MutexLock lock(mutex_);
  auto user = users_.find(std::string(login));
  if (user == users_.end()) {
    if (users_.size() >= kTracked) forget_idle(now_us);
    if (users_.size() >= kTracked) return std::nullopt;
    user = users_.emplace(std::string(login), Usage{}).first;
  }
  Usage next = user->second;
  for (const Bucket& bucket : buckets) {
    if (bucket.limit == 0) continue;
    const std::int64_t interval = bucket.period_us / bucket.limit;
    const std::int64_t full = std::max(next.full.at(bucket.index), now_us) + interval;
    // What rounding leaves of the period is not held against anybody
    const std::int64_t over = full - (now_us + interval * bucket.limit);
    if (over > 0) {
      const bool first = now_us - user->second.told >= kDayUs;
      if (first) user->second.told = now_us;
      return Hit{.limit = bucket.name, .value = bucket.limit, .wait_ms = over / 1000 + 1, .first = first};
    }
    next.full.at(bucket.index) = full;
  }
  user->second = next;
  return std::nullopt;
}

}  // namespace postern::inbound
