// Numbers with their uncertainty: what a count is worth. The weight of a value is policy/weight.h's, so that what is
// shown is what judges. Pure; docs/insight.md has an example of each.
#pragma once

#include <cstdint>

#include "policy/weight.h"

namespace postern::insight {

struct Interval {
  double low = 0, high = 0;
};

// Wilson's score interval of a share `hits` of `total`, 95 %; [0, 1] of nothing. Good for small numbers and for 0 of n.
[[nodiscard]] Interval wilson(double hits, double total);

// What a value tells about an event, in bits from 0 to 1, were spam and ham equally likely.
[[nodiscard]] double information_gain(const policy::Seen& seen);

// About how many more events, of the mixture there is, it takes until the weight's interval leaves out zero, if the
// shares stay what they are. 0: it does already. kNever: the shares are too near to each other to say.
inline constexpr std::uint64_t kNever = UINT64_MAX;
[[nodiscard]] std::uint64_t events_needed(const policy::Weight& weight, const policy::Seen& seen);

}  // namespace postern::insight
