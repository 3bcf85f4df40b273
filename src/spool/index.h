// Index: what the spool keeps in memory about each message: one 64-octet Entry, its place in the order of ids and in
// the schedule; never the envelope. Memory per message is bounded: see memory() and docs/spool.md. Thread rule: none of
// its own; the store guards it with its mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "spool/store.h"

namespace postern::spool {

// A place in a segment log: segment number and offset in units of 8 octets. 0 is no place (a segment starts with a
// header).
struct Place {
  std::uint32_t segment = 0;
  std::uint32_t slot = 0;
  [[nodiscard]] std::uint64_t offset() const { return static_cast<std::uint64_t>(slot) * 8; }
  friend bool operator==(const Place&, const Place&) = default;
};

struct Entry {
  static constexpr std::uint8_t kHeld = 1;
  static constexpr std::uint8_t kActive = 2;
  static constexpr std::uint8_t kDeferred = 4;  // envelope in the meta log, body in a file of its own
  static constexpr std::uint8_t kMoving = 8;    // on its way there
  static constexpr std::uint8_t kSingle = 16;   // has exactly one recipient

  Id id;
  std::uint8_t flags = 0;
  std::uint8_t depth = 0;  // updates since the last whole envelope
  std::uint32_t pending = 0;
  std::uint32_t failed = 0;
  std::uint32_t attempts = 0;
  WallMs arrived = 0;
  WallMs next_attempt = 0;
  std::uint64_t size = 0;
  Place where;               // newest record: whole envelope or update
  std::uint32_t oldest = 0;  // oldest segment (of the same log) that any record of this message is in
  std::uint32_t ticket = 0;  // the one valid line in the schedule carries the same number

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  void set(std::uint8_t flag, bool on) {
    flags = static_cast<std::uint8_t>(on ? flags | flag : flags & static_cast<std::uint8_t>(~flag));
  }
  [[nodiscard]] bool waits() const { return pending > 0 && !has(kHeld) && !has(kActive); }
};
static_assert(sizeof(Entry) == 64);

class Index {
 public:
  [[nodiscard]] Entry* find(const Id& id);
  [[nodiscard]] const Entry* find(const Id& id) const;
  // False when the id is there already. Schedules the entry if it waits.
  bool insert(const Entry& entry);
  void erase(const Id& id);

  // After any change to what Entry::waits() or next_attempt say.
  void reschedule(Entry& entry);
  [[nodiscard]] std::vector<Id> take_due(WallMs now, std::size_t max);
  [[nodiscard]] std::optional<WallMs> next_due() const;

  [[nodiscard]] std::vector<QueuedMessage> list(std::optional<Id> after, std::size_t max) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t memory() const;

  // Counts for StoreStatus, kept by change_counts around every edit of an entry.
  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] std::uint64_t failed_recipients() const { return failed_; }
  // Edits go through here so that the sums stay right.
  template <class Edit>
  void edit(Entry& entry, Edit&& change) {
    uncount(entry);
    change(entry);
    count(entry);
    reschedule(entry);
  }

  // For passes over everything: one page of entries; those with an empty id are free. Empty when there is no such page.
  [[nodiscard]] std::span<Entry> page(std::size_t number) {
    return number < pages_.size() ? std::span<Entry>(pages_[number]->entries) : std::span<Entry>();
  }

 private:
  static constexpr std::size_t kPage = 1024;   // entries allocated at once
  static constexpr std::size_t kBlock = 1024;  // slots in one block of the order
  struct Page {
    Entry entries[kPage];
  };
  struct Due {
    WallMs due;
    std::uint32_t slot;
    std::uint32_t ticket;
  };
  struct Position {
    std::size_t block;
    std::size_t at;
    bool found;
  };

  [[nodiscard]] Entry& at(std::uint32_t slot) { return pages_[slot / kPage]->entries[slot % kPage]; }
  [[nodiscard]] const Entry& at(std::uint32_t slot) const { return pages_[slot / kPage]->entries[slot % kPage]; }
  [[nodiscard]] Position locate(const Id& id) const;
  [[nodiscard]] std::uint32_t slot_of(const Entry& entry) const;
  [[nodiscard]] std::uint32_t take_slot();
  [[nodiscard]] bool valid(const Due& line) const;
  void drop_stale() const;
  void count(const Entry& entry);
  void uncount(const Entry& entry);
  // Of two with the same time, the one that was scheduled first.
  static bool later(const Due& a, const Due& b) { return a.due != b.due ? a.due > b.due : a.ticket > b.ticket; }

  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<std::uint32_t> free_;
  std::vector<std::vector<std::uint32_t>> order_;  // slots sorted by id, in blocks; no block is empty
  mutable std::vector<Due> schedule_;              // heap; lines whose ticket is old are dropped when met
  std::size_t scheduled_ = 0;                      // valid lines
  std::size_t size_ = 0;
  std::uint32_t tickets_ = 0;
  std::uint64_t held_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace postern::spool
