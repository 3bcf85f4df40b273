#include "resolver/cache.h"

#include <algorithm>
#include <utility>

namespace postern::resolver {

namespace {

// An estimate, on the high side: a node of the map, the control block of a shared answer, and what strings hold.
std::size_t octets(const dns::AnswerPtr& answer) {
  std::size_t sum = sizeof(dns::Answer) + 64 + answer->why.capacity() + answer->canonical.text().capacity();
  sum += answer->addresses.capacity() * sizeof(ip::Address);
  for (const auto& text : answer->texts) sum += sizeof(std::string) + text.capacity();
  for (const auto& mx : answer->mx) sum += sizeof mx + mx.host.text().capacity();
  for (const auto& name : answer->names) sum += sizeof name + name.text().capacity();
  for (const auto& tlsa : answer->tlsa) sum += sizeof tlsa + tlsa.data.capacity();
  return sum;
}

}  // namespace

seconds lifetime(const dns::Answer& answer) {
  const seconds ttl(answer.ttl);
  switch (answer.status) {
    case dns::Status::ok:
      return std::clamp(ttl, kLifetimeMin, kLifetimeMax);
    case dns::Status::nodata:
    case dns::Status::nxdomain:
      return std::clamp(ttl, kLifetimeMin, kNegativeMax);
    case dns::Status::servfail:
    case dns::Status::refused:
    case dns::Status::timeout:
      return kFailureLifetime;
    case dns::Status::bogus:
      return kBogusLifetime;
    case dns::Status::unavailable:
    case dns::Status::limit:
    case dns::Status::cancelled:
      return seconds(0);
  }
  return seconds(0);
}

const dns::AnswerPtr* Cache::find(KeyView key, Clock::time_point now) {
  const auto found = map_.find(key);
  if (found == map_.end() || now >= found->second.expires) return nullptr;
  Entry& entry = found->second;
  if (newest_ != &entry) {
    unlink(entry);
    link(entry);
  }
  return &entry.answer;
}

const dns::AnswerPtr* Cache::find_stale(KeyView key, Clock::time_point now) const {
  const auto found = map_.find(key);
  if (found == map_.end() || !found->second.good || now >= found->second.good_expires + kStaleMax) return nullptr;
  return &found->second.good;
}

void Cache::put(KeyView key, dns::AnswerPtr answer, Clock::time_point now) {
  const seconds life = lifetime(*answer);
  if (life == seconds(0)) return;
  auto found = map_.find(key);
  if (found == map_.end()) {
    found = map_.try_emplace(Key{std::string(key.name), key.type}).first;
    found->second.key = &found->first;
  } else {
    unlink(found->second);
    bytes_ -= found->second.bytes;
  }
  Entry& entry = found->second;
  entry.answer = std::move(answer);
  entry.expires = now + life;
  if (!dns::is_temporary(entry.answer->status)) {
    entry.good = entry.answer;
    entry.good_expires = entry.expires;
  }
  entry.bytes = sizeof(Entry) + sizeof(Key) + 32 + key.name.size() + octets(entry.answer);
  if (entry.good && entry.good != entry.answer) entry.bytes += octets(entry.good);
  bytes_ += entry.bytes;
  link(entry);
  shrink();
}

void Cache::link(Entry& entry) {
  entry.newer = nullptr;
  entry.older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = &entry;
  newest_ = &entry;
}

void Cache::unlink(Entry& entry) {
  (entry.newer != nullptr ? entry.newer->older : newest_) = entry.older;
  (entry.older != nullptr ? entry.older->newer : oldest_) = entry.newer;
}

void Cache::shrink() {
  while (oldest_ != nullptr && (map_.size() > entries_max_ || bytes_ > bytes_max_)) {
    Entry& entry = *oldest_;
    unlink(entry);
    bytes_ -= entry.bytes;
    map_.erase(map_.find(KeyView{entry.key->name, entry.key->type}));
  }
}

}  // namespace postern::resolver
