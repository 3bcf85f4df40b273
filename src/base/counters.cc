#include "base/counters.h"

#include <map>

#include "base/thread_annotations.h"

namespace postern {

namespace {

struct Registry {
  Mutex mutex;
  std::vector<const Counter*> counters POSTERN_GUARDED_BY(mutex);
  std::vector<const LiveValue*> live POSTERN_GUARDED_BY(mutex);
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
