#include "outbound/pace.h"

#include <algorithm>

namespace postern::outbound {

std::size_t Pace::window(const std::string& destination) const {
  const Entry* const entry = entries_.find(destination);
  const double window = entry == nullptr ? kFirst : entry->window;
  return std::clamp<std::size_t>(static_cast<std::size_t>(window), 1, std::max<std::size_t>(1, most_));
}

bool Pace::doubtful(const std::string& destination, Clock::time_point now) const {
  const Entry* const entry = entries_.find(destination);
  return entry == nullptr || !entry->proven || now - entry->success > kProvenFor;
}

void Pace::delivered(const std::string& destination, Clock::time_point now) {
  Entry& entry = entries_.touch(destination);
  entry.success = now;
  entry.proven = true;
  entry.rest = seconds(0);
  // One more for each window that went well
  entry.window = std::min(static_cast<double>(std::max<std::size_t>(1, most_)), entry.window + 1 / entry.window);
}

void Pace::strained(const std::string& destination) {
  Entry& entry = entries_.touch(destination);
  entry.window = std::max(1.0, entry.window / 2);
}

void Pace::unreachable(const std::string& destination) {
  Entry& entry = entries_.touch(destination);
  entry.window = 1;
  entry.proven = false;
}

seconds Pace::slow_down(const std::string& destination) {
  Entry& entry = entries_.touch(destination);
  entry.window = 1;
  entry.rest = entry.rest.count() == 0 ? kFirstRest : std::min(kLongestRest, entry.rest * 2);
  return entry.rest;
}

}  // namespace postern::outbound
