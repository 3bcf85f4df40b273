// Pace: how many attempts each destination gets at once, by what it says: more with each success, half when it cannot
// keep up, none for a while when it asks for that (additive increase, multiplicative decrease). Pure; times come in.
// Thread rule: a value. Memory: at most kDestinationsMax entries, those not heard of for longest leave first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "outbound/recent_map.h"

namespace postern::outbound {

inline constexpr std::size_t kDestinationsMax = 10'000;

class Pace {
 public:
  static constexpr double kFirst = 4;         // attempts at once of a destination that is not known
  static constexpr seconds kProvenFor{3600};  // after a success
  static constexpr seconds kFirstRest{60};
  static constexpr seconds kLongestRest{3600};

  explicit Pace(std::size_t most) : most_(most) {}

  [[nodiscard]] std::size_t window(const std::string& destination) const;
  // Nothing was delivered there lately, or the last attempt could not be made.
  [[nodiscard]] bool doubtful(const std::string& destination, Clock::time_point now) const;

  void delivered(const std::string& destination, Clock::time_point now);
  void strained(const std::string& destination);     // 421, a temporary refusal of the session, a timeout
  void unreachable(const std::string& destination);  // nobody could be talked to
  // How long it is to be left alone: longer each time, until something is delivered.
  [[nodiscard]] seconds slow_down(const std::string& destination);

 private:
  struct Entry {
    double window = kFirst;
    Clock::time_point success{};
    bool proven = false;
    seconds rest{0};
  };
  std::size_t most_;
  RecentMap<Entry> entries_{kDestinationsMax};
};

}  // namespace postern::outbound
