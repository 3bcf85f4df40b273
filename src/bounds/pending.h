// Pending: who was told to come again, and when first. The greylist before anybody has passed, in 4 octets an entry and
// a table whose size never changes.
//
// A key is a hash of whatever the caller greylists by (identity, sender, recipient); this table hashes it again under
// its own secret. An entry is 18 bits of tag and the tick of its first attempt, 12 bits of 4 seconds: 4 h 33 min, of
// which kWindowMax may be used. So a delay is kept to the tick: who waited that long is due, and nobody is due 8 s
// early (4 s, where the delay is a multiple of 4). 32 entries could be a key's; that a stranger finds himself due by
// accident has a probability of 32 x 2^-18 = 1.2e-4 at a full table, and is harmless: nobody can aim at it.
//
// An old entry must not come back to life when the 12 bits have gone round. Therefore each line has a clock of its own,
// in the two bits that each of its 16 words has left: 22 bits of 1024 s (Unix time up to 2106) and a check. No entry
// in a line is older than kWindowMax at the line's clock, because whoever advances the clock throws out what is
// older; so clock and tick together are one absolute time. That holds after any pause, a stop and a restart included,
// without a sweep. A clock whose check fails (a power cut in between) empties its line.
//
// A full table forgets the oldest entry of the 32 candidates: who comes again within `retention` is found. bytes >= 4 *
// (entries a second) * 1800 keeps everybody who comes again within half an hour (docs/state.md). Keys may have windows
// of their own: an entry that is not the caller's counts for kWindowMax, and is never taken for free before.
//
// Clock: Unix seconds. A clock that goes back by a minute at most changes nothing; further, and entries of the future
// are unseen, and first seen at the next note(): nobody waits longer than the delay after that.
//
// Thread rule: any thread, no lock. Two threads that write one word at the same moment, again and again, lose a first
// attempt: the sender waits once more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "bounds/lines.h"
#include "bounds/table_file.h"

namespace postern::bounds {

struct GreylistTimes {
  std::uint32_t delay = 180;        // seconds until a retry counts; most mail servers come back after 60 to 900
  std::uint32_t window = 4 * 3600;  // seconds until a retry comes too late, and is a first attempt again
};

inline constexpr std::uint32_t kGreylistDelayMax = 15 * 60;  // seconds: nobody waits longer, by whatever key
inline constexpr std::uint32_t kWeakDelays = 3;
// Of a key that is a weaker proof, as sender and recipient without the identity are: three delays, the most at most.
[[nodiscard]] constexpr GreylistTimes weak_times(const GreylistTimes& times) {
  const std::uint32_t longer =
      times.delay >= kGreylistDelayMax / kWeakDelays ? kGreylistDelayMax : times.delay * kWeakDelays;
  const std::uint32_t within = times.window / 2 < longer ? times.window / 2 : longer;
  return {.delay = within < times.delay ? times.delay : within, .window = times.window};
}

class Pending {
 public:
  static constexpr std::uint32_t kTick = 4;                          // seconds
  static constexpr std::uint32_t kWindowMax = (4096 - 256) * kTick;  // 4 h 16 min: a longer window is cut to this
  static constexpr std::size_t kEntryBytes = 4;

  enum class Kind : std::uint8_t {
    unseen,  // never seen, or forgotten, or too late: note() it and ask to come again after `delay`
    early,   // seen, and has to wait
    due,     // waited long enough
  };
  struct State {
    Kind kind = Kind::unseen;
    std::uint32_t seconds = 0;  // early: to go. due: since the first attempt
  };

  explicit Pending(TableFile table);
  [[nodiscard]] static TableFormat format() {
    return {.kind = TableKind::pending, .version = 1, .carry_over = nullptr};
  }

  // Writes nothing.
  [[nodiscard]] State look(std::uint64_t key, std::uint32_t now, const GreylistTimes& times) const;
  // Remembers a first attempt. A key that is there and not too late stays as it is: early retries refresh nothing.
  void note(std::uint64_t key, std::uint32_t now, const GreylistTimes& times);

  struct Gauges {
    std::uint64_t notes = 0;      // entries made
    std::uint64_t evictions = 0;  // of them, those that pushed out an entry within kWindowMax
    // Mean age of what was pushed out lately, seconds; 0 where nothing was. Under 1800 the table is too small for those
    // who retry within half an hour.
    double retention = 0;
  };
  [[nodiscard]] Gauges gauges() const;
  // Share of entries within their window, from a sample of lines.
  [[nodiscard]] double occupancy(std::uint32_t now, const GreylistTimes& times) const;
  [[nodiscard]] const TableFile& table() const { return table_; }

 private:
  struct View;
  [[nodiscard]] bool try_note(const Places& places, std::uint32_t tag, std::uint32_t now, const GreylistTimes& times);
  [[nodiscard]] static View view_of(Line& line);

  TableFile table_;
  std::span<Line> lines_;
  struct Counters {
    Gauge notes, evictions;
    RecentMean retention;
  };
  std::unique_ptr<Counters> counters_ = std::make_unique<Counters>();
};

}  // namespace postern::bounds
