// Counters: named relaxed atomics in one registry. A Counter is a static or a member that lives as long as the process;
// reading sums nothing, it loads. Names are `module_thing_total{label="value"}`-ready: metrics prints them as they are.
// Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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

// All counters and live values, sorted by name.
[[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> counter_values();

}  // namespace postern
