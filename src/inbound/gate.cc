#include "inbound/gate.h"

#include <array>
#include <span>

namespace postern::inbound {

namespace {

struct Level {
  std::string_view name;
  int length;
  std::uint32_t SessionLimits::* limit;
};

constexpr std::array<Level, 4> kV6 = {{{"v6_64", 64, &SessionLimits::v6_64},
                                       {"v6_56", 56, &SessionLimits::v6_56},
                                       {"v6_48", 48, &SessionLimits::v6_48},
                                       {"v6_32", 32, &SessionLimits::v6_32}}};
constexpr std::array<Level, 2> kV4 = {{{"v4_32", 32, &SessionLimits::v4_32}, {"v4_24", 24, &SessionLimits::v4_24}}};

std::span<const Level> levels(const ip::Address& address) {
  if (address.is_v4()) return kV4;
  return kV6;
}

}  // namespace

std::size_t Gate::KeyHash::operator()(const Key& key) const noexcept {
  return ip::AddressHash{}(key.address) * 31 + static_cast<std::size_t>(key.length);
}

std::optional<std::string_view> Gate::enter(const ip::Address& client, const SessionLimits& limits) {
  const MutexLock lock(mutex_);
  if (total_ >= limits.total) return "total";
  // Loopback is the operator's own machine (or a proxy, whose header then names the client): never charged.
  if (!client.is_loopback()) {
    for (const Level& level : levels(client)) {
      const Key key{ip::Prefix(client, level.length).address(), level.length};
      const auto found = counts_.find(key);
      if (found != counts_.end() && found->second >= limits.*level.limit) return level.name;
      if (found == counts_.end() && limits.*level.limit == 0) return level.name;
    }
    for (const Level& level : levels(client)) {
      ++counts_[Key{ip::Prefix(client, level.length).address(), level.length}];
    }
  }
  ++total_;
  return std::nullopt;
}

void Gate::leave(const ip::Address& client) {
  const MutexLock lock(mutex_);
  POSTERN_CHECK(total_ > 0);
  --total_;
  if (client.is_loopback()) return;
  for (const Level& level : levels(client)) {
    const auto found = counts_.find(Key{ip::Prefix(client, level.length).address(), level.length});
    POSTERN_CHECK(found != counts_.end());
    if (--found->second == 0) counts_.erase(found);
  }
}

bool Gate::take_bytes(std::uint64_t octets, const SessionLimits& limits) {
  const std::uint64_t before = bytes_.fetch_add(octets, std::memory_order_relaxed);
  if (before + octets <= limits.bytes_in_flight) return true;
  bytes_.fetch_sub(octets, std::memory_order_relaxed);
  return false;
}

std::uint32_t Gate::sessions() const {
  const MutexLock lock(mutex_);
  return total_;
}

std::size_t Gate::tracked_prefixes() const {
  const MutexLock lock(mutex_);
  return counts_.size();
}

}  // namespace postern::inbound
