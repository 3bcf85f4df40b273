// FamilyMemory: what is remembered of IPv6 and IPv4 towards each destination, so that the next message begins with the
// family that works: how often connecting succeeded, how long it took, and that a server refused mail for the family
// it came over (remembered a day, then tried again). And of this host as a whole: where connections over one family
// fail everywhere while the other works, that family comes second for ten minutes, and is then tried again.
//
// It is kept over restarts as JSON lines (save(), load(): a file of our own that anybody may have edited, so that what
// is wrong with a line costs that line alone). Pure; times come in. Thread rule: the loop of the queue. Memory: at most
// kMemoryMax destinations.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "ip/address.h"
#include "outbound/recent_map.h"

namespace postern::outbound {

inline constexpr std::size_t kMemoryMax = 10'000;
inline constexpr std::size_t kMemoryFileMax = 8 << 20;  // octets that are read
inline constexpr std::int64_t kRefusedForMs = 24LL * 3600 * 1000;
inline constexpr std::int64_t kBrokenForMs = 10LL * 60 * 1000;

class FamilyMemory {
 public:
  // The family to begin with, and whether the other one comes only after all its addresses.
  struct Order {
    ip::Family first = ip::Family::v6;
    bool apart = false;
  };
  [[nodiscard]] Order order(std::string_view destination, WallMs now) const;
  [[nodiscard]] std::optional<milliseconds> connect_time(std::string_view destination, ip::Family family) const;
  [[nodiscard]] bool refused(std::string_view destination, ip::Family family, WallMs now) const;

  // What a connection came to. The answer tells that the host's own family was found broken, or whole again, just now.
  enum class News : std::uint8_t { none, broken, whole };
  News connected(std::string_view destination, ip::Family family, milliseconds took, WallMs now);
  News failed(std::string_view destination, ip::Family family, WallMs now);
  // A server refused mail for the family that it came over, or a message got stuck on its way.
  void note_refusal(std::string_view destination, ip::Family family, WallMs now);
  // Mail was taken over it: an earlier refusal is over.
  void note_delivery(std::string_view destination, ip::Family family);

  [[nodiscard]] bool broken(ip::Family family, WallMs now) const;

  [[nodiscard]] std::string save() const;
  void load(std::string_view text, WallMs now);
  [[nodiscard]] bool changed() const { return changed_; }
  void saved() { changed_ = false; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Side {
    double success = 1;      // share of connections that worked, the last ones count most
    double connect_ms = -1;  // average; < 0: not known
    WallMs refused_at = 0;
  };
  struct Entry {
    std::array<Side, 2> sides;  // IPv6, IPv4
  };
  // Of this host.
  struct Health {
    std::uint32_t failures = 0;      // in a row
    std::uint32_t destinations = 0;  // different ones of them, as far as neighbours differ
    std::string last;
    bool other_worked = false;  // since the first of them
    WallMs broken_until = 0;
    bool told = false;
    double connect_ms = -1;
  };
  static std::size_t index(ip::Family family) { return family == ip::Family::v6 ? 0 : 1; }

  RecentMap<Entry> entries_{kMemoryMax};
  std::array<Health, 2> health_;
  bool changed_ = false;
};

}  // namespace postern::outbound
