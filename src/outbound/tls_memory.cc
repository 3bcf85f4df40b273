#include "outbound/tls_memory.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace postern::outbound {

namespace {

constexpr WallMs kFar = WallMs{1} << 50;  // no time of ours lies behind it
constexpr std::size_t kLineMax = 4096;

bool is_time(WallMs time) { return time >= 0 && time < kFar; }

// Room for one more: a sixteenth leaves at once, so that a flood does not look through all of them each time.
template <class Map, class When>
void make_room(Map& map, When when) {
  if (map.size() < TlsMemory::kEntriesMax) return;
  std::vector<WallMs> times;
  for (const auto& [key, entry] : map) times.push_back(when(entry));
  const auto nth = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 16);
  std::ranges::nth_element(times, nth);
  const WallMs oldest = *nth;
  std::erase_if(map, [&](const auto& one) { return when(one.second) <= oldest; });
}

}  // namespace

bool TlsMemory::broke(const dns::Name& host, const ip::Address& address, std::string_view reason, WallMs now) {
  const auto key = std::make_pair(host, address);
  auto found = broken_.find(key);
  if (found == broken_.end()) {
    make_room(broken_, [](const BrokenTls& entry) { return entry.until; });
    found = broken_.emplace(key, BrokenTls{.host = host, .address = address, .reason = {}, .since = now}).first;
  }
  BrokenTls& entry = found->second;
  const bool accident = reason == "timeout" || reason == "reset";
  const WallMs until = now + (accident ? std::min(kAccidentMs, times_.broken) : times_.broken);
  // An accident says nothing against what is in force: it shortens nothing.
  if (breaks(host, address, now) != nullptr && entry.until > until) return false;
  entry.reason = utf8_head(reason, kReasonMax);
  entry.until = until;
  return true;
}

bool TlsMemory::worked(const dns::Name& host, const ip::Address& address) {
  return broken_.erase(std::make_pair(host, address)) > 0;
}

bool TlsMemory::verified(const dns::Name& domain, std::string_view how, WallMs now) {
  if (times_.verified == 0) return false;
  auto found = verified_.find(domain);
  if (found == verified_.end()) {
    make_room(verified_, [](const VerifiedTls& entry) { return entry.last; });
    found = verified_.emplace(domain, VerifiedTls{.domain = domain, .how = {}, .first = now, .last = 0}).first;
  }
  VerifiedTls& entry = found->second;
  if (entry.last > 0 && now - entry.last > times_.verified) entry.first = now;
  constexpr WallMs kWorthWriting = 3600 * 1000;
  const bool changed = entry.how != how || now - entry.last > kWorthWriting;
  entry.how = utf8_head(how, kReasonMax);
  entry.last = std::max(entry.last, now);
  return changed;
}

const BrokenTls* TlsMemory::breaks(const dns::Name& host, const ip::Address& address, WallMs now) const {
  const auto found = broken_.find(std::make_pair(host, address));
  // A clock that was set back must not make a day last for years
  const bool counts = found != broken_.end() && now < found->second.until && found->second.until - now <= times_.broken;
  return counts ? &found->second : nullptr;
}

const VerifiedTls* TlsMemory::remembered(const dns::Name& domain, WallMs now) const {
  const auto found = verified_.find(domain);
  if (found == verified_.end()) return nullptr;
  const VerifiedTls& entry = found->second;
  return entry.last - entry.first >= kBetweenMs && now < remembered_until(entry) ? &entry : nullptr;
}

std::size_t TlsMemory::forget(const dns::Name& name) {
  const auto is_called = [&](const auto& one) {
    const auto& [host, address] = one.first;
    return host.is_root() ? address.text() == name.text() : host == name;
  };
  return std::erase_if(broken_, is_called) + verified_.erase(name);
}

bool TlsMemory::expire(WallMs now) {
  return std::erase_if(broken_, [&](const auto& one) { return one.second.until <= now; }) +
             std::erase_if(verified_, [&](const auto& one) { return remembered_until(one.second) <= now; }) >
         0;
}

std::vector<BrokenTls> TlsMemory::broken_list(WallMs now) const {
  std::vector<BrokenTls> out;
  for (const auto& [key, entry] : broken_) {
    if (breaks(key.first, key.second, now) != nullptr) out.push_back(entry);
  }
  return out;
}

std::vector<VerifiedTls> TlsMemory::verified_list(WallMs now) const {
  std::vector<VerifiedTls> out;
  for (const auto& [domain, entry] : verified_) {
    if (remembered(domain, now) != nullptr) out.push_back(entry);
  }
  return out;
}

std::string TlsMemory::text() const {
  std::string out;
  for (const auto& [key, entry] : broken_) {
    json::Writer(out)
        .begin_object()
        .field("host", entry.host.text())
        .field("address", entry.address.text())
        .field("reason", entry.reason)
        .field("since", entry.since)
        .field("until", entry.until)
        .end_object();
    out += '\n';
  }
  for (const auto& [domain, entry] : verified_) {
    json::Writer(out)
        .begin_object()
        .field("domain", domain.text())
        .field("how", entry.how)
        .field("first", entry.first)
        .field("last", entry.last)
        .end_object();
    out += '\n';
  }
  return out;
}

std::size_t TlsMemory::load(std::string_view text) {
  std::size_t bad = 0;
  const auto take = [&](std::string_view line) {
    if (line.size() > kLineMax) return false;
    const auto value = json::parse(line, 4);
    if (!value) return false;
    if (value->at("domain").is_string()) {
      const auto domain = dns::Name::parse(value->at("domain").string());
      VerifiedTls entry{.domain = {},
                        .how = std::string(utf8_head(value->at("how").string(), kReasonMax)),
                        .first = value->at("first").integer(-1),
                        .last = value->at("last").integer(-1)};
      if (!domain || domain->is_root() || !is_time(entry.first) || !is_time(entry.last)) return false;
      if (verified_.size() >= kEntriesMax) return false;
      entry.domain = *domain;
      verified_.insert_or_assign(*domain, std::move(entry));
      return true;
    }
    // Empty: the server was named by its address alone
    const json::Value& named = value->at("host");
    const auto host = named.is_string() && named.string().empty() ? dns::Name() : dns::Name::parse(named.string());
    const auto address = ip::Address::parse(value->at("address").string());
    BrokenTls entry{.host = {},
                    .address = {},
                    .reason = std::string(utf8_head(value->at("reason").string(), kReasonMax)),
                    .since = value->at("since").integer(-1),
                    .until = value->at("until").integer(-1)};
    if (!named.is_string() || !host || !address || !is_time(entry.since) || !is_time(entry.until)) return false;
    if (broken_.size() >= kEntriesMax) return false;
    entry.host = *host;
    entry.address = *address;
    broken_.insert_or_assign(std::make_pair(*host, *address), std::move(entry));
    return true;
  };
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty() && !take(line)) ++bad;
  }
  return bad;
}

}  // namespace postern::outbound
