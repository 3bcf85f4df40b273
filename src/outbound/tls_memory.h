// TlsMemory: what connections have taught us of the TLS of others, for destinations that publish no policy.
//
//   broken    STARTTLS of a host fails at an address: mail that may go in clear goes in clear there, until a day is
//   over
//             and it is tried again. Never asked about where DANE or MTA-STS or anybody demands TLS.
//   verified  a domain whose TLS verified, twice at least a day apart: it is not given mail in clear without a word
//             (a downgrade is what an attacker between us would make), until it has not verified for `remember`.
//
// Bounded: kEntriesMax of each; the ones that would be forgotten first leave first. Kept as a file of JSON lines.
// Clock: times come in as parameters. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "dns/name.h"
#include "ip/address.h"

namespace postern::outbound {

struct BrokenTls {
  dns::Name host;  // the root where the server was named by its address alone
  ip::Address address;
  std::string reason;
  WallMs since = 0;
  WallMs until = 0;
};

struct VerifiedTls {
  dns::Name domain;
  std::string how;  // "pkix", "dane 3 1 1"
  WallMs first = 0;
  WallMs last = 0;
};

class TlsMemory {
 public:
  static constexpr std::size_t kEntriesMax = 10000;
  static constexpr WallMs kBetweenMs = WallMs{24} * 3600 * 1000;
  // What a network may have done as well as the host counts for less: a hiccup must not mean a day in clear.
  static constexpr WallMs kAccidentMs = WallMs{3600} * 1000;
  static constexpr std::size_t kReasonMax = 100;

  struct Times {
    WallMs broken = WallMs{24} * 3600 * 1000;
    WallMs verified = WallMs{14} * 24 * 3600 * 1000;  // 0: nothing is remembered of it
  };
  explicit TlsMemory(Times times) : times_(times) {}
  void set_times(Times times) { times_ = times; }

  // Each returns true where something changed that is worth writing.
  bool broke(const dns::Name& host, const ip::Address& address, std::string_view reason, WallMs now);
  bool worked(const dns::Name& host, const ip::Address& address);
  bool verified(const dns::Name& domain, std::string_view how, WallMs now);

  [[nodiscard]] const BrokenTls* breaks(const dns::Name& host, const ip::Address& address, WallMs now) const;
  // Only what is in force: verified twice, not too long ago.
  [[nodiscard]] const VerifiedTls* remembered(const dns::Name& domain, WallMs now) const;
  [[nodiscard]] WallMs remembered_until(const VerifiedTls& entry) const { return entry.last + times_.verified; }
  // Everything under a host's or a domain's name, or under the address of a host without one; how many entries.
  std::size_t forget(const dns::Name& name);
  bool expire(WallMs now);

  [[nodiscard]] std::vector<BrokenTls> broken_list(WallMs now) const;
  [[nodiscard]] std::vector<VerifiedTls> verified_list(WallMs now) const;

  [[nodiscard]] std::string text() const;
  std::size_t load(std::string_view text);  // how many lines could not be read

 private:
  Times times_;
  std::map<std::pair<dns::Name, ip::Address>, BrokenTls> broken_;
  std::map<dns::Name, VerifiedTls> verified_;
};

}  // namespace postern::outbound
