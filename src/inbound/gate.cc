#include "inbound/gate.h"

#include <array>
#include <span>

#include "ip/translated.h"

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

constexpr std::uint64_t kSiteShare = 4;

std::span<const Level> levels(const ip::Address& address) {
  if (address.is_v4()) return kV4;
  return kV6;
}

}  // namespace

std::size_t Gate::KeyHash::operator()(const Key& key) const noexcept {
  return ip::AddressHash{}(key.address) * 31 + static_cast<std::size_t>(key.length);
}

std::optional<std::string_view> Gate::enter(const ip::Address& from, const SessionLimits& limits) {
  const ip::Address client = ip::untranslated(from);
  const MutexLock lock(mutex_);
  if (total_ >= limits.total) return "total";
  // Loopback is the operator's own machine (or a proxy, whose header then names the client): never charged.
  if (!client.is_loopback()) {
    for (const Level& level : levels(client)) {
      const Key key{ip::Prefix(client, level.length).address(), level.length};
      const auto found = counts_.find(key);
      if (found != counts_.end() && found->second.sessions >= limits.*level.limit) return level.name;
      if (found == counts_.end() && limits.*level.limit == 0) return level.name;
    }
    for (const Level& level : levels(client)) {
      ++counts_[Key{ip::Prefix(client, level.length).address(), level.length}].sessions;
    }
  }
  ++total_;
  return std::nullopt;
}

void Gate::leave(const ip::Address& from) {
  const ip::Address client = ip::untranslated(from);
  const MutexLock lock(mutex_);
  POSTERN_CHECK(total_ > 0);
  --total_;
  if (client.is_loopback()) return;
  for (const Level& level : levels(client)) {
    const auto found = counts_.find(Key{ip::Prefix(client, level.length).address(), level.length});
    POSTERN_CHECK(found != counts_.end());
    if (--found->second.sessions == 0) counts_.erase(found);
  }
}

Gate::Key Gate::site(const ip::Address& from) {
  const ip::Address client = ip::untranslated(from);
  const int length = client.is_v4() ? 24 : 48;
  return {ip::Prefix(client, length).address(), length};
}

bool Gate::take_bytes(const ip::Address& client, std::uint64_t octets, std::uint64_t own, const SessionLimits& limits) {
  const MutexLock lock(mutex_);
  if (bytes_ + octets > limits.bytes_in_flight) return false;
  if (!client.is_loopback()) {
    const auto found = counts_.find(site(client));
    POSTERN_CHECK(found != counts_.end() && found->second.bytes >= own);
    if (found->second.bytes - own > limits.bytes_in_flight / kSiteShare) return false;
    found->second.bytes += octets;
  }
  bytes_ += octets;
  return true;
}

void Gate::give_bytes(const ip::Address& client, std::uint64_t octets) {
  const MutexLock lock(mutex_);
  POSTERN_CHECK(bytes_ >= octets);
  bytes_ -= octets;
  if (client.is_loopback()) return;
  const auto found = counts_.find(site(client));
  POSTERN_CHECK(found != counts_.end() && found->second.bytes >= octets);
  found->second.bytes -= octets;
}

std::uint64_t Gate::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
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
