// RoundRobin: jobs that wait, by destination. next() goes round the destinations, so that a busy or dead one costs the
// others nothing but the slots it holds, and never gives a destination more than its limit at once. Pure.
// Thread rule: a value. Memory: the caller bounds what it adds.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"

namespace postern::delivery {

template <class Job>
class RoundRobin {
 public:
  void add(const std::string& destination, std::size_t limit, Job job) {
    add(destination, limit, std::move(job), [](const Job&) { return false; });
  }
  // The same, in front of those at the end that it goes ahead of.
  template <class Ahead>
  void add(const std::string& destination, std::size_t limit, Job job, Ahead ahead) {
    Entry& entry = entries_[destination];
    entry.limit = limit;
    auto at = entry.waiting.end();
    while (at != entry.waiting.begin() && ahead(*std::prev(at))) --at;
    entry.waiting.insert(at, std::move(job));
  }
  // The next job that may run, now counted as running: done(destination) ends it. `may_run` is asked about the first
  // job of each destination whose limit is not reached, with the number of those that run there.
  [[nodiscard]] std::optional<Job> next() {
    return next([](const Job&, std::size_t) { return true; });
  }
  template <class MayRun>
  [[nodiscard]] std::optional<Job> next(MayRun&& may_run) {
    auto at = entries_.upper_bound(last_);
    for (std::size_t i = 0; i < entries_.size(); ++i, ++at) {
      if (at == entries_.end()) at = entries_.begin();
      Entry& entry = at->second;
      if (entry.waiting.empty() || entry.running >= entry.limit) continue;
      if (!may_run(std::as_const(entry.waiting.front()), entry.running)) continue;
      Job job = std::move(entry.waiting.front());
      entry.waiting.pop_front();
      ++entry.running;
      ++running_;
      last_ = at->first;
      return job;
    }
    return std::nullopt;
  }
  void done(const std::string& destination) {
    const auto at = entries_.find(destination);
    POSTERN_CHECK(at != entries_.end() && at->second.running > 0);
    --running_;
    if (--at->second.running == 0 && at->second.waiting.empty()) entries_.erase(at);
  }
  // What waits for one destination, taken out.
  [[nodiscard]] std::deque<Job> take_waiting(const std::string& destination) {
    const auto at = entries_.find(destination);
    if (at == entries_.end()) return {};
    std::deque<Job> jobs = std::exchange(at->second.waiting, {});
    if (at->second.running == 0) entries_.erase(at);
    return jobs;
  }
  [[nodiscard]] std::deque<Job> take_all_waiting() {
    std::deque<Job> jobs;
    for (auto at = entries_.begin(); at != entries_.end();) {
      std::move(at->second.waiting.begin(), at->second.waiting.end(), std::back_inserter(jobs));
      at->second.waiting.clear();
      at = at->second.running == 0 ? entries_.erase(at) : std::next(at);
    }
    return jobs;
  }
  [[nodiscard]] std::size_t waiting(const std::string& destination) const {
    const auto at = entries_.find(destination);
    return at == entries_.end() ? 0 : at->second.waiting.size();
  }
  // Whether jobs of it wait or run.
  [[nodiscard]] bool contains(const std::string& destination) const { return entries_.contains(destination); }
  [[nodiscard]] std::size_t running() const { return running_; }
  [[nodiscard]] std::size_t destinations() const { return entries_.size(); }

 private:
  struct Entry {
    std::deque<Job> waiting;
    std::size_t running = 0;
    std::size_t limit = 1;
  };
  std::map<std::string, Entry> entries_;
  std::string last_;
  std::size_t running_ = 0;
};

}  // namespace postern::delivery
