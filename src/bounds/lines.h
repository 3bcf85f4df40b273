// Line: one cache line of a table, and the two lines in which a key may stand.
//
// A table is an even number of lines of 64 octets. A key stands in one of two: one of the first half, one of the
// second, both chosen by a hash under the table's secret; a newcomer takes the line that has more room. So a look-up
// touches two cache lines, whatever was inserted before, and nobody without the secret can aim at a line.
//
// What is in a line is read and written in whole words of 8 octets, atomically and relaxed: several threads may work on
// one table without waiting for each other. A thread sees each word as somebody wrote it, though not all eight of one
// moment. The header of each table says what may get lost by that.
// Thread rule: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace postern::bounds {

inline constexpr std::size_t kWordsPerLine = 8;
inline constexpr std::size_t kLineBytes = 64;

struct alignas(kLineBytes) Line {
  std::array<std::uint64_t, kWordsPerLine> words{};

  [[nodiscard]] std::uint64_t load(std::size_t word) {
    return std::atomic_ref(words[word]).load(std::memory_order_relaxed);
  }
  void store(std::size_t word, std::uint64_t value) {
    std::atomic_ref(words[word]).store(value, std::memory_order_relaxed);
  }
  // Whether the word was `expected`, and now is `desired`; else `expected` becomes what it is.
  bool replace(std::size_t word, std::uint64_t& expected, std::uint64_t desired) {
    return std::atomic_ref(words[word]).compare_exchange_strong(expected, desired, std::memory_order_relaxed);
  }
  [[nodiscard]] std::array<std::uint64_t, kWordsPerLine> snapshot() {
    std::array<std::uint64_t, kWordsPerLine> copy{};
    for (std::size_t i = 0; i < kWordsPerLine; ++i) copy[i] = load(i);
    return copy;
  }
};
static_assert(sizeof(Line) == kLineBytes);

// A bijection that spreads each bit over all (the finalizer of MurmurHash3, by Austin Appleby). No secret: its input
// has one.
[[nodiscard]] constexpr std::uint64_t spread(std::uint64_t value) {
  value ^= value >> 33U;
  value *= 0xFF51AFD7ED558CCDULL;
  value ^= value >> 33U;
  value *= 0xC4CEB9FE1A85EC53ULL;
  return value ^ (value >> 33U);
}

// Where a key stands, from its hash under the table's secret.
struct Places {
  std::array<std::size_t, 2> lines{};
  std::uint64_t rest = 0;  // for a tag: says more than the places do

  Places() = default;
  Places(std::uint64_t hash, std::size_t line_count)
      : lines{static_cast<std::size_t>(((hash >> 32U) * (line_count / 2)) >> 32U),
              line_count / 2 + static_cast<std::size_t>(((hash & 0xFFFFFFFFU) * (line_count / 2)) >> 32U)},
        rest(spread(hash)) {}

  void prefetch(std::span<Line> table) const {
    for (const std::size_t line : lines) __builtin_prefetch(&table[line]);
  }
};

// A relaxed counter that several threads add to and others read.
class Gauge {
 public:
  std::uint64_t add(std::uint64_t n = 1) { return value_.fetch_add(n, std::memory_order_relaxed); }  // what it was
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// A mean over about the last 1024 values, none of them negative; 0 before the first. Two threads at once may lose a
// value.
class RecentMean {
 public:
  void add(double value) {
    const double mean = mean_.load(std::memory_order_relaxed);
    mean_.store(mean < 0 ? value : mean + (value - mean) / 1024, std::memory_order_relaxed);
  }
  [[nodiscard]] double value() const {
    const double mean = mean_.load(std::memory_order_relaxed);
    return mean < 0 ? 0 : mean;
  }

 private:
  std::atomic<double> mean_{-1};
};

// How often something happened a second, over the last minute that is complete; by the caller's clock. Of events that
// several threads count in one moment, some may get lost.
class RecentRate {
 public:
  void add(std::uint64_t n, std::uint32_t now) {
    std::uint32_t begin = begin_.load(std::memory_order_relaxed);
    const std::uint32_t elapsed = now - begin;
    if (elapsed >= kSpan && begin_.compare_exchange_strong(begin, now, std::memory_order_relaxed)) {
      const std::uint64_t count = count_.exchange(0, std::memory_order_relaxed);
      last_.store(rate(count, elapsed), std::memory_order_relaxed);
    }
    count_.fetch_add(n, std::memory_order_relaxed);
  }
  [[nodiscard]] double per_second(std::uint32_t now) const {
    const std::uint32_t elapsed = now - begin_.load(std::memory_order_relaxed);
    if (elapsed < kSpan) return last_.load(std::memory_order_relaxed);
    return rate(count_.load(std::memory_order_relaxed), elapsed);
  }

 private:
  static constexpr std::uint32_t kSpan = 60;
  // A clock that went back looks as if ages had passed.
  static double rate(std::uint64_t count, std::uint32_t elapsed) {
    return static_cast<double>(count) / static_cast<double>(elapsed);
  }
  std::atomic<std::uint32_t> begin_{0};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<double> last_{0};
};

}  // namespace postern::bounds
