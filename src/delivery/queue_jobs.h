// What the queue works on: messages, and the jobs that they fall into; and Parking, where due messages wait of which
// only the id is in memory. Internal to the queue. Pure. Thread rule: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "delivery/notices.h"
#include "delivery/remote.h"
#include "directory/directory.h"
#include "spool/store.h"

namespace postern::delivery {

// RFC 5321 4.5.3.1.8 guarantees 100; a server that takes fewer says 452
inline constexpr std::size_t kAttemptRecipientsMax = 1000;
inline constexpr std::size_t kParkedMax = 200'000;

// A message in work. Its jobs share it; the last one to end settles it.
struct Message {
  spool::Envelope envelope;
  std::vector<spool::RecipientOutcome> outcomes;
  std::vector<Told> told;              // the sender is to hear
  bool taken = false;                  // somebody's mail was delivered
  std::optional<smtp::Reply> refusal;  // else why not; a temporary one where there is any
  std::size_t jobs = 0;                // not ended yet
  std::int64_t delay_ms = -1;          // until the next attempt, of those that are to be tried again
  void try_again_in(std::int64_t ms) { delay_ms = delay_ms < 0 ? ms : std::min(delay_ms, ms); }
};

struct Job {
  std::shared_ptr<Message> message;
  directory::Transport transport;
  std::optional<RemoteHop> hop;  // servers of others
  std::string destination;
  std::vector<std::uint32_t> recipients;
};

// What of a message is not attempted yet, by destination.
struct Groups {
  std::vector<Job> jobs;
  std::unordered_map<std::string, std::size_t> last;  // of a destination, in jobs

  void add(const std::shared_ptr<Message>& message, const directory::Transport& transport, std::optional<RemoteHop> hop,
           std::uint32_t index) {
    std::string destination = hop ? hop->destination : transport.text();
    const auto [at, fresh] = last.try_emplace(destination, jobs.size());
    if (fresh || jobs[at->second].recipients.size() >= kAttemptRecipientsMax) {
      at->second = jobs.size();
      jobs.push_back({message, transport, std::move(hop), std::move(destination), {}});
    }
    jobs[at->second].recipients.push_back(index);
  }
};

// Due messages of destinations that have enough waiting: they are read again when there is room, so that a long queue
// for one destination neither fills memory nor loses time.
class Parking {
 public:
  [[nodiscard]] bool add(const std::string& destination, const Id& id) {
    if (count_ >= kParkedMax) return false;
    parked_[destination].push_back(id);
    ++count_;
    return true;
  }
  // Up to `most` of them may be read again.
  void call_back(const std::string& destination, std::size_t most) {
    const auto at = parked_.find(destination);
    if (at == parked_.end()) return;
    std::deque<Id>& ids = at->second;
    for (; most > 0 && !ids.empty(); --most, --count_) {
      returning_.push_back(ids.front());
      ids.pop_front();
    }
    if (ids.empty()) parked_.erase(at);
  }
  [[nodiscard]] bool any_returning() const { return !returning_.empty(); }
  [[nodiscard]] std::vector<Id> take_returning(std::size_t most) {
    std::vector<Id> out;
    for (; most > 0 && !returning_.empty(); --most) {
      out.push_back(returning_.front());
      returning_.pop_front();
    }
    return out;
  }
  // All that is here, taken out.
  [[nodiscard]] std::vector<Id> clear() {
    std::vector<Id> out(returning_.begin(), returning_.end());
    for (const auto& [destination, ids] : parked_) out.insert(out.end(), ids.begin(), ids.end());
    returning_.clear();
    parked_.clear();
    count_ = 0;
    return out;
  }
  [[nodiscard]] std::size_t size() const { return count_ + returning_.size(); }

 private:
  std::map<std::string, std::deque<Id>> parked_;
  std::deque<Id> returning_;
  std::size_t count_ = 0;  // of parked_
};

}  // namespace postern::delivery
