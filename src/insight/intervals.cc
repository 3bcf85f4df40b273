#include "insight/intervals.h"

#include <algorithm>
#include <cmath>

namespace postern::insight {

namespace {

constexpr double kZ95 = 1.96;        // as policy/weight.cc has it
constexpr double kMostNeeded = 1e6;  // beyond this nothing is promised

double entropy(double share) {
  if (share <= 0 || share >= 1) return 0;
  return -share * std::log2(share) - (1 - share) * std::log2(1 - share);
}

}  // namespace

Interval wilson(double hits, double total) {
  if (total <= 0) return {0, 1};
  const double share = std::clamp(hits / total, 0.0, 1.0);
  const double z2 = kZ95 * kZ95;
  const double scale = 1 + z2 / total;
  const double middle = (share + z2 / (2 * total)) / scale;
  const double half = kZ95 * std::sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / scale;
  // At the ends the formula is exact but for rounding.
  return {hits <= 0 ? 0 : std::max(0.0, middle - half), hits >= total ? 1 : std::min(1.0, middle + half)};
}

double information_gain(const policy::Seen& seen) {
  if (seen.spam_events <= 0 || seen.ham_events <= 0) return 0;
  const double in_spam = std::clamp(seen.spam / seen.spam_events, 0.0, 1.0);
  const double in_ham = std::clamp(seen.ham / seen.ham_events, 0.0, 1.0);
  const double with = (in_spam + in_ham) / 2;  // share of events that have the value
  double rest = 0;
  if (with > 0) rest += with * entropy(in_spam / (in_spam + in_ham));
  if (with < 1) rest += (1 - with) * entropy((1 - in_spam) / (2 - in_spam - in_ham));
  return std::max(0.0, 1 - rest);
}

std::uint64_t events_needed(const policy::Weight& weight, const policy::Seen& seen) {
  if (weight.nearest_zero() != 0) return 0;
  const double distance = std::abs(weight.nats);
  if (distance <= 0) return kNever;
  // The interval shrinks with the root of the number.
  const double factor = std::pow((weight.high - weight.low) / 2 / distance, 2);
  const double more = std::ceil(std::max(seen.spam_events + seen.ham_events, 1.0) * (factor - 1));
  return more < kMostNeeded ? static_cast<std::uint64_t>(std::max(more, 1.0)) : kNever;
}

}  // namespace postern::insight
