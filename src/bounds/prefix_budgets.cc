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
//   7     the high 8 bits of the tags of slots 8..11, and above them the time of the last decay
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

using Words = std::array<std::uint64_t, kWordsPerLine>;

std::uint32_t lane(std::uint64_t word, std::size_t index) {
  return static_cast<std::uint32_t>(word >> (16 * index) & kLaneMask);
}
std::uint64_t with_lane(std::uint64_t word, std::size_t index, std::uint64_t value) {
  return (word & ~(kLaneMask << (16 * index))) | value << (16 * index);
}
std::uint32_t time_of(const Words& words) { return static_cast<std::uint32_t>(words[kTimeWord] >> 32U); }

// Where slot `slot` has the high 8 bits of its tag.
std::size_t high_word(std::size_t slot) { return slot < 8 ? kHighTagWord : kTimeWord; }
unsigned high_shift(std::size_t slot) { return static_cast<unsigned>(slot % 8 * 8); }

std::optional<std::size_t> find(const Words& words, std::uint32_t tag) {
  const std::uint64_t wanted = (tag & kLaneMask) * kLowOfLanes;
  for (std::size_t word = 0; word < kLoadWords; ++word) {
    const std::uint64_t difference = words[kTagWord + word] ^ wanted;
    // A set high bit for each lane that is zero (and perhaps for lanes above one that is: looked at once more below).
    std::uint64_t zero = (difference - kLowOfLanes) & ~difference & kHighOfLanes;
    for (; zero != 0; zero &= zero - 1) {
      const std::size_t index = static_cast<std::size_t>(std::countr_zero(zero)) / 16;
      const std::size_t slot = word * kLanes + index;
      if (lane(difference, index) != 0) continue;
      if ((words[high_word(slot)] >> high_shift(slot) & 0xFFU) == tag >> 16U) return slot;
    }
  }
  return std::nullopt;
}

// Seconds that a load of time `then` has decayed by `now`. A clock that went back decays nothing.
std::uint32_t elapsed(std::uint32_t then, std::uint32_t now) {
  const std::uint32_t ahead = now - then;
  return ahead < 0x80000000U ? ahead : 0;
}

// Down, or up with the probability of what is cut off, by 16 bits of noise.
std::uint32_t round_randomly(double value, std::uint64_t noise) {
  const double whole = std::floor(value);
  const bool up = (value - whole) * 65536 > static_cast<double>(noise & kLaneMask);
  return static_cast<std::uint32_t>(whole) + (up ? 1 : 0);
}

constexpr std::uint8_t kFamilyOfIdentity = 0xFF;

}  // namespace

// Where a level of an event stands, and its tag.
struct PrefixBudgets::Probe {
  const Level* level = nullptr;
  Places places;
  std::uint32_t tag = 0;
};

struct PrefixBudgets::Probes {
  std::array<Probe, kLevelsMax> at{};  // narrow to wide, an identity last
  std::size_t count = 0;
  [[nodiscard]] std::span<const Probe> all() const { return std::span(at).first(count); }
};

PrefixBudgets::PrefixBudgets(TableFile table, const BudgetOptions& options)
    : table_(std::move(table)), lines_(table_.lines()) {
  set_options(options);
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
  decay_per_second_ = -std::max(options.rate_per_hour, 0.0) / 3600 / burst;
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
    probe.places = Places(hash, lines_.size());
    probe.tag = static_cast<std::uint32_t>(probe.places.rest & 0xFFFFFFU);
    if (probe.tag == 0) probe.tag = 1;  // 0 is an empty slot
    probe.places.prefetch(lines_);
  };
  const crypto::SipKey& secret = table_.secret();
  const auto& octets = event.address.octets();
  const auto word = [&](std::size_t from) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8U | octets[from + i];
    return value;
  };
  if (event.address.is_v6()) {
    const std::uint64_t network = word(0);
    for (const Level& level : v6_) {
      if (event.known && !level.judges_known) continue;
      if (level.length == 128) {
        put(level, crypto::siphash_1_3(secret, network, word(8), level.length));
      } else {
        put(level, crypto::siphash_1_3(secret, network & ~std::uint64_t{0} << (64U - level.length), level.length));
      }
    }
  } else {
    const std::uint64_t address = word(8) & 0xFFFFFFFFU;
    for (const Level& level : v4_) {
      if (event.known && !level.judges_known) continue;
      // The family and the length beside the prefix: no IPv6 prefix hashes alike, as its level is another octet last.
      const std::uint64_t prefix = address & std::uint64_t{0xFFFFFFFF} << (32U - level.length);
      put(level, crypto::siphash_1_3(secret, prefix, std::uint64_t{level.length}, level.family));
    }
  }
  if (event.identity) put(identity_, crypto::siphash_1_3(secret, *event.identity, identity_.family));
  return probes;
}

// The load at a probe as of `now`, nothing written.
double PrefixBudgets::share_in(const Probe& probe, std::uint32_t now) const {
  for (const std::size_t line : probe.places.lines) {
    const Words words = lines_[line].snapshot();
    if (const auto slot = find(words, probe.tag)) {
      return lane(words[*slot / kLanes], *slot % kLanes) * factor(elapsed(time_of(words), now));
    }
  }
  return 0;
}

Decision PrefixBudgets::judge(const Probes& probes, double cost, std::uint32_t now) const {
  Decision decision;
  // Wide to narrow: a flood ends at the first.
  for (std::size_t i = probes.count; i > 0; --i) {
    const Probe& probe = probes.at[i - 1];
    const double load = share_in(probe, now);
    const double share = std::min(load / kFull, 1.0);
    if (decision.fullest.level == 0 || share > decision.fullest.share) decision.fullest = {probe.level->length, share};
    if (load + cost * probe.level->price > kFull + kRounding) {
      decision.admitted = false;
      decision.refused_by = probe.level->length;
      break;
    }
  }
  return decision;
}

// Brings the loads of a line to `now`.
void PrefixBudgets::settle(std::size_t index, std::uint32_t now) {
  Line& line = lines_[index];
  std::uint64_t time_word = line.load(kTimeWord);
  const auto then = static_cast<std::uint32_t>(time_word >> 32U);
  if (then == now) return;
  const std::uint32_t behind = then - now;
  if (behind <= kClockSlack) return;  // another thread's clock is ahead
  const std::uint32_t seconds = elapsed(then, now);
  if (seconds > 0) {
    const auto share = static_cast<float>(factor(seconds));
    for (std::size_t word = 0; word < kLoadWords; ++word) {
      std::uint64_t loads = line.load(word);
      // Somebody else who decays or charges these four loads meanwhile makes this begin anew; the loop is bounded.
      for (int tries = 0; loads != 0 && tries < 4; ++tries) {
        const std::uint64_t noise = spread(loads ^ std::uint64_t{now} << 8U ^ std::uint64_t{index} << 40U ^ word);
        std::uint64_t decayed = 0;
        for (std::size_t i = 0; i < kLanes; ++i) {
          const std::uint32_t load = lane(loads, i);
          if (load == 0) continue;
          const float value = static_cast<float>(load) * share;
          const auto whole = static_cast<std::uint32_t>(value);
          const bool up = (value - static_cast<float>(whole)) * 65536.0F > static_cast<float>(lane(noise, i));
          decayed |= std::uint64_t{std::min(whole + (up ? 1U : 0U), load)} << (16 * i);
        }
        if (decayed == loads || line.replace(word, loads, decayed)) break;
      }
    }
  }
  // The time last: a thread that comes between decays once more, and never takes old loads for new ones.
  line.replace(kTimeWord, time_word, (time_word & 0xFFFFFFFFU) | std::uint64_t{now} << 32U);
}

bool PrefixBudgets::add_in(const Probe& probe, std::uint32_t amount) {
  for (const std::size_t index : probe.places.lines) {
    Line& line = lines_[index];
    const auto slot = find(line.snapshot(), probe.tag);
    if (!slot) continue;
    const std::size_t word = *slot / kLanes;
    std::uint64_t loads = line.load(word);
    for (int tries = 0; tries < 4; ++tries) {
      const std::uint64_t sum = std::min<std::uint64_t>(lane(loads, *slot % kLanes) + amount, kLaneMask);
      if (line.replace(word, loads, with_lane(loads, *slot % kLanes, sum))) break;
    }
    return true;
  }
  return false;
}

// In the place of the least load of both lines; among equals, in the line that has more of them.
bool PrefixBudgets::insert(const Probe& probe, std::uint32_t amount) {
  std::size_t chosen_line = 0;
  std::size_t chosen_slot = 0;
  std::uint32_t least = ~0U;
  std::size_t equals = 0;
  for (const std::size_t index : probe.places.lines) {
    const Words words = lines_[index].snapshot();
    std::array<std::uint32_t, kSlots> loads{};
    for (std::size_t slot = 0; slot < kSlots; ++slot) loads[slot] = lane(words[slot / kLanes], slot % kLanes);
    const auto minimum = std::ranges::min_element(loads);
    const auto count = static_cast<std::size_t>(std::ranges::count(loads, *minimum));
    if (*minimum < least || (*minimum == least && count > equals)) {
      chosen_line = index;
      chosen_slot = static_cast<std::size_t>(minimum - loads.begin());
      least = *minimum;
      equals = count;
    }
  }
  Line& line = lines_[chosen_line];
  const std::size_t word = chosen_slot / kLanes;
  const std::size_t index = chosen_slot % kLanes;
  // The load goes to zero before the tag changes, so that nobody finds another's load under the new tag.
  std::uint64_t loads = line.load(word);
  if (lane(loads, index) != least || !line.replace(word, loads, with_lane(loads, index, 0))) return false;
  std::uint64_t low = line.load(kTagWord + word);
  if (!line.replace(kTagWord + word, low, with_lane(low, index, probe.tag & kLaneMask))) return false;
  const std::size_t high_at = high_word(chosen_slot);
  const unsigned shift = high_shift(chosen_slot);
  std::uint64_t high = line.load(high_at);
  const std::uint64_t with_tag = (high & ~(std::uint64_t{0xFF} << shift)) | std::uint64_t{probe.tag >> 16U} << shift;
  if (!line.replace(high_at, high, with_tag)) return false;
  loads = line.load(word);
  line.replace(word, loads, with_lane(loads, index, std::min<std::uint64_t>(amount, kLaneMask)));
  counters_->newcomers.add();
  if (least > 0) counters_->evictions.add();
  counters_->saturation.add(least / kFull);
  return true;
}

void PrefixBudgets::add(const Probes& probes, double cost, std::uint32_t now) {
  const double events = std::clamp(cost, 0.0, kCostMax);
  const std::uint64_t number = counters_->charged.value();
  counters_->charged.add();
  for (const Probe& probe : probes.all()) {
    for (const std::size_t line : probe.places.lines) settle(line, now);
    const double price = std::min(events * probe.level->price, kFull);
    const std::uint32_t amount = round_randomly(price, spread(probe.places.rest + number));
    if (amount > 0 && !add_in(probe, amount)) insert(probe, amount);
  }
}

Decision PrefixBudgets::decide(const Event& event, std::uint32_t now) const {
  return judge(probe(event), std::clamp(event.cost, 0.0, kCostMax), now);
}

void PrefixBudgets::charge(const Event& event, std::uint32_t now) { add(probe(event), event.cost, now); }

Decision PrefixBudgets::take(const Event& event, std::uint32_t now) {
  const Probes probes = probe(event);
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
  for (const Probe& at : probe({.address = address, .known = false, .identity = {}}).all()) {
    description.levels[description.count++] = {at.level->length, std::min(share_in(at, now) / kFull, 1.0)};
  }
  return description;
}

PrefixBudgets::Gauges PrefixBudgets::gauges() const {
  return {.admitted = counters_->admitted.value(),
          .refused = counters_->refused.value(),
          .charged = counters_->charged.value(),
          .newcomers = counters_->newcomers.value(),
          .evictions = counters_->evictions.value(),
          .saturation = counters_->saturation.value()};
}

double PrefixBudgets::occupancy(std::uint32_t now) const {
  constexpr std::size_t kSample = 512;  // lines
  const std::size_t step = std::max<std::size_t>(lines_.size() / kSample, 1);
  std::size_t slots = 0;
  std::size_t used = 0;
  for (std::size_t i = 0; i < lines_.size(); i += step) {
    const Words words = lines_[i].snapshot();
    const double share = factor(elapsed(time_of(words), now));
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      ++slots;
      if (lane(words[slot / kLanes], slot % kLanes) * share >= 1) ++used;
    }
  }
  return slots == 0 ? 0 : static_cast<double>(used) / static_cast<double>(slots);
}

}  // namespace postern::bounds
