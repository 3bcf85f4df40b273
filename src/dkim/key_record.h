// Key records (RFC 6376 3.6.1): parsed, and fetched through a cache of parsed keys, because parsing an RSA key costs
// six times what a verification costs. Shared with ARC. Thread rule: KeyCache belongs to one loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "crypto/keys.h"
#include "dns/resolver.h"

namespace postern::dkim {

struct KeyRecord {
  crypto::PublicKey key;
  std::vector<std::string> hashes;    // h=; empty: any
  std::vector<std::string> services;  // s=; empty: any
  bool testing = false;               // t=y
  bool same_domain = false;           // t=s: i= must be in d= itself
};

// Errors: ErrorKind::refused for a revoked key (p= empty), ErrorKind::invalid for the rest, in words.
[[nodiscard]] Result<KeyRecord> parse_key(std::string_view record);

struct FetchedKey {
  std::shared_ptr<const KeyRecord> record;  // null: see problem
  std::string text;                         // the record as published
  bool temporary = false;                   // DNS did not say
  std::string problem;                      // printable, one line
};

// Parsed keys by the record's text, least recently used first out. Not a cache of DNS: the resolver has that.
class KeyCache {
 public:
  explicit KeyCache(std::size_t entries = 4096) : max_(entries) {}
  [[nodiscard]] FetchedKey parse(const std::string& record);

 private:
  struct Entry {
    std::string record;
    FetchedKey key;
  };
  std::size_t max_;
  std::list<Entry> entries_;  // newest first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_record_;
};

// selector._domainkey.domain. Several records at the name: RFC 6376 3.6.2.2 leaves it undefined; the first that parses
// as a key is taken.
[[nodiscard]] Task<FetchedKey> fetch_key(std::string_view selector, std::string_view domain, dns::Resolver& resolver,
                                         dns::Budget& budget, KeyCache& cache);
// Tells the resolver that the key will be wanted.
void prefetch_key(std::string_view selector, std::string_view domain, dns::Resolver& resolver);

}  // namespace postern::dkim
