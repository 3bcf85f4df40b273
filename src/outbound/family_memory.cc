#include "outbound/family_memory.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace postern::outbound {

namespace {

constexpr double kWeight = 0.3;    // of the newest in an average
constexpr double kDoubtful = 0.3;  // a share of successes below it puts the other family first
constexpr std::uint32_t kBrokenFailures = 5;
constexpr std::uint32_t kBrokenDestinations = 3;
constexpr std::size_t kLineMax = 4096;
constexpr std::size_t kNameMax = 300;  // of a destination

double average(double old, double fresh) { return old < 0 ? fresh : old + kWeight * (fresh - old); }

}  // namespace

bool FamilyMemory::refused(std::string_view destination, ip::Family family, WallMs now) const {
  const Entry* const entry = entries_.find(destination);
  if (entry == nullptr) return false;
  const WallMs at = entry->sides[index(family)].refused_at;
  // A clock that went back makes nothing last longer than a day
  return at > 0 && now >= at - kRefusedForMs && now < at + kRefusedForMs;
}

bool FamilyMemory::broken(ip::Family family, WallMs now) const {
  const WallMs until = health_[index(family)].broken_until;
  return now < until && now >= until - kBrokenForMs;
}

FamilyMemory::Order FamilyMemory::order(std::string_view destination, WallMs now) const {
  const bool refused6 = refused(destination, ip::Family::v6, now);
  const bool refused4 = refused(destination, ip::Family::v4, now);
  if (refused6 != refused4) return {refused6 ? ip::Family::v4 : ip::Family::v6, true};
  const bool broken6 = broken(ip::Family::v6, now);
  const bool broken4 = broken(ip::Family::v4, now);
  if (broken6 != broken4) return {broken6 ? ip::Family::v4 : ip::Family::v6, true};
  const Entry* const entry = entries_.find(destination);
  if (entry != nullptr && entry->sides[0].success < kDoubtful && entry->sides[1].success > entry->sides[0].success) {
    return {ip::Family::v4, false};
  }
  return {};
}

std::optional<milliseconds> FamilyMemory::connect_time(std::string_view destination, ip::Family family) const {
  const Entry* const entry = entries_.find(destination);
  double ms = entry == nullptr ? -1 : entry->sides[index(family)].connect_ms;
  if (ms < 0) ms = health_[index(family)].connect_ms;
  if (ms < 0) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(ms));
}

FamilyMemory::News FamilyMemory::connected(std::string_view destination, ip::Family family, milliseconds took,
                                           WallMs /*now*/) {
  Side& side = entries_.touch(destination).sides[index(family)];
  side.success = average(side.success, 1);
  side.connect_ms = average(side.connect_ms, static_cast<double>(took.count()));
  changed_ = true;
  Health& own = health_[index(family)];
  own.connect_ms = average(own.connect_ms, static_cast<double>(took.count()));
  health_[1 - index(family)].other_worked = true;
  const bool was_broken = own.told;
  own.failures = own.destinations = 0;
  own.last.clear();
  own.other_worked = false;
  own.broken_until = 0;
  own.told = false;
  return was_broken ? News::whole : News::none;
}

FamilyMemory::News FamilyMemory::failed(std::string_view destination, ip::Family family, WallMs now) {
  Side& side = entries_.touch(destination).sides[index(family)];
  side.success = average(side.success, 0);
  changed_ = true;
  Health& own = health_[index(family)];
  if (own.failures++ == 0) own.other_worked = false;
  if (own.last != destination) ++own.destinations;
  own.last = destination;
  // Without the other family's success it is the network that is down, and the order changes nothing
  const bool looks_broken =
      own.told || (own.failures >= kBrokenFailures && own.destinations >= kBrokenDestinations && own.other_worked);
  if (!looks_broken || broken(family, now)) return News::none;
  own.broken_until = now + kBrokenForMs;
  return std::exchange(own.told, true) ? News::none : News::broken;
}

void FamilyMemory::note_refusal(std::string_view destination, ip::Family family, WallMs now) {
  entries_.touch(destination).sides[index(family)].refused_at = now;
  changed_ = true;
}

void FamilyMemory::note_delivery(std::string_view destination, ip::Family family) {
  Side& side = entries_.touch(destination).sides[index(family)];
  if (side.refused_at == 0) return;
  side.refused_at = 0;
  changed_ = true;
}

std::string FamilyMemory::save() const {
  std::string out;
  // The oldest first, so that reading them in order leaves the most recent ones where they are
  for (auto at = entries_.rbegin(); at != entries_.rend(); ++at) {
    json::Writer w(out);
    w.begin_object().field("destination", at->first);
    for (const ip::Family family : {ip::Family::v6, ip::Family::v4}) {
      const Side& side = at->second.sides[index(family)];
      w.key(family == ip::Family::v6 ? "ipv6" : "ipv4").begin_object().field("success", side.success);
      if (side.connect_ms >= 0) w.field("connect_ms", side.connect_ms);
      if (side.refused_at > 0) w.field("refused_at", side.refused_at);
      w.end_object();
    }
    w.end_object();
    out += '\n';
  }
  return out;
}

void FamilyMemory::load(std::string_view text, WallMs now) {
  for (const std::string_view line : split(text.substr(0, kMemoryFileMax), '\n')) {
    if (line.empty() || line.size() > kLineMax) continue;
    const auto value = json::parse(line, 4);
    if (!value || !value->is_object()) continue;
    const std::string_view name = value->at("destination").string();
    if (name.empty() || name.size() > kNameMax || !is_ascii(name)) continue;
    Entry& entry = entries_.touch(name);
    for (const ip::Family family : {ip::Family::v6, ip::Family::v4}) {
      const json::Value& from = value->at(family == ip::Family::v6 ? "ipv6" : "ipv4");
      Side& side = entry.sides[index(family)];
      const double success = from.at("success").real(1);
      side.success = success >= 0 && success <= 1 ? success : 1;
      const double connect = from.at("connect_ms").real(-1);
      side.connect_ms = connect >= 0 && connect <= 600'000 ? connect : -1;
      const WallMs at = from.at("refused_at").integer();
      side.refused_at = at > 0 && at <= now && now - at < kRefusedForMs ? at : 0;
    }
  }
  changed_ = false;
}

}  // namespace postern::outbound
