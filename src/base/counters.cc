#include "base/counters.h"

#include <algorithm>
#include <map>

#include "base/result.h"
#include "base/thread_annotations.h"

namespace postern {

namespace {

struct Registry {
  Mutex mutex;
  std::vector<const Counter*> counters POSTERN_GUARDED_BY(mutex);
  std::vector<const LiveValue*> live POSTERN_GUARDED_BY(mutex);
  std::vector<const CounterTable*> tables POSTERN_GUARDED_BY(mutex);
  std::vector<const Histogram*> histograms POSTERN_GUARDED_BY(mutex);
};

// Never destroyed: counters in static storage register before main and are read until the process ends.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

}  // namespace

Counter::Counter(std::string_view name) : name_(name) {
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  all.counters.push_back(this);
}

LiveValue::LiveValue(std::string_view name, std::function<std::int64_t()> look) : name_(name), look_(std::move(look)) {
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  all.live.push_back(this);
}

LiveValue::~LiveValue() {
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  std::erase(all.live, this);
}

CounterTable::CounterTable(std::string_view name, std::initializer_list<Label> labels) : name_(name), labels_(labels) {
  std::size_t cells = 1;
  for (const Label& label : labels_) cells *= label.values.size();
  cells_ = std::vector<std::atomic<std::int64_t>>(cells);
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  all.tables.push_back(this);
}

std::size_t CounterTable::place(std::initializer_list<std::size_t> at) const {
  POSTERN_CHECK(at.size() == labels_.size());
  std::size_t out = 0;
  const std::size_t* number = at.begin();
  for (const Label& label : labels_) out = out * label.values.size() + std::min(*number++, label.values.size() - 1);
  return out;
}

std::string CounterTable::labels_of(std::size_t cell) const {
  std::string out;
  for (std::size_t i = labels_.size(); i-- > 0;) {
    const Label& label = labels_[i];
    out.insert(0, std::string(i == 0 ? "" : ",") + std::string(label.name) + "=\"" +
                      std::string(label.values[cell % label.values.size()]) + "\"");
    cell /= label.values.size();
  }
  return out;
}

Histogram::Histogram(std::string_view name, std::span<const std::int64_t> bounds, Label label)
    : name_(name),
      bounds_(bounds),
      label_(label),
      cells_(std::max<std::size_t>(label.values.size(), 1) * (bounds.size() + 2)) {
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  all.histograms.push_back(this);
}

void Histogram::add_us(std::int64_t microseconds, std::size_t at) {
  const std::size_t width = bounds_.size() + 2;
  const std::size_t value = label_.values.empty() ? 0 : std::min(at, label_.values.size() - 1);
  const auto bound = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, microseconds) - bounds_.begin());
  cells_[value * width + bound].fetch_add(1, std::memory_order_relaxed);
  cells_[value * width + width - 1].fetch_add(microseconds, std::memory_order_relaxed);
}

std::vector<MetricFamily> metric_families() {
  std::map<std::string, MetricFamily, std::less<>> families;
  const auto family = [&families](std::string_view name) -> MetricFamily& {
    MetricFamily& out = families[std::string(name)];
    out.name = name;
    return out;
  };
  for (const auto& [name, value] : counter_values()) {
    const std::size_t brace = name.find('{');  // labels that are part of the name
    const std::string labels = brace == std::string::npos ? "" : name.substr(brace + 1, name.size() - brace - 2);
    family(name.substr(0, brace)).series.push_back({.labels = labels, .value = value});
  }
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  for (const CounterTable* table : all.tables) {
    MetricFamily& out = family(table->name_);
    for (std::size_t cell = 0; cell < table->cells_.size(); ++cell) {
      const std::int64_t value = table->cells_[cell].load(std::memory_order_relaxed);
      if (value != 0) out.series.push_back({.labels = table->labels_of(cell), .value = value});
    }
  }
  for (const Histogram* histogram : all.histograms) {
    MetricFamily& out = family(histogram->name_);
    out.kind = MetricFamily::Kind::histogram;
    out.bounds = histogram->bounds_;
    const std::size_t width = out.bounds.size() + 2;
    for (std::size_t value = 0; value * width < histogram->cells_.size(); ++value) {
      MetricFamily::Series series;
      const Label& label = histogram->label_;
      if (!label.values.empty())
        series.labels = std::string(label.name) + "=\"" + std::string(label.values[value]) + "\"";
      for (std::size_t bound = 0; bound + 1 < width; ++bound) {
        series.value += histogram->cells_[value * width + bound].load(std::memory_order_relaxed);
        if (bound + 2 < width) series.counts.push_back(series.value);
      }
      series.sum_us = histogram->cells_[value * width + width - 1].load(std::memory_order_relaxed);
      out.series.push_back(std::move(series));
    }
  }
  std::vector<MetricFamily> out;
  for (auto& [name, one] : families) out.push_back(std::move(one));
  return out;
}

std::vector<std::pair<std::string, std::int64_t>> counter_values() {
  std::map<std::string, std::int64_t, std::less<>> values;  // two counters of one name are one series
  {
    Registry& all = registry();
    const MutexLock lock(all.mutex);
    for (const Counter* counter : all.counters) values[std::string(counter->name())] += counter->value();
    for (const LiveValue* value : all.live) values[std::string(value->name_)] += value->look_();
  }
  return {values.begin(), values.end()};
}

}  // namespace postern
