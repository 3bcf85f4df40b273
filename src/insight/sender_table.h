// SenderTable: what is gathered of each sender, by the hash of his name, in one flat array: a look-up is one cache miss
// where a node of std::unordered_map costs three, and there is one a session. Grows by doubling up to a limit of
// entries. The hash is of names that strangers choose, but in a tool that runs over records: whoever chose a million
// of them to meet would slow down a statistic. Thread rule: a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace postern::insight {

template <class Value>
class SenderTable {
 public:
  explicit SenderTable(std::size_t limit) : limit_(limit), slots_(kSlotsAtFirst) {}

  // Null where there is none.
  [[nodiscard]] const Value* find(std::uint64_t key) const {
    const Slot& slot = slots_[place(key)];
    return slot.used ? &slot.value : nullptr;
  }
  // What is there, or a new one; null where the table is full.
  [[nodiscard]] Value* find_or_add(std::uint64_t key) {
    std::size_t at = place(key);
    if (slots_[at].used) return &slots_[at].value;
    if (size_ >= limit_) return nullptr;
    if (2 * (size_ + 1) > slots_.size()) {
      grow();
      at = place(key);
    }
    ++size_;
    slots_[at] = {.key = key, .value = {}, .used = true};
    return &slots_[at].value;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  void clear() {
    slots_.assign(kSlotsAtFirst, {});
    size_ = 0;
  }

 private:
  static constexpr std::size_t kSlotsAtFirst = 1024;  // a power of two
  struct Slot {
    std::uint64_t key = 0;
    Value value{};
    bool used = false;
  };
  // Where the key is, or where it would stand. At most half of the slots are used, so there is an end.
  [[nodiscard]] std::size_t place(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> 32U) & mask;
    while (slots_[at].used && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (Slot& slot : old)
      if (slot.used) slots_[place(slot.key)] = slot;
  }

  std::size_t limit_, size_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace postern::insight
