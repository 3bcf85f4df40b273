// PrefixBudgets: how much each prefix has done lately, at all levels at once, in a table whose size never changes; and
// whether one more event fits. An adversary who owns 2^96 addresses spends the budget of his /32.
//
// Each level of an address (IPv6 /128 /64 /56 /48 /32, IPv4 /32 /24 /16) has a budget that decays: with burst B and
// rate R an address may do B events at once and R an hour for ever; a wider prefix a multiple of both. An event is
// admitted only if it fits at every level, and only then it is written: whatever a flooder is refused changes nothing,
// and pushes nobody out of the table. Who is known (known_senders.h) is judged at the narrow levels alone (/128 and
// /64; IPv4 /32), so that a hoster's one bad customer costs the others nothing. An identity (a hash of an SPF or DKIM
// domain, say) is one level more, where the caller gives one. `known` in the options makes those levels wider for him.
//
// A refusal here is a deferral, 421 or 451, and never anything else (design invariant 4). An estimate is never above
// the truth but for rounding and for a tag that two prefixes share (24 slots x 2^-24 = 1.4e-6 a look-up): too small a
// table forgets and admits, it refuses nobody (invariant 7). Who is forgotten first is who has done least.
//
// The line: 12 loads of 16 bits (65535 is the whole budget), 12 tags of 24 bits, the time of the last decay. A load is
// always relative to its own level's budget, so that the victim of an eviction is who is farthest from a limit. A
// newcomer begins with its own event (it does not inherit its victim's load, as Space-Saving would have it: that
// refuses innocents when the table is too small). Rounding is randomised, hence without bias however small a price is,
// and from a hash, so that the same events leave the same table.
//
// Size: docs/state.md has the law: octets = 22.4 * (admitted events a second) / (R / 3600). `saturation` tells when a
// table is too small.
//
// Clock: Unix seconds from the caller. A clock that goes back a little (threads, slewing) decays nothing; one that
// goes back more than kClockSlack (and less than 34 years) begins anew from there. Neither adds to a load.
//
// Thread rule: any thread, and none waits for another. Who writes to a line claims it by one bit; where another has it
// for longer than a few tries, the event is lost at that level. Several threads may look before one of them writes, and
// then an event of each is admitted. An event may be counted for the prefix that took over its slot in between.
//
// Not here: sessions open at once (inbound::Gate), loopback (which the caller does not charge at all).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "bounds/lines.h"
#include "bounds/table_file.h"
#include "ip/address.h"

namespace postern::bounds {

struct BudgetOptions {
  // What one address (an IPv6 /128, an IPv4 /32) may do.
  double burst = 20;          // events at once: a mail server's queue run
  double rate_per_hour = 60;  // events an hour for ever; burst / rate is the memory, 20 minutes
  // Multiples of both for wider prefixes. A /64 is one machine or one LAN, a /56 and a /48 one customer, a /32 a
  // provider.
  double v6_64 = 2;
  double v6_56 = 3;
  double v6_48 = 4;
  double v6_32 = 64;
  double v4_24 = 32;
  double v4_16 = 256;
  double identity = 64;  // an identity has many machines
  // A further multiple of the address's own levels for who is known: what he does takes so much less of them. Not of an
  // identity's, which all his machines share.
  double known = 1;
  // Multiplies burst and rate: for presets. A personal server is well served by 1, an organisation by 4; a provider,
  // to whom other providers send all day from one /32, by 400.
  double scale = 1;
};

// What is judged. The address's family and levels say where; loopback is the caller's business.
struct Event {
  ip::Address address;
  bool known = false;
  bool narrow = false;                    // judged at the levels of the known, at everybody's price
  std::optional<std::uint64_t> identity;  // a hash; this table hashes it again under its own secret
  // In events of the budget: a connection 1, a refused recipient 2, an unknown one 4, a spam trap 50 ... Between 0 and
  // kCostMax. More than the burst never fits: such a cost is for charge().
  double cost = 1;
};

inline constexpr double kCostMax = 10'000;
inline constexpr int kIdentityLevel = 255;
inline constexpr std::uint32_t kClockSlack = 60;  // seconds

struct Load {
  int level = 0;     // prefix length, or kIdentityLevel
  double share = 0;  // of the budget: 0 to 1
};

struct Decision {
  bool admitted = true;
  int refused_by = 0;  // the widest level that is full: prefix length or kIdentityLevel; 0 where admitted
  Load fullest;  // of the levels that were looked at (wide to narrow, up to the one that refuses), before this event
};

class PrefixBudgets {
 public:
  static constexpr std::size_t kLevelsMax = 6;  // five of IPv6 and an identity

  PrefixBudgets(TableFile table, const BudgetOptions& options);
  [[nodiscard]] static TableFormat format() {
    return {.kind = TableKind::budgets, .version = 1, .carry_over = nullptr};
  }

  // Whether one more fits: a look, which writes nothing.
  [[nodiscard]] Decision decide(const Event& event, std::uint32_t now) const;
  // Adds the event at every level, full or not: what has happened has happened.
  void charge(const Event& event, std::uint32_t now);
  // decide(), and charge() if it admits.
  Decision take(const Event& event, std::uint32_t now);

  // The load of each level, narrow to wide, for `postern why`.
  struct Description {
    std::array<Load, kLevelsMax> levels{};
    std::size_t count = 0;
    [[nodiscard]] std::span<const Load> all() const { return std::span(levels).first(count); }
  };
  [[nodiscard]] Description describe(const ip::Address& address, std::uint32_t now) const;

  struct Gauges {
    std::uint64_t admitted = 0;
    std::uint64_t refused = 0;
    std::uint64_t charged = 0;    // admitted or not
    std::uint64_t newcomers = 0;  // prefixes that took a slot
    std::uint64_t evictions = 0;  // of them, those that pushed out a load above 0
    // The share of the table that is pushed out in the time in which an address at its limit does one event (3600 / R
    // s, a minute by default), over the last minute. Over kSaturationAlarm, prefixes are forgotten between two of their
    // events: make the table larger (docs/state.md). Catch begins to suffer at about 1.
    double saturation = 0;
  };
  [[nodiscard]] Gauges gauges(std::uint32_t now) const;
  static constexpr double kSaturationAlarm = 0.5;
  // Share of slots in use, from a sample of lines evenly spread.
  [[nodiscard]] double occupancy(std::uint32_t now) const;

  // New limits; loads are shares of a budget and stay. Not while other threads use the table.
  void set_options(const BudgetOptions& options);
  [[nodiscard]] const TableFile& table() const { return table_; }

 private:
  struct Level {
    std::uint8_t length = 0;   // prefix length or kIdentityLevel
    std::uint8_t family = 0;   // octet that the hash begins with: separates families and identities
    double price = 0;          // load of one event
    bool judges_known = true;  // narrow enough for known senders too
  };
  struct Probe;
  struct Probes;
  struct Found;
  struct Inserted {
    unsigned newcomers = 0;
    unsigned evictions = 0;
  };
  class Claim;

  Probes probe(const Event& event) const;
  [[nodiscard]] double factor(std::uint32_t seconds) const;
  void find(Probe& probe) const;
  [[nodiscard]] double load_of(const Probe& probe, std::uint32_t now) const;
  Decision judge(Probes& probes, double cost, std::uint32_t now) const;
  void settle(std::size_t index, std::uint32_t now, Claim& claim);
  void add(const Probes& probes, double cost, std::uint32_t now);
  void add_at(const Found& found, std::uint32_t amount, std::uint32_t now);
  Inserted insert(const Probe& probe, std::uint32_t amount, std::uint32_t now);

  TableFile table_;
  std::span<Line> lines_;
  std::array<Level, 5> v6_{};
  std::array<Level, 3> v4_{};
  Level identity_{};
  double known_ = 1;
  // decay over 0..63 seconds, and over 0..63 times 64 seconds
  std::array<float, 64> seconds_{};
  std::array<float, 64> minutes_{};
  double decay_per_second_ = 0;    // logarithm
  double seconds_per_event_ = 60;  // of an address at its limit

  struct Counters {
    Gauge admitted, refused, charged, newcomers, evictions;
    RecentRate eviction_rate;
  };
  std::unique_ptr<Counters> counters_ = std::make_unique<Counters>();
};

}  // namespace postern::bounds
