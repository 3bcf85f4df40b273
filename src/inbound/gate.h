// Gate: how many sessions are open, in all and per prefix (/64 /56 /48 /32, IPv4 /32 and /24), and how many octets of
// messages are being received. A connection that would pass a limit is told 421 and which limit it was; nobody is
// refused for good here (design invariant 4). Memory: at most four map entries per open session, so the bound is the
// total-session limit. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/thread_annotations.h"
#include "inbound/options.h"
#include "ip/address.h"

namespace postern::inbound {

class Gate {
 public:
  // Counts a session in, or names the limit that stands against it ("total", "v6_64", ...) and counts nothing.
  [[nodiscard]] std::optional<std::string_view> enter(const ip::Address& client, const SessionLimits& limits);
  void leave(const ip::Address& client);

  // Octets in flight, of a session that was counted in: false, and nothing is taken, where the limit would be passed,
  // or where the other messages of its /48 (IPv4 /24) hold a quarter of it already: a few senders that begin large
  // messages and stall do not keep everybody out. `own`: what the message holds so far; one alone may always grow.
  [[nodiscard]] bool take_bytes(const ip::Address& client, std::uint64_t octets, std::uint64_t own,
                                const SessionLimits& limits);
  void give_bytes(const ip::Address& client, std::uint64_t octets);

  [[nodiscard]] std::uint32_t sessions() const;
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::size_t tracked_prefixes() const;

 private:
  struct Key {
    ip::Address address;
    int length = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  mutable Mutex mutex_;
  struct Use {
    std::uint32_t sessions = 0;
    std::uint64_t bytes = 0;  // at the length of site() only
  };
  static Key site(const ip::Address& client);
  std::unordered_map<Key, Use, KeyHash> counts_ POSTERN_GUARDED_BY(mutex_);
  std::uint32_t total_ POSTERN_GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_ POSTERN_GUARDED_BY(mutex_) = 0;
};

}  // namespace postern::inbound
