// Quantiles: how durations are spread, in a histogram of fixed size: exact below 16 ms, else in 16 steps to each power
// of two, so that what is told is at most 1/16 too high. Adds and merges; memory 4 KiB. Thread rule: a value.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace postern::insight {

class Quantiles {
 public:
  void add(std::uint64_t ms) {
    ++buckets_[bucket(ms)];
    ++count_;
    if (ms > most_) most_ = ms;
  }
  void merge(const Quantiles& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    if (other.most_ > most_) most_ = other.most_;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t most() const { return most_; }
  // The upper end of the step that holds the share `share` (0 to 1) of what was added; 0 of none.
  [[nodiscard]] std::uint64_t at(double share) const;

 private:
  static constexpr unsigned kStepBits = 4;  // 16 steps to a power of two
  static constexpr std::size_t kBuckets = (33 - kStepBits) << kStepBits;
  static std::size_t bucket(std::uint64_t ms) {
    constexpr std::uint64_t kMost = UINT32_MAX;  // 49 days; the width of what records hold
    const std::uint64_t value = ms < kMost ? ms : kMost;
    if (value < (1U << kStepBits)) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
    return (static_cast<std::size_t>(shift) << kStepBits) + (value >> shift);
  }
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0, most_ = 0;
};

}  // namespace postern::insight
