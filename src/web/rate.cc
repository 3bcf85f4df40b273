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

bool Rates::take(const ip::Address& client, Clock::time_point now, double cost) {
  // An IPv6 /64 is one network; of IPv4 all 32 bits stand in the last word
  const std::uint64_t word = first_word(client.octets(), client.is_v4() ? 8 : 0);
  const std::uint64_t network = std::max<std::uint64_t>(crypto::siphash_1_3(key_, word, client.is_v4() ? 4 : 6), 1);
  auto& line = lines_[network % lines_.size()];
  const auto at = static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(now - begin_).count());
  Place* place = nullptr;
  for (Place& candidate : line) {
    if (candidate.network == network) place = &candidate;
  }
  if (place == nullptr) {
    place = &*std::ranges::min_element(line, {}, [](const Place& p) { return p.network == 0 ? 0 : p.at_ms + 1; });
    *place = {.network = network, .spent = 0, .at_ms = at};
  }
  const double decayed = limit_.per_minute * static_cast<double>(at - place->at_ms) / 60'000;
  const double spent = std::max(0.0, static_cast<double>(place->spent) - decayed);
  place->at_ms = at;
  const bool admitted = spent + cost <= limit_.burst;
  place->spent = static_cast<float>(admitted ? spent + cost : spent);
  return admitted;
}

int Rates::wait_s(double cost) const {
  return std::max(1, static_cast<int>(std::ceil(cost * 60 / std::max(limit_.per_minute, 1.0))));
}

}  // namespace postern::web
