// Rates: how many requests each network may make, in a table whose size never changes. A network is an IPv6 /64 or an
// IPv4 address, and the wider ones it lies in (/56 and /48, or /24), which may make somewhat more. Where all places of
// a line are taken, whoever has waited longest gives way: a table that is too small forgets, and refuses nobody
// (invariant 7). Thread rule: one thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "crypto/siphash.h"
#include "ip/address.h"

namespace postern::web {

// The networks of an address, from narrow to wide: IPv6 /64, /56, /48; IPv4 /32, /24.
[[nodiscard]] std::vector<ip::Prefix> networks_of(const ip::Address& address);

class Rates {
 public:
  struct Limit {
    double burst = 60;
    double per_minute = 120;
    double wider = 4, widest = 8;  // times as much for an IPv6 /56; for an IPv6 /48 or an IPv4 /24
  };
  explicit Rates(Limit limit, std::size_t lines = 4096);
  // Takes `cost` where there is room for it in all of the client's networks. False: the network has to wait wait_s()
  // seconds.
  [[nodiscard]] bool take(const ip::Address& client, Clock::time_point now, double cost = 1);
  // What was taken just now, and counts no longer.
  void give_back(const ip::Address& client, Clock::time_point now, double cost = 1);
  [[nodiscard]] int wait_s(double cost = 1) const;

 private:
  static constexpr std::size_t kPlaces = 4;
  struct Place {
    std::uint64_t network = 0;  // 0: free
    float spent = 0;            // requests, decaying
    std::uint32_t at_ms = 0;    // since the table was made
  };
  [[nodiscard]] double factor_of(std::size_t i, std::size_t networks) const;
  // The network's place, with what it has spent and not forgotten until now.
  Place& settle(const ip::Prefix& network, double factor, std::uint32_t at);
  [[nodiscard]] std::uint32_t ms_of(Clock::time_point now) const;
  Place& find(const ip::Prefix& network, std::uint32_t at);

  const Limit limit_;
  crypto::SipKey key_;
  Clock::time_point begin_ = Clock::now();
  std::vector<std::array<Place, kPlaces>> lines_;
};

}  // namespace postern::web
