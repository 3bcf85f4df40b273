#include "insight/quantiles.h"

#include <algorithm>
#include <cmath>

namespace postern::insight {

std::uint64_t Quantiles::at(double share) const {
  if (count_ == 0) return 0;
  const auto rank =
      std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen < rank) continue;
    constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
    if (i < 2 * kSteps) return std::min<std::uint64_t>(i, most_);
    const std::size_t shift = (i >> kStepBits) - 1;
    const std::uint64_t low = static_cast<std::uint64_t>(kSteps + i % kSteps) << shift;
    return std::min(low + (std::uint64_t{1} << shift) - 1, most_);
  }
  return most_;
}

}  // namespace postern::insight
