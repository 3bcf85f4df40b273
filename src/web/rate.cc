#include "web/rate.h"

#include <algorithm>
#include <cmath>

#include "base/id.h"

namespace postern::web {

namespace {

std::uint64_t first_word(const std::array<std::uint8_t, 16>& octets, std::size_t from) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = (word << 8U) | octets.at(from + i);
  return word;
}

}  // namespace

Rates::Rates(Limit limit, std::size_t lines) : limit_(limit), lines_(std::max<std::size_t>(lines, 1)) {
  std::array<std::uint8_t, 16> secret{};
  random_bytes(secret.data(), secret.size());
  key_ = crypto::SipKey::from_bytes(secret);
}

std::vector<ip::Prefix> networks_of(const ip::Address& address) {
  if (address.is_v4()) return {{address, 32}, {address, 24}};
  return {{address, 64}, {address, 56}, {address, 48}};
}

Rates::Place& Rates::find(const ip::Prefix& network, std::uint32_t at) {
  // Of IPv6 no more than the first 64 bits count; of IPv4 all 32 bits stand in the last word
  const bool v4 = network.address().is_v4();
  const std::uint64_t word = first_word(network.address().octets(), v4 ? 8 : 0);
  // No two of the lengths are alike
  const auto kind = static_cast<std::uint8_t>(network.length());
  const std::uint64_t key = std::max<std::uint64_t>(crypto::siphash_1_3(key_, word, kind), 1);
  auto& line = lines_[key % lines_.size()];
  for (Place& candidate : line)
    if (candidate.network == key) return candidate;
  Place& place = *std::ranges::min_element(line, {}, [](const Place& p) { return p.network == 0 ? 0 : p.at_ms + 1; });
  return place = {.network = key, .spent = 0, .at_ms = at};
}

std::uint32_t Rates::ms_of(Clock::time_point now) const {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(now - begin_).count());
}

double Rates::factor_of(std::size_t i, std::size_t networks) const {
  return i == 0 ? 1 : i + 1 == networks ? limit_.widest : limit_.wider;
}

Rates::Place& Rates::settle(const ip::Prefix& network, double factor, std::uint32_t at) {
  Place& place = find(network, at);
  const double decayed = factor * limit_.per_minute * static_cast<double>(at - place.at_ms) / 60'000;
  place.spent = static_cast<float>(std::max(0.0, static_cast<double>(place.spent) - decayed));
  place.at_ms = at;
  return place;
}

bool Rates::take(const ip::Address& client, Clock::time_point now, double cost) {
  const std::vector<ip::Prefix> networks = networks_of(client);
  for (const bool pays : {false, true}) {
    for (std::size_t i = 0; i < networks.size(); ++i) {
      const double factor = factor_of(i, networks.size());
      Place& place = settle(networks[i], factor, ms_of(now));
      const double spent = static_cast<double>(place.spent) + cost;
      if (spent > factor * limit_.burst) return false;
      if (pays) place.spent = static_cast<float>(spent);
    }
  }
  return true;
}

void Rates::give_back(const ip::Address& client, Clock::time_point now, double cost) {
  const std::vector<ip::Prefix> networks = networks_of(client);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    Place& place = settle(networks[i], factor_of(i, networks.size()), ms_of(now));
    place.spent = static_cast<float>(std::max(0.0, static_cast<double>(place.spent) - cost));
  }
}

int Rates::wait_s(double cost) const {
  return std::max(1, static_cast<int>(std::ceil(cost * 60 / std::max(limit_.per_minute, 1.0))));
}

}  // namespace postern::web
