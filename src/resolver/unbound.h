// The real dns::Resolver: libunbound (validating), one for the process, with an answer cache per loop above it, because
// a cached answer through libunbound costs a hundred times a map.
//
// Unbound is the process's half: it owns libunbound's context and the thread that waits on it. CachedResolver is a
// loop's half. The dead-resolver rule: when nothing has answered while a look-up waited for its whole deadline, no
// server is asked any more (Status::unavailable at once, or what the cache has, up to an hour past its TTL) but for one
// probe a second; any answer ends it. Thread rule: Unbound any thread; CachedResolver its loop's; both may be destroyed
// while look-ups are under way, if no query() waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/resolver.h"
#include "io/loop.h"
#include "ip/address.h"

namespace postern::resolver {

struct Options {
  // Forward to these, resolvers or authoritative servers; empty: to the servers that /etc/resolv.conf names now, where
  // it names none: as `recurse`.
  std::vector<ip::Endpoint> servers;
  bool recurse = false;  // ask the authoritative servers ourselves, from the root; `servers` are not used then
  bool dnssec = true;    // validate; needs trust anchors
  // The root's key. Empty: the one of Debian's dns-root-data, where it is there and trust_anchors is empty. Servers on
  // loopback in `servers` that have no signatures at all make names insecure then, not bogus (docs/dns.md).
  std::string trust_anchor_file;
  std::vector<std::string> trust_anchors;  // DS or DNSKEY records in presentation form, for tests and private roots
  std::int64_t lookup_timeout_ms = 5000;
  std::size_t cache_entries = 20000;                // per loop
  std::size_t cache_bytes = std::size_t{16} << 20;  // per loop
  std::uint32_t in_flight_max = 2000;  // look-ups at once, in all; beyond: Status::limit; prefetches take half
};

class Unbound {
 public:
  [[nodiscard]] static Result<std::shared_ptr<Unbound>> open(const Options& options);
  Unbound(const Unbound&) = delete;
  Unbound& operator=(const Unbound&) = delete;
  ~Unbound();
  // For status pages and tests.
  [[nodiscard]] bool held_for_dead() const;

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  explicit Unbound(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class CachedResolver final : public dns::Resolver {
 public:
  CachedResolver(std::shared_ptr<Unbound> unbound, io::Loop& loop);
  ~CachedResolver() override;
  CachedResolver(const CachedResolver&) = delete;
  CachedResolver& operator=(const CachedResolver&) = delete;
  [[nodiscard]] Task<dns::AnswerPtr> query(dns::Name name, dns::Type type, dns::Budget& budget) override;
  void prefetch(const dns::Name& name, dns::Type type) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::resolver
