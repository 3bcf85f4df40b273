#include "spool/index.h"

#include <algorithm>

#include "base/result.h"

namespace postern::spool {

Index::Position Index::locate(const Id& id) const {
  // The last block whose first id is not greater.
  const auto after = std::partition_point(order_.begin(), order_.end(),
                                          [&](const auto& block) { return !(id < at(block.front()).id); });
  if (after == order_.begin()) return {0, 0, false};
  const auto block = after - 1;
  const auto place =
      std::partition_point(block->begin(), block->end(), [&](std::uint32_t slot) { return at(slot).id < id; });
  return {static_cast<std::size_t>(block - order_.begin()), static_cast<std::size_t>(place - block->begin()),
          place != block->end() && at(*place).id == id};
}

const Entry* Index::find(const Id& id) const {
  const Position position = locate(id);
  return position.found ? &at(order_[position.block][position.at]) : nullptr;
}

Entry* Index::find(const Id& id) {
  const Position position = locate(id);
  return position.found ? &at(order_[position.block][position.at]) : nullptr;
}

std::uint32_t Index::take_slot() {
  if (free_.empty()) {
    const auto first = static_cast<std::uint32_t>(pages_.size() * kPage);
    pages_.push_back(std::make_unique<Page>());
    for (std::uint32_t i = kPage; i > 0; --i) free_.push_back(first + i - 1);
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

bool Index::insert(const Entry& entry) {
  POSTERN_CHECK(!entry.id.empty());
  const Position position = locate(entry.id);
  if (position.found) return false;
  const std::uint32_t slot = take_slot();
  at(slot) = entry;
  at(slot).ticket = 0;
  ++size_;
  count(at(slot));
  if (order_.empty()) {
    order_.push_back({slot});
  } else {
    auto& block = order_[position.block];
    const bool last = position.block + 1 == order_.size() && position.at == block.size();
    if (block.size() < kBlock) {
      block.insert(block.begin() + static_cast<std::ptrdiff_t>(position.at), slot);
    } else if (last) {
      // Ids grow with time: the usual insertion is at the end, and leaves full blocks behind.
      order_.emplace_back().reserve(kBlock);
      order_.back().push_back(slot);
    } else {
      const auto middle = block.begin() + kBlock / 2;
      std::vector<std::uint32_t> upper(middle, block.end());
      block.erase(middle, block.end());
      if (position.at <= kBlock / 2) {
        block.insert(block.begin() + static_cast<std::ptrdiff_t>(position.at), slot);
      } else {
        upper.insert(upper.begin() + static_cast<std::ptrdiff_t>(position.at - kBlock / 2), slot);
      }
      order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(position.block) + 1, std::move(upper));
    }
  }
  reschedule(at(slot));
  return true;
}

void Index::erase(const Id& id) {
  const Position position = locate(id);
  if (!position.found) return;
  auto& block = order_[position.block];
  const std::uint32_t slot = block[position.at];
  block.erase(block.begin() + static_cast<std::ptrdiff_t>(position.at));
  if (block.empty()) order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(position.block));
  Entry& entry = at(slot);
  uncount(entry);
  if (entry.ticket != 0) --scheduled_;
  entry = Entry{};
  free_.push_back(slot);
  --size_;
  drop_stale();
}

std::uint32_t Index::slot_of(const Entry& entry) const {
  const Position position = locate(entry.id);
  POSTERN_CHECK(position.found);
  return order_[position.block][position.at];
}

void Index::reschedule(Entry& entry) {
  if (entry.ticket != 0) {
    entry.ticket = 0;
    --scheduled_;
  }
  if (entry.waits()) {
    // 0 marks "not scheduled"; after 2^32 changes a number may come again, long after its line is gone.
    if (++tickets_ == 0) ++tickets_;
    entry.ticket = tickets_;
    schedule_.push_back({entry.next_attempt, slot_of(entry), entry.ticket});
    std::ranges::push_heap(schedule_, later);
    ++scheduled_;
  }
  drop_stale();
}

bool Index::valid(const Due& line) const { return at(line.slot).ticket == line.ticket; }

void Index::drop_stale() const {
  // Bounds the schedule to a quarter more than what waits.
  if (schedule_.size() > scheduled_ + scheduled_ / 4 + kPage) {
    std::erase_if(schedule_, [this](const Due& line) { return !valid(line); });
    std::ranges::make_heap(schedule_, later);
  }
  while (!schedule_.empty() && !valid(schedule_.front())) {
    std::ranges::pop_heap(schedule_, later);
    schedule_.pop_back();
  }
}

std::vector<Id> Index::take_due(WallMs now, std::size_t max) {
  std::vector<Id> due;
  drop_stale();
  while (due.size() < max && !schedule_.empty() && schedule_.front().due <= now) {
    Entry& entry = at(schedule_.front().slot);
    entry.set(Entry::kActive, true);
    entry.ticket = 0;
    --scheduled_;
    due.push_back(entry.id);
    drop_stale();
  }
  return due;
}

std::optional<WallMs> Index::next_due() const {
  drop_stale();
  if (schedule_.empty()) return std::nullopt;
  return schedule_.front().due;
}

std::vector<QueuedMessage> Index::list(std::optional<Id> after, std::size_t max) const {
  std::vector<QueuedMessage> rows;
  Position position{0, 0, false};
  if (after) {
    position = locate(*after);
    if (position.found) ++position.at;
  }
  for (std::size_t b = position.block; b < order_.size() && rows.size() < max; ++b) {
    for (std::size_t i = b == position.block ? position.at : 0; i < order_[b].size() && rows.size() < max; ++i) {
      const Entry& entry = at(order_[b][i]);
      rows.push_back({entry.id, entry.arrived, entry.next_attempt, entry.size, entry.pending, entry.failed,
                      entry.attempts, entry.has(Entry::kHeld), entry.has(Entry::kActive)});
    }
  }
  return rows;
}

std::uint64_t Index::memory() const {
  std::uint64_t octets = pages_.size() * sizeof(Page) + pages_.capacity() * sizeof(pages_[0]) +
                         free_.capacity() * sizeof(std::uint32_t) + schedule_.capacity() * sizeof(Due) +
                         order_.capacity() * sizeof(decltype(order_)::value_type);
  for (const auto& block : order_) octets += block.capacity() * sizeof(std::uint32_t);
  return octets;
}

void Index::count(const Entry& entry) {
  held_ += entry.has(Entry::kHeld) ? 1 : 0;
  failed_ += entry.failed;
}

void Index::uncount(const Entry& entry) {
  held_ -= entry.has(Entry::kHeld) ? 1 : 0;
  failed_ -= entry.failed;
}

}  // namespace postern::spool
