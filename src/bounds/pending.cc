#include "bounds/pending.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace postern::bounds {

namespace {

// An entry: 12 bits of tick, 18 of tag (0: none), and 2 of the line's clock.
constexpr std::size_t kEntries = 16;
constexpr std::uint32_t kTickMask = 0xFFF;
constexpr std::uint32_t kTagMask = 0x3FFFF;
constexpr unsigned kTagShift = 12;
constexpr std::uint64_t kClockBits = 0xC0000000C0000000ULL;
constexpr unsigned kTicksPerClock = 8;  // bits: the clock counts 256 ticks
constexpr std::int64_t kTicksMax = Pending::kWindowMax / Pending::kTick;
constexpr std::int64_t kSlackTicks = 15;  // a minute: another thread's clock, or one that is being slewed
constexpr std::uint8_t kHashLast = 1;
constexpr int kTries = 8;

// The clock is stored times an odd number, so that what was torn or is no clock at all does not divide by it: the upper
// 10 bits of the quotient must be zero.
constexpr std::uint32_t kCheck = 0x9E3779B1U;
constexpr std::uint32_t inverse(std::uint32_t odd) {
  std::uint32_t x = odd;
  for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
  return x;
}
constexpr std::uint32_t kUncheck = inverse(kCheck);
static_assert(kCheck * kUncheck == 1);
constexpr std::uint32_t kClockMax = (1U << 22U) - 1;

std::uint32_t tick_of(std::uint32_t now) { return now / Pending::kTick; }
std::uint32_t clock_of(std::uint32_t now) { return tick_of(now) >> kTicksPerClock; }

// The clock's bits that word `word` carries, in their places.
std::uint64_t clock_bits(std::uint32_t clock, std::size_t word) {
  const std::uint64_t four = static_cast<std::uint64_t>(clock * kCheck) >> (4 * word) & 0xF;
  return (four & 3U) << 30U | (four & 0xCU) << 60U;
}

}  // namespace

// A line as it was read, with the times of its entries.
struct Pending::View {
  std::array<std::uint64_t, kWordsPerLine> words{};
  std::uint32_t clock = 0;
  bool valid = false;  // else it has no entries

  [[nodiscard]] std::uint32_t entry(std::size_t index) const {
    return static_cast<std::uint32_t>(words[index / 2] >> (32 * (index % 2)));
  }
  [[nodiscard]] static std::uint32_t tag(std::uint32_t entry) { return entry >> kTagShift & kTagMask; }
  // The tick of the entry since 1970: the only one with these 12 bits that the line's clock allows.
  [[nodiscard]] std::int64_t tick(std::uint32_t entry) const {
    const std::uint32_t end = (clock << kTicksPerClock) + 255;
    return std::int64_t{end} - ((end - entry) & kTickMask);
  }
  // A word of this line under another clock: each entry keeps its time or goes; one of the future begins at `now`.
  [[nodiscard]] std::uint64_t renewed(std::uint64_t word, std::size_t index, std::uint32_t to, std::int64_t now) const {
    std::uint64_t out = clock_bits(to, index);
    for (unsigned shift = 0; shift < 64 && valid; shift += 32) {
      const auto one = static_cast<std::uint32_t>(word >> shift);
      const std::int64_t then = tick(one);
      if (tag(one) == 0 || now - then > kTicksMax) continue;
      const auto kept = static_cast<std::uint32_t>(std::min(then, now)) & kTickMask;
      out |= std::uint64_t{tag(one) << kTagShift | kept} << shift;
    }
    return out;
  }
};

Pending::Pending(TableFile table) : table_(std::move(table)), lines_(table_.lines()) {}

Pending::View Pending::view_of(Line& line) {
  View view;
  view.words = line.snapshot();
  std::uint32_t stored = 0;
  for (std::size_t i = 0; i < kWordsPerLine; ++i) {
    const std::uint64_t word = view.words[i];
    stored |= static_cast<std::uint32_t>((word >> 30U & 3U) | (word >> 60U & 0xCU)) << (4 * i);
  }
  view.clock = stored * kUncheck;
  view.valid = view.clock <= kClockMax;
  return view;
}

namespace {

std::uint32_t tag_from(const Places& places) {
  const auto tag = static_cast<std::uint32_t>(places.rest & kTagMask);
  return tag == 0 ? 1 : tag;
}

std::int64_t window_ticks(const GreylistTimes& times) {
  return std::min(times.window, Pending::kWindowMax) / Pending::kTick;
}

}  // namespace

namespace {

// Whether an entry of the line may have the tag: most look-ups end here.
bool has_tag(Line& line, std::uint32_t tag) {
  constexpr std::uint64_t kTags = std::uint64_t{kTagMask << kTagShift} << 32U | kTagMask << kTagShift;
  constexpr std::uint64_t kLow31 = 0x7FFFFFFF7FFFFFFFULL;
  const std::uint64_t wanted = std::uint64_t{tag << kTagShift} << 32U | tag << kTagShift;
  std::uint64_t none = ~kLow31;
  for (std::size_t word = 0; word < kWordsPerLine; ++word) {
    // The high bit of a half stays where the half differs.
    none &= ((line.load(word) ^ wanted) & kTags) + kLow31;
  }
  return none != ~kLow31;
}

}  // namespace

Pending::State Pending::look(std::uint64_t key, std::uint32_t now, const GreylistTimes& times) const {
  const Places places(crypto::siphash_1_3(table_.secret(), key, kHashLast), lines_.size());
  places.prefetch(lines_);
  const std::uint32_t tag = tag_from(places);
  const std::int64_t window = window_ticks(times);
  for (const std::size_t index : places.lines) {
    if (!has_tag(lines_[index], tag)) continue;
    const View view = view_of(lines_[index]);
    if (!view.valid) continue;
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::uint32_t entry = view.entry(i);
      if (View::tag(entry) != tag) continue;
      std::int64_t age = std::int64_t{tick_of(now)} - view.tick(entry);
      if (age > window || age < -kSlackTicks) continue;
      age = std::max<std::int64_t>(age, 0);
      // Rounded down: whoever waited the delay has an age of that many ticks, wherever in a tick he began.
      const std::int64_t wanted = times.delay / kTick;
      if (age >= wanted) return {Kind::due, static_cast<std::uint32_t>(age) * kTick};
      return {Kind::early, static_cast<std::uint32_t>(wanted - age) * kTick};
    }
  }
  return {};
}

void Pending::note(std::uint64_t key, std::uint32_t now, const GreylistTimes& times) {
  const Places places(crypto::siphash_1_3(table_.secret(), key, kHashLast), lines_.size());
  places.prefetch(lines_);
  const std::uint32_t tag = tag_from(places);
  for (int tries = 0; tries < kTries; ++tries) {
    if (try_note(places, tag, now, times)) return;
  }
}

// False where it has to be tried again: a line's clock was advanced first, or somebody else wrote the same word.
bool Pending::try_note(const Places& places, std::uint32_t tag, std::uint32_t now, const GreylistTimes& times) {
  const std::int64_t tick = tick_of(now);
  const std::int64_t window = window_ticks(times);
  struct Candidate {
    std::size_t line = 0;
    std::size_t entry = 0;
    std::size_t free = 0;   // free entries of its line
    std::int64_t age = -1;  // of what it would push out, where nothing is free
  };
  std::array<View, 2> views;
  std::optional<Candidate> best;
  std::optional<Candidate> own;  // the same key, too late or of the future
  for (std::size_t which = 0; which < 2; ++which) {
    View& view = views[which];
    view = view_of(lines_[places.lines[which]]);
    Candidate candidate{.line = which};
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::uint32_t entry = view.valid ? view.entry(i) : 0;
      const bool empty = View::tag(entry) == 0;
      const std::int64_t age = empty ? 0 : tick - view.tick(entry);
      if (View::tag(entry) == tag && !empty) {
        if (age <= window && age >= -kSlackTicks) return true;
        own = Candidate{.line = which, .entry = i, .free = 1};
      }
      // Another key's window may be longer than the caller's
      if (empty || age > kTicksMax) {
        ++candidate.free;
        candidate.entry = i;
      } else if (candidate.free == 0 && age > candidate.age) {
        candidate.age = age;
        candidate.entry = i;
      }
    }
    const bool better =
        !best || candidate.free > best->free || (candidate.free == best->free && candidate.age > best->age);
    if (better) best = candidate;
  }
  const Candidate chosen = own ? *own : *best;
  const View& view = views[chosen.line];
  Line& line = lines_[places.lines[chosen.line]];

  const std::uint32_t clock = clock_of(now);
  const bool advance = !view.valid || clock > view.clock;
  const bool went_back = view.valid && (std::int64_t{view.clock} << kTicksPerClock) - tick > kSlackTicks;
  if (advance || went_back) {
    for (std::size_t word = 0; word < kWordsPerLine; ++word) {
      std::uint64_t before = view.words[word];
      // Somebody else may have written the word meanwhile: it is read again, and is done if it has the new clock.
      for (int tries = 0; tries < kTries; ++tries) {
        if (tries > 0 && (before & kClockBits) == clock_bits(clock, word)) break;
        if (line.replace(word, before, view.renewed(before, word, clock, tick))) break;
      }
    }
    return false;
  }
  const std::size_t word = chosen.entry / 2;
  const unsigned shift = 32 * (chosen.entry % 2);
  const std::uint64_t entry = tag << kTagShift | (static_cast<std::uint32_t>(tick) & kTickMask);
  const std::uint64_t others = view.words[word] & (~(std::uint64_t{0xFFFFFFFF} << shift) | kClockBits);
  std::uint64_t expected = view.words[word];
  if (!line.replace(word, expected, others | entry << shift)) return false;
  counters_->notes.add();
  if (chosen.free == 0) {
    counters_->evictions.add();
    counters_->retention.add(static_cast<double>(chosen.age) * kTick);
  }
  return true;
}

Pending::Gauges Pending::gauges() const {
  return {.notes = counters_->notes.value(),
          .evictions = counters_->evictions.value(),
          .retention = counters_->retention.value()};
}

double Pending::occupancy(std::uint32_t now, const GreylistTimes& times) const {
  constexpr std::size_t kSample = 512;  // lines
  const std::size_t step = std::max<std::size_t>(lines_.size() / kSample, 1);
  std::size_t entries = 0;
  std::size_t living = 0;
  for (std::size_t i = 0; i < lines_.size(); i += step) {
    const View view = view_of(lines_[i]);
    entries += kEntries;
    for (std::size_t at = 0; at < kEntries && view.valid; ++at) {
      const std::uint32_t entry = view.entry(at);
      if (View::tag(entry) != 0 && std::int64_t{tick_of(now)} - view.tick(entry) <= window_ticks(times)) ++living;
    }
  }
  return entries == 0 ? 0 : static_cast<double>(living) / static_cast<double>(entries);
}

}  // namespace postern::bounds
