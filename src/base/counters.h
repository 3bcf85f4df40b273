// Counters: named relaxed atomics in one registry. A Counter is a static or a member that lives as long as the process;
// reading sums nothing, it loads. Names are `module_thing_total{label="value"}`-ready: metrics prints them as they are.
// CounterTable is a counter for each combination of a few labels, Histogram one of durations. Labels have a fixed list
// of values: what a stranger sends never becomes a label, so the number of series is bounded when the program is
// written. What each is for: insight/metrics.cc. Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern {

class Counter {
 public:
  // `name` must outlive the process (a literal).
  explicit Counter(std::string_view name);
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() = default;
  void add(std::int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::string_view name() const { return name_; }

 private:
  std::string_view name_;
  std::atomic<std::int64_t> value_{0};
};

// A value that is looked up when somebody asks: how full a table is. Asked on any thread, also while what it looks at
// is in use; never after its destructor has returned.
class LiveValue {
 public:
  // `name` must outlive the process (a literal).
  LiveValue(std::string_view name, std::function<std::int64_t()> look);
  LiveValue(const LiveValue&) = delete;
  LiveValue& operator=(const LiveValue&) = delete;
  ~LiveValue();

 private:
  friend std::vector<std::pair<std::string, std::int64_t>> counter_values();
  std::string_view name_;
  std::function<std::int64_t()> look_;
};

// A label and all its values; both outlive the process.
struct Label {
  std::string_view name;
  std::span<const std::string_view> values;
};

class CounterTable {
 public:
  CounterTable(std::string_view name, std::initializer_list<Label> labels);
  CounterTable(const CounterTable&) = delete;
  CounterTable& operator=(const CounterTable&) = delete;
  ~CounterTable() = default;
  // One number a label, in their order: its place among the label's values. A number beyond them counts as the last.
  template <class... At>
  void add(At... at) {
    add_many(1, at...);
  }
  template <class... At>
  void add_many(std::int64_t n, At... at) {
    cells_[place({static_cast<std::size_t>(at)...})].fetch_add(n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t size() const { return cells_.size(); }
  [[nodiscard]] std::int64_t value(std::initializer_list<std::size_t> at) const {
    return cells_[place(at)].load(std::memory_order_relaxed);
  }

 private:
  friend std::vector<struct MetricFamily> metric_families();
  [[nodiscard]] std::size_t place(std::initializer_list<std::size_t> at) const;
  [[nodiscard]] std::string labels_of(std::size_t cell) const;
  std::string_view name_;
  std::vector<Label> labels_;
  std::vector<std::atomic<std::int64_t>> cells_;
};

// How long something took, counted by fixed bounds, for each value of one label, or for all together where there is
// none. In microseconds; shown in seconds.
class Histogram {
 public:
  // `bounds`: ascending; what is longer than the last is counted too. Both outlive the process.
  Histogram(std::string_view name, std::span<const std::int64_t> bounds, Label label = {});
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;
  ~Histogram() = default;
  void add_us(std::int64_t microseconds, std::size_t at = 0);
  void add_ms(std::int64_t milliseconds, std::size_t at = 0) { add_us(milliseconds * 1000, at); }

 private:
  friend std::vector<struct MetricFamily> metric_families();
  std::string_view name_;
  std::span<const std::int64_t> bounds_;
  Label label_;
  std::vector<std::atomic<std::int64_t>> cells_;  // of each value: the bounds' counts, the rest's, and the sum
};

// Everything of one name, as it is now.
struct MetricFamily {
  enum class Kind : std::uint8_t { number, histogram };
  struct Series {
    std::string labels;                // `family="ipv4",tls="ok"`; "" none
    std::int64_t value = 0;            // of a number; of a histogram how many there were
    std::vector<std::int64_t> counts;  // of a histogram: at most each bound, cumulative
    std::int64_t sum_us = 0;
  };
  std::string name;
  Kind kind = Kind::number;
  std::span<const std::int64_t> bounds;  // microseconds
  std::vector<Series> series;            // of a table: those that are not 0
};
// Sorted by name.
[[nodiscard]] std::vector<MetricFamily> metric_families();

// All counters and live values, sorted by name.
[[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> counter_values();

}  // namespace postern
