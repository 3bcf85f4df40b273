#include "bounds/known_senders.h"

#include <algorithm>
#include <utility>

namespace postern::bounds {

namespace {

constexpr std::size_t kEntries = 4;  // in a line: the hash in word 2i, the state in word 2i + 1
constexpr int kTries = 4;
constexpr std::uint8_t kHashLast = 2;
constexpr std::uint64_t kNoHash = 0;  // an empty entry

// The second word of an entry, lowest bits first:
//   20 hours since 1970 when last seen   26 minutes since 1970 of the last pass that counted   4 accepted   2 passes
//   2 TLS failures   replied_to   pinned   demoted   3 guesses   4 unused
struct State {
  std::uint32_t seen = 0;
  std::uint32_t pass = 0;
  unsigned accepted = 0;
  unsigned passes = 0;
  unsigned tls_failures = 0;
  bool replied_to = false;
  bool pinned = false;
  bool demoted = false;
  unsigned guesses = 0;

  static State decode(std::uint64_t word) {
    State state;
    const auto take = [&word](unsigned bits) {
      const auto value = static_cast<std::uint32_t>(word & ((std::uint64_t{1} << bits) - 1));
      word >>= bits;
      return value;
    };
    state.seen = take(20);
    state.pass = take(26);
    state.accepted = take(4);
    state.passes = take(2);
    state.tls_failures = take(2);
    state.replied_to = take(1) != 0;
    state.pinned = take(1) != 0;
    state.demoted = take(1) != 0;
    state.guesses = take(3);
    return state;
  }

  [[nodiscard]] std::uint64_t encode() const {
    std::uint64_t word = 0;
    unsigned shift = 0;
    const auto put = [&](std::uint64_t value, unsigned bits) {
      word |= (value & ((std::uint64_t{1} << bits) - 1)) << shift;
      shift += bits;
    };
    put(seen, 20);
    put(pass, 26);
    put(accepted, 4);
    put(passes, 2);
    put(tls_failures, 2);
    put(replied_to ? 1 : 0, 1);
    put(pinned ? 1 : 0, 1);
    put(demoted ? 1 : 0, 1);
    put(guesses, 3);
    return word;
  }

  [[nodiscard]] std::uint32_t hours_ago(std::uint32_t now) const {
    const std::uint32_t hour = now / 3600;
    return hour > seen ? hour - seen : 0;
  }
  [[nodiscard]] bool forgotten(std::uint32_t now) const {
    return !pinned && hours_ago(now) > KnownSenders::kForgottenAfterHours;
  }
  [[nodiscard]] bool by_passes() const { return passes >= KnownSenders::kPassesToBeKnown; }
  [[nodiscard]] bool by_accepted() const { return accepted >= KnownSenders::kAcceptedToBeKnown; }
  [[nodiscard]] bool known(std::uint32_t now) const {
    if (pinned) return true;
    if (demoted || forgotten(now)) return false;  // note() clears `demoted` once both are earned
    return replied_to || by_passes() || by_accepted();
  }
  // What may go first: the least.
  [[nodiscard]] std::uint64_t worth(std::uint32_t now) const {
    std::uint64_t rank = 0;
    if (!forgotten(now)) rank = pinned ? 3 : known(now) ? 2 : 1;
    const std::uint64_t progress = rank == 1 ? accepted + 3 * passes : 0;
    return rank << 40U | progress << 32U | std::min(seen, now / 3600);
  }

  [[nodiscard]] Sender sender(std::uint32_t now) const {
    return {.known = known(now),
            .replied_to = replied_to,
            .pinned = pinned,
            .demoted = demoted,
            .accepted = accepted,
            .passes = passes,
            .tls_failures = tls_failures,
            .guesses = guesses,
            .hours_ago = hours_ago(now)};
  }
};

void apply(State& state, SenderEvent event, std::uint32_t now) {
  if (state.forgotten(now)) state = {};
  const std::uint32_t minute = now / 60;
  const bool within_an_hour = state.hours_ago(now) <= 1;
  switch (event) {
    case SenderEvent::passed:
      if (state.passes == 0 || (minute > state.pass && minute - state.pass >= KnownSenders::kMinutesBetweenPasses)) {
        state.passes = std::min(state.passes + 1, 3U);
        state.pass = minute;
      } else if (state.pass > minute + 1) {
        state.pass = minute;  // the clock went back: the hour begins anew
      }
      break;
    case SenderEvent::accepted:
      state.accepted = std::min(state.accepted + 1, 15U);
      state.guesses -= std::min(state.guesses, 1U);
      break;
    case SenderEvent::accepted_again:
      state.guesses -= std::min(state.guesses, 1U);
      break;
    case SenderEvent::guessed:
      state.guesses = std::min(state.guesses + 1, 7U);
      break;
    case SenderEvent::replied_to:
      state.replied_to = true;
      break;
    case SenderEvent::pinned:
      state.pinned = true;
      break;
    case SenderEvent::unpinned:
      state.pinned = false;
      break;
    case SenderEvent::trapped:
      state.accepted = 0;
      state.passes = 0;
      state.replied_to = false;
      state.demoted = true;
      state.guesses = 0;
      break;
    case SenderEvent::tls_failed:
      state.tls_failures = within_an_hour ? std::min(state.tls_failures + 1, 3U) : 1;
      break;
    case SenderEvent::tls_succeeded:
      state.tls_failures = 0;
      break;
  }
  if (state.demoted && state.by_passes() && state.by_accepted()) state.demoted = false;
  state.seen = now / 3600;
}

bool makes_an_entry(SenderEvent event) {
  return event == SenderEvent::passed || event == SenderEvent::accepted || event == SenderEvent::replied_to ||
         event == SenderEvent::pinned;
}

struct Place {
  Line* line = nullptr;
  std::size_t entry = 0;
  [[nodiscard]] std::uint64_t hash() const { return line->load(2 * entry); }
  [[nodiscard]] std::uint64_t state() const { return line->load(2 * entry + 1); }
};

std::optional<Place> find(std::span<Line> lines, std::uint64_t hash) {
  const Places places(hash, lines.size());
  places.prefetch(lines);
  for (const std::size_t index : places.lines) {
    for (std::size_t i = 0; i < kEntries; ++i) {
      const Place place{&lines[index], i};
      if (place.hash() == hash) return place;
    }
  }
  return std::nullopt;
}

// The entry that is worth least of those where `hash` may stand; among equals, in the line with more empty ones.
Place least_worthy(std::span<Line> lines, std::uint64_t hash, std::uint32_t now) {
  Place victim;
  std::uint64_t least = ~std::uint64_t{0};
  std::size_t least_free = 0;
  for (const std::size_t index : Places(hash, lines.size()).lines) {
    Line& line = lines[index];
    std::size_t free = 0;
    for (std::size_t i = 0; i < kEntries; ++i) free += line.load(2 * i) == kNoHash ? 1 : 0;
    for (std::size_t i = 0; i < kEntries; ++i) {
      const Place place{&line, i};
      const std::uint64_t worth = place.hash() == kNoHash ? 0 : 1 + State::decode(place.state()).worth(now);
      if (worth < least || (worth == least && free > least_free)) {
        least = worth;
        least_free = free;
        victim = place;
      }
    }
  }
  return victim;
}

struct Room {
  std::optional<Place> place;  // nullopt where nobody gave way
  bool known_evicted = false;
};

// An entry for `hash` with an empty state.
Room make_room(std::span<Line> lines, std::uint64_t hash, bool pinned, std::uint32_t now) {
  for (int tries = 0; tries < kTries; ++tries) {
    const Place victim = least_worthy(lines, hash, now);
    std::uint64_t before = victim.hash();
    std::uint64_t state = victim.state();
    const State old = State::decode(state);
    if (before != kNoHash && old.pinned && !pinned) return {};
    const bool known_evicted = before != kNoHash && old.known(now);
    // The state goes first, so that nobody finds another's merits under the new hash.
    if (!victim.line->replace(2 * victim.entry + 1, state, 0)) continue;
    if (!victim.line->replace(2 * victim.entry, before, hash)) continue;
    return {victim, known_evicted};
  }
  return {};
}

std::optional<std::size_t> carry_over(const OldTable& old, TableFile& fresh, std::uint32_t now) {
  if (old.version != fresh.version()) return std::nullopt;
  struct Entry {
    std::uint64_t worth;
    std::uint64_t hash;
    std::uint64_t state;
  };
  std::vector<Entry> entries;
  for (Line& line : old.lines) {
    for (std::size_t i = 0; i < kEntries; ++i) {
      const std::uint64_t hash = line.load(2 * i);
      const std::uint64_t word = line.load(2 * i + 1);
      const State state = State::decode(word);
      if (hash != kNoHash && !state.forgotten(now)) entries.push_back({state.worth(now), hash, word});
    }
  }
  // The most worthy last, so that they push out the others where the new table is smaller.
  std::ranges::sort(entries, {}, &Entry::worth);
  for (const Entry& entry : entries) {
    const Room room = make_room(fresh.lines(), entry.hash, State::decode(entry.state).pinned, now);
    std::uint64_t empty = 0;
    if (room.place) room.place->line->replace(2 * room.place->entry + 1, empty, entry.state);
  }
  std::size_t moved = 0;
  for (Line& line : fresh.lines()) {
    for (std::size_t i = 0; i < kEntries; ++i) moved += line.load(2 * i) == kNoHash ? 0 : 1;
  }
  return moved;
}

}  // namespace

KnownSenders::KnownSenders(TableFile table) : table_(std::move(table)), lines_(table_.lines()) {}

TableFormat KnownSenders::format() { return {.kind = TableKind::known, .version = 1, .carry_over = &carry_over}; }

std::uint64_t KnownSenders::hash_of(std::uint64_t key) const {
  const std::uint64_t hash = crypto::siphash_1_3(table_.secret(), key, kHashLast);
  return hash == kNoHash ? 1 : hash;
}

std::optional<Sender> KnownSenders::look(std::uint64_t key, std::uint32_t now) const {
  const auto place = find(lines_, hash_of(key));
  if (!place) return std::nullopt;
  const State state = State::decode(place->state());
  if (state.forgotten(now)) return std::nullopt;
  return state.sender(now);
}

bool KnownSenders::known(std::uint64_t key, std::uint32_t now) const {
  const auto place = find(lines_, hash_of(key));
  return place && State::decode(place->state()).known(now);
}

std::optional<Sender> KnownSenders::note(std::uint64_t key, SenderEvent event, std::uint32_t now) {
  const std::uint64_t hash = hash_of(key);
  auto place = find(lines_, hash);
  if (!place) {
    if (!makes_an_entry(event)) return std::nullopt;
    const Room room = make_room(lines_, hash, event == SenderEvent::pinned, now);
    if (!room.place) {
      counters_->turned_away.add();
      return std::nullopt;
    }
    counters_->newcomers.add();
    if (room.known_evicted) counters_->known_evicted.add();
    place = room.place;
  }
  std::uint64_t word = place->state();
  for (int tries = 0; tries < kTries; ++tries) {
    State state = State::decode(word);
    if (state.forgotten(now) && !makes_an_entry(event)) return std::nullopt;
    apply(state, event, now);
    if (place->line->replace(2 * place->entry + 1, word, state.encode())) return state.sender(now);
  }
  return State::decode(word).sender(now);
}

KnownSenders::Gauges KnownSenders::gauges() const {
  return {.newcomers = counters_->newcomers.value(),
          .known_evicted = counters_->known_evicted.value(),
          .turned_away = counters_->turned_away.value()};
}

KnownSenders::Shares KnownSenders::shares(std::uint32_t now) const {
  constexpr std::size_t kSample = 512;  // lines
  const std::size_t step = std::max<std::size_t>(lines_.size() / kSample, 1);
  Shares shares;
  double entries = 0;
  for (std::size_t line = 0; line < lines_.size(); line += step) {
    for (std::size_t i = 0; i < kEntries; ++i) {
      ++entries;
      if (lines_[line].load(2 * i) == kNoHash) continue;
      const State state = State::decode(lines_[line].load(2 * i + 1));
      ++(state.known(now) ? shares.known : state.forgotten(now) ? shares.forgotten : shares.learning);
    }
  }
  if (entries > 0) {
    shares.known /= entries;
    shares.learning /= entries;
    shares.forgotten /= entries;
  }
  return shares;
}

}  // namespace postern::bounds
