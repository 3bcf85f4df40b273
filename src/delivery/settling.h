// Settling: puts what became of messages into the store, and keeps what the store does not take: what was delivered and
// is not recorded would go out twice. A store that failed is left alone for a while. Thread rule: the queue's loop.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/time.h"
#include "spool/store.h"

namespace postern::delivery {

class Settling {
 public:
  explicit Settling(spool::Store& store) : store_(store) {}

  void settle(const Id& id, spool::Settlement settlement);
  // The envelope cannot be read: the message comes back in `retry_ms`, and without a busy loop over it.
  void put_off(const Id& id, const Error& error, std::int64_t retry_ms);
  // Tries what was kept once more.
  void again();

  // How many are kept. They count as messages in work, so that a sick store stops the intake of further ones.
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }
  [[nodiscard]] bool resting(Clock::time_point now) const { return now < rest_until_; }
  [[nodiscard]] Clock::time_point rest_until() const { return rest_until_; }

 private:
  spool::Store& store_;
  std::vector<std::pair<Id, spool::Settlement>> kept_;
  Clock::time_point rest_until_{};
};

}  // namespace postern::delivery
