#include "bounds/prefix_budgets.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace postern::bounds {

namespace {

// The words of a line.
//   0..2  loads, 16 bits each, slot 0 lowest
//   3..5  the low 16 bits of the tags
//   6     the high 8 bits of the tags of slots 0..7
//   7     the high 8 bits of the tags of slots 8..11, above them 31 bits of the time of the last decay, and on top the
//         bit of who writes to the line
constexpr std::size_t kSlots = 12;
constexpr std::size_t kLanes = 4;
constexpr std::size_t kLoadWords = 3;
constexpr std::size_t kTagWord = 3;
constexpr std::size_t kHighTagWord = 6;
constexpr std::size_t kTimeWord = 7;
constexpr double kFull = 65535;
constexpr double kRounding = 8;  // what randomised rounding may have added: the whole burst shall fit
constexpr std::uint64_t kLaneMask = 0xFFFF;
constexpr std::uint64_t kLowOfLanes = 0x0001000100010001ULL;
constexpr std::uint64_t kHighOfLanes = 0x8000800080008000ULL;

std::uint32_t lane(std::uint64_t word, std::size_t index) {
  return static_cast<std::uint32_t>(word >> (16 * index) & kLaneMask);
}
std::uint64_t with_lane(std::uint64_t word, std::size_t index, std::uint64_t value) {
  return (word & ~(kLaneMask << (16 * index))) | value << (16 * index);
}
constexpr std::uint32_t kTimeMask = 0x7FFFFFFF;
constexpr std::uint64_t kClaimed = std::uint64_t{1} << 63U;
std::uint32_t time_of(std::uint64_t time_word) { return static_cast<std::uint32_t>(time_word >> 32U) & kTimeMask; }

// Where slot `slot` has the high 8 bits of its tag.
std::size_t high_word(std::size_t slot) { return slot < 8 ? kHighTagWord : kTimeWord; }
unsigned high_shift(std::size_t slot) { return static_cast<unsigned>(slot % 8 * 8); }

// A set high bit for each lane of 16 bits that is zero, and for no other.
std::uint64_t zero_lanes(std::uint64_t word) {
  return ~((word & ~kHighOfLanes) + ~kHighOfLanes) & ~word & kHighOfLanes;
}

std::optional<std::size_t> slot_of(Line& line, std::uint32_t tag) {
  const std::uint64_t wanted = (tag & kLaneMask) * kLowOfLanes;
  std::array<std::uint64_t, kLoadWords> matches{};
  std::uint64_t any = 0;
  for (std::size_t word = 0; word < kLoadWords; ++word) {
    matches[word] = zero_lanes(line.load(kTagWord + word) ^ wanted);
    any |= matches[word];
  }
  if (any == 0) return std::nullopt;
  for (std::size_t word = 0; word < kLoadWords; ++word) {
    for (; matches[word] != 0; matches[word] &= matches[word] - 1) {
      const std::size_t slot = word * kLanes + static_cast<std::size_t>(std::countr_zero(matches[word])) / 16;
      if ((line.load(high_word(slot)) >> high_shift(slot) & 0xFFU) == tag >> 16U) return slot;
    }
  }
  return std::nullopt;
}

// Between 0 and 1, from 16 bits of noise: added before a number is cut, it rounds up as often as it should.
float random_share(std::uint64_t noise, std::size_t index) {
  return static_cast<float>(lane(noise, index)) * (1.0F / 65536);
}

// Seconds that a load of time `then` has decayed by `now`, modulo 2^31. A clock that went back decays nothing.
std::uint32_t elapsed(std::uint32_t then, std::uint32_t now) {
  const std::uint32_t ahead = (now - then) & kTimeMask;
  return ahead <= kTimeMask / 2 ? ahead : 0;
}

// Brings the loads of a claimed line to `now`. `share`: of a load that is left.
void decay(Line& line, float share, std::uint64_t noise) {
  for (std::size_t word = 0; word < kLoadWords; ++word) {
    const std::uint64_t loads = line.load(word);
    if (loads == 0) continue;
    const std::uint64_t rounding = spread(loads ^ noise ^ word);
    std::uint64_t decayed = 0;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const float value = static_cast<float>(lane(loads, i)) * share + random_share(rounding, i);
      decayed |= std::uint64_t{std::min(static_cast<std::uint32_t>(value), lane(loads, i))} << (16 * i);
    }
    line.store(word, decayed);
  }
}

// Load in the upper bits, slot in the lower eight: of the least loaded.
std::uint32_t least_loaded(Line& line, int& empty) {
  std::uint32_t lowest = ~0U;
  empty = 0;
  for (std::size_t word = 0; word < kLoadWords; ++word) {
    const std::uint64_t loads = line.load(word);
    empty += static_cast<int>((zero_lanes(loads) >> 15U) * kLowOfLanes >> 48U);  // sum of the four lanes
    for (std::size_t i = 0; i < kLanes; ++i) {
      lowest = std::min(lowest, lane(loads, i) << 8U | static_cast<std::uint32_t>(word * kLanes + i));
    }
  }
  return lowest;
}

constexpr std::uint8_t kFamilyOfIdentity = 0xFF;

}  // namespace

// The right to write to a line: one bit, tried a few times and never waited for. Readers do not look at it. A process
// that dies with it leaves the line unwritten until the table is opened again.
class PrefixBudgets::Claim {
 public:
  explicit Claim(Line& line) : line_(line) {
    word_ = line.load(kTimeWord);
    for (int tries = 0; tries < kClaimTries; ++tries) {
      if ((word_ & kClaimed) == 0 && line.replace(kTimeWord, word_, word_ | kClaimed)) {
        claimed_ = true;
        return;
      }
      word_ = line.load(kTimeWord);
    }
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  // The time last, and released: who sees the new time sees loads of that time.
  ~Claim() {
    if (claimed_) std::atomic_ref(line_.words[kTimeWord]).store(word_, std::memory_order_release);
  }
  explicit operator bool() const { return claimed_; }
  [[nodiscard]] std::uint32_t time() const { return time_of(word_); }
  void set_time(std::uint32_t now) {
    word_ = (word_ & 0xFFFFFFFFU) | static_cast<std::uint64_t>(now & kTimeMask) << 32U;
  }
  void set_high_tag(std::size_t slot, std::uint64_t high) {
    const auto with_tag = [&](std::uint64_t word) {
      return (word & ~(std::uint64_t{0xFF} << high_shift(slot))) | high << high_shift(slot);
    };
    if (high_word(slot) == kTimeWord) {
      word_ = with_tag(word_);
    } else {
      line_.store(kHighTagWord, with_tag(line_.load(kHighTagWord)));
    }
  }

 private:
  static constexpr int kClaimTries = 64;
  Line& line_;
  std::uint64_t word_ = 0;  // as it will be
  bool claimed_ = false;
};

struct PrefixBudgets::Found {
  std::size_t line = 0;
  std::size_t slot = 0;
};

// Where a level of an event may stand, its tag, and where it was found.
struct PrefixBudgets::Probe {
  const Level* level = nullptr;
  double price = 0;  // of one event of who asks
  Places places;
  std::uint32_t tag = 0;
  std::optional<Found> found;
};

struct PrefixBudgets::Probes {
  std::array<Probe, kLevelsMax> at{};  // narrow to wide, an identity last
  std::size_t count = 0;
  [[nodiscard]] std::span<Probe> all() { return std::span(at).first(count); }
  [[nodiscard]] std::span<const Probe> all() const { return std::span(at).first(count); }
};

PrefixBudgets::PrefixBudgets(TableFile table, const BudgetOptions& options)
    : table_(std::move(table)), lines_(table_.lines()) {
  set_options(options);
  for (Line& line : lines_) {  // claims of a process that died
    std::uint64_t word = line.load(kTimeWord);
    if ((word & kClaimed) != 0) line.replace(kTimeWord, word, word & ~kClaimed);
  }
}

void PrefixBudgets::set_options(const BudgetOptions& options) {
  const double scale = std::max(options.scale, 1e-6);
  const double burst = std::max(options.burst, 1.0);
  const auto level = [&](int length, std::uint8_t family, double multiple, bool judges_known) {
    return Level{.length = static_cast<std::uint8_t>(length),
                 .family = family,
                 .price = kFull / (burst * scale * std::max(multiple, 1e-6)),
                 .judges_known = judges_known};
  };
  v6_ = {level(128, 6, 1, true), level(64, 6, options.v6_64, true), level(56, 6, options.v6_56, false),
         level(48, 6, options.v6_48, false), level(32, 6, options.v6_32, false)};
  v4_ = {level(32, 4, 1, true), level(24, 4, options.v4_24, false), level(16, 4, options.v4_16, false)};
  identity_ = level(kIdentityLevel, kFamilyOfIdentity, options.identity, true);
  known_ = std::max(options.known, 1e-6);
  decay_per_second_ = -std::max(options.rate_per_hour, 0.0) / 3600 / burst;
  seconds_per_event_ = 3600 / std::max(options.rate_per_hour * scale, 1e-3);
  for (std::size_t i = 0; i < seconds_.size(); ++i) {
    seconds_[i] = static_cast<float>(std::exp(decay_per_second_ * static_cast<double>(i)));
    minutes_[i] = static_cast<float>(std::exp(decay_per_second_ * static_cast<double>(64 * i)));
  }
}

double PrefixBudgets::factor(std::uint32_t seconds) const {
  if (seconds < 4096) {
    return static_cast<double>(seconds_[seconds % 64]) * static_cast<double>(minutes_[seconds / 64]);
  }
  return std::exp(decay_per_second_ * seconds);
}

PrefixBudgets::Probes PrefixBudgets::probe(const Event& event) const {
  Probes probes;
  const auto put = [&](const Level& level, std::uint64_t hash) {
    Probe& probe = probes.at[probes.count++];
    probe.level = &level;
    probe.price = event.known && level.length != kIdentityLevel ? level.price / known_ : level.price;
    probe.places = Places(hash, lines_.size());
    probe.tag = static_cast<std::uint32_t>(probe.places.rest & 0xFFFFFFU);
    if (probe.tag == 0) probe.tag = 1;  // 0 is an empty slot
    probe.places.prefetch(lines_);
  };
  const crypto::SipKey& secret = table_.secret();
  const bool narrow = event.known || event.narrow;
  const auto& octets = event.address.octets();
  const auto word = [&](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8U | octets[from + i];
    return value;
  };
  if (event.address.is_v6()) {
    const std::uint64_t network = word(0);
    for (const Level& level : v6_) {
      if (narrow && !level.judges_known) continue;
      if (level.length == 128) {
        put(level, crypto::siphash_1_3(secret, network, word(8), level.length));
      } else {
        put(level, crypto::siphash_1_3(secret, network & ~std::uint64_t{0} << (64U - level.length), level.length));
      }
    }
  } else {
    const std::uint64_t address = word(8) & 0xFFFFFFFFU;
    for (const Level& level : v4_) {
      if (narrow && !level.judges_known) continue;
      // The family and the length beside the prefix: no IPv6 prefix hashes alike, as its level is another octet last.
      const std::uint64_t prefix = address & std::uint64_t{0xFFFFFFFF} << (32U - level.length);
      put(level, crypto::siphash_1_3(secret, prefix, std::uint64_t{level.length}, level.family));
    }
  }
  if (event.identity) put(identity_, crypto::siphash_1_3(secret, *event.identity, identity_.family));
  return probes;
}

void PrefixBudgets::find(Probe& probe) const {
  for (const std::size_t line : probe.places.lines) {
    if (const auto slot = slot_of(lines_[line], probe.tag)) {
      probe.found = Found{line, *slot};
      return;
    }
  }
}

// The load of a probe that was found, as of `now`, nothing written.
double PrefixBudgets::load_of(const Probe& probe, std::uint32_t now) const {
  if (!probe.found) return 0;
  Line& line = lines_[probe.found->line];
  // The time first: a load that is decayed meanwhile is taken for too small a one, not for too large a one.
  const std::uint64_t time_word = std::atomic_ref(line.words[kTimeWord]).load(std::memory_order_acquire);
  const std::uint32_t load = lane(line.load(probe.found->slot / kLanes), probe.found->slot % kLanes);
  return load * factor(elapsed(time_of(time_word), now));
}

Decision PrefixBudgets::judge(Probes& probes, double cost, std::uint32_t now) const {
  Decision decision;
  // Wide to narrow: a flood ends at the first.
  for (std::size_t i = probes.count; i > 0; --i) {
    Probe& probe = probes.at[i - 1];
    find(probe);
    const double load = load_of(probe, now);
    const double share = std::min(load / kFull, 1.0);
    if (decision.fullest.level == 0 || share > decision.fullest.share) decision.fullest = {probe.level->length, share};
    if (load + cost * probe.price > kFull + kRounding) {
      decision.admitted = false;
      decision.refused_by = probe.level->length;
      break;
    }
  }
  return decision;
}

void PrefixBudgets::settle(std::size_t index, std::uint32_t now, Claim& claim) {
  const std::uint32_t then = claim.time();
  if (((then - now) & kTimeMask) <= kClockSlack) return;  // now, or another thread's clock is ahead
  const std::uint32_t seconds = elapsed(then, now);
  if (seconds > 0) {
    decay(lines_[index], static_cast<float>(factor(seconds)), std::uint64_t{now} << 8U ^ std::uint64_t{index} << 40U);
  }
  claim.set_time(now);
}

void PrefixBudgets::add_at(const Found& found, std::uint32_t amount, std::uint32_t now) {
  Line& line = lines_[found.line];
  Claim claim(line);
  if (!claim) return;
  settle(found.line, now, claim);
  const std::uint64_t loads = line.load(found.slot / kLanes);
  const std::size_t index = found.slot % kLanes;
  line.store(found.slot / kLanes,
             with_lane(loads, index, std::min<std::uint64_t>(lane(loads, index) + amount, kLaneMask)));
}

// In the place of the least load of both lines; of empty slots, in the line that has more of them.
PrefixBudgets::Inserted PrefixBudgets::insert(const Probe& probe, std::uint32_t amount, std::uint32_t now) {
  std::size_t chosen = 0;
  double least = 2 * kFull;
  int most_empty = -1;
  for (const std::size_t index : probe.places.lines) {
    int empty = 0;
    const std::uint32_t lowest = least_loaded(lines_[index], empty);
    const double load = (lowest >> 8U) * factor(elapsed(time_of(lines_[index].load(kTimeWord)), now));
    if (load < least || (load == least && empty > most_empty)) {
      chosen = index;
      least = load;
      most_empty = empty;
    }
  }
  Line& line = lines_[chosen];
  std::uint32_t lost = 0;
  {
    Claim claim(line);
    if (!claim) return {};
    settle(chosen, now, claim);
    int empty = 0;
    const std::uint32_t lowest = least_loaded(line, empty);
    lost = lowest >> 8U;
    const std::size_t slot = lowest & 0xFFU;
    const std::size_t word = slot / kLanes;
    const std::size_t index = slot % kLanes;
    // The load goes before the tag, so that a reader does not find another's load under the new one.
    const std::uint64_t loads = line.load(word);
    if (lost > 0) line.store(word, with_lane(loads, index, 0));
    line.store(kTagWord + word, with_lane(line.load(kTagWord + word), index, probe.tag & kLaneMask));
    claim.set_high_tag(slot, probe.tag >> 16U);
    line.store(word, with_lane(loads, index, std::min<std::uint64_t>(amount, kLaneMask)));
  }
  return {.newcomers = 1, .evictions = lost > 0 ? 1U : 0U};
}

void PrefixBudgets::add(const Probes& probes, double cost, std::uint32_t now) {
  const double events = std::clamp(cost, 0.0, kCostMax);
  const std::uint64_t number = counters_->charged.add();
  Inserted all;
  for (const Probe& probe : probes.all()) {
    const double price = std::min(events * probe.price, kFull);
    const auto amount = static_cast<std::uint32_t>(price + random_share(spread(probe.places.rest + number), 0));
    if (amount == 0) continue;
    if (probe.found) {
      add_at(*probe.found, amount, now);
    } else {
      const Inserted one = insert(probe, amount, now);
      all.newcomers += one.newcomers;
      all.evictions += one.evictions;
    }
  }
  if (all.newcomers > 0) counters_->newcomers.add(all.newcomers);
  if (all.evictions > 0) {
    counters_->evictions.add(all.evictions);
    counters_->eviction_rate.add(all.evictions, now);
  }
}

Decision PrefixBudgets::decide(const Event& event, std::uint32_t now) const {
  Probes probes = probe(event);
  return judge(probes, std::clamp(event.cost, 0.0, kCostMax), now);
}

void PrefixBudgets::charge(const Event& event, std::uint32_t now) {
  Probes probes = probe(event);
  for (Probe& at : probes.all()) find(at);
  add(probes, event.cost, now);
}

Decision PrefixBudgets::take(const Event& event, std::uint32_t now) {
  Probes probes = probe(event);
  const Decision decision = judge(probes, std::clamp(event.cost, 0.0, kCostMax), now);
  if (!decision.admitted) {
    counters_->refused.add();
    return decision;
  }
  add(probes, event.cost, now);
  counters_->admitted.add();
  return decision;
}

PrefixBudgets::Description PrefixBudgets::describe(const ip::Address& address, std::uint32_t now) const {
  Description description;
  Probes probes = probe({.address = address, .known = false, .identity = {}});
  for (Probe& at : probes.all()) {
    find(at);
    description.levels[description.count++] = {at.level->length, std::min(load_of(at, now) / kFull, 1.0)};
  }
  return description;
}

PrefixBudgets::Gauges PrefixBudgets::gauges(std::uint32_t now) const {
  return {.admitted = counters_->admitted.value(),
          .refused = counters_->refused.value(),
          .charged = counters_->charged.value(),
          .newcomers = counters_->newcomers.value(),
          .evictions = counters_->evictions.value(),
          .saturation = counters_->eviction_rate.per_second(now) * seconds_per_event_ /
                        static_cast<double>(lines_.size() * kSlots)};
}

double PrefixBudgets::occupancy(std::uint32_t now) const {
  constexpr std::size_t kSample = 512;  // lines
  const std::size_t step = std::max<std::size_t>(lines_.size() / kSample, 1);
  std::size_t slots = 0;
  std::size_t used = 0;
  for (std::size_t i = 0; i < lines_.size(); i += step) {
    const double share = factor(elapsed(time_of(lines_[i].load(kTimeWord)), now));
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      ++slots;
      if (lane(lines_[i].load(slot / kLanes), slot % kLanes) * share >= 1) ++used;
    }
  }
  return slots == 0 ? 0 : static_cast<double>(used) / static_cast<double>(slots);
}

}  // namespace postern::bounds
