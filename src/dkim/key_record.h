// Key records (RFC 6376 3.6.1): parsed, and fetched through a cache of parsed keys, because making a key of its octets
// costs more than a verification. Shared with ARC. Thread rule: KeyCache belongs to one loop; the records it hands out
// are immutable and may go to other threads.
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

inline constexpr int kRsaBitsMin = 1024;                      // RFC 8301 3.2
inline constexpr std::size_t kKeyRecordOctetsMax = 8 * 1024;  // an RSA key of 8192 bits takes 1.4 KiB
inline constexpr std::size_t kKeysPerNameMax = 4;             // usable ones at one name; further ones are not looked at

struct KeyRecord {
  crypto::PublicKey key;
  std::vector<std::string> hashes;    // h=; empty: any
  std::vector<std::string> services;  // s=; empty: any
  bool testing = false;               // t=y
  bool same_domain = false;           // t=s: i= must be in d= itself
};

// Errors: ErrorKind::refused for a revoked key (p= empty), ErrorKind::invalid for the rest, in words.
[[nodiscard]] Result<KeyRecord> parse_key(std::string_view record);

// Why the key is not for this use: s= without email, h= without sha256, another type than the signature's a= says
// (6.1.2 steps 6 and 8). Empty: it is. The length of the key is not looked at: see kRsaBitsMin.
[[nodiscard]] std::string unsuitable(const KeyRecord& record, crypto::Algorithm algorithm);

// An RSA key under kRsaBitsMin: RFC 8301 3.2, a signature with it is never valid.
[[nodiscard]] bool is_short(const KeyRecord& record);

struct FetchedKey {
  std::shared_ptr<const KeyRecord> record;  // null: see problem
  // Further records at the name that parsed. Where the first is unsuitable or does not verify, these are tried (6.1.2
  // step 4): signature_holds() does.
  std::vector<std::shared_ptr<const KeyRecord>> others;
  std::string text;        // the first record as published, or what stands in its place
  bool temporary = false;  // DNS did not say
  std::string problem;     // printable, one line
};

// Tries a signature with the keys of a name.
struct KeyTrial {
  const KeyRecord* record = nullptr;  // the one that verifies; else one that is suitable, else null
  bool verified = false;              // never with a short key
  std::string problem;                // where none is suitable
};
[[nodiscard]] KeyTrial signature_holds(const FetchedKey& fetched, crypto::Algorithm algorithm,
                                       const crypto::Digest& digest, std::string_view signature);
// Microseconds that one verification with the key takes, roughly.
[[nodiscard]] std::uint32_t verify_cost_us(const crypto::PublicKey& key);

// Parsed keys by the record's text, least recently used first out. Not a cache of DNS: the resolver has that. Memory: a
// few KiB an entry; records over kKeyRecordOctetsMax are refused and not kept.
class KeyCache {
 public:
  explicit KeyCache(std::size_t entries = 4096) : max_(entries) {}
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;
  ~KeyCache() = default;
  [[nodiscard]] FetchedKey parse(const std::string& record);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

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
// as a key is `record`, the next ones `others`.
[[nodiscard]] Task<FetchedKey> fetch_key(std::string_view selector, std::string_view domain, dns::Resolver& resolver,
                                         dns::Budget& budget, KeyCache& cache);
// Tells the resolver that the key will be wanted.
void prefetch_key(std::string_view selector, std::string_view domain, dns::Resolver& resolver);

}  // namespace postern::dkim
