// Records that only look-ups about a zone itself need: what stands in their data (Answer::rdata, Record::rdata), names
// uncompressed. Every octet may be hostile. RFC 1035 3.3.13 (SOA), RFC 2782 (SRV), RFC 4034 (DS, DNSKEY, RRSIG), RFC
// 5155 4 (NSEC3PARAM), RFC 8659 4.1 (CAA). Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/answer.h"

namespace postern::dns {

struct Soa {
  Name primary, mailbox;
  std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
};
struct Srv {
  std::uint16_t priority = 0, weight = 0, port = 0;
  Name target;  // the root: the service is not offered
};
struct Ds {
  std::uint16_t key_tag = 0;
  std::uint8_t algorithm = 0, digest_type = 0;
  std::string digest;  // raw octets
};
struct Dnskey {
  std::uint16_t flags = 0;
  std::uint8_t protocol = 0, algorithm = 0;
  std::uint16_t key_tag = 0;  // RFC 4034 appendix B, computed
  std::string key;            // raw octets
  [[nodiscard]] bool is_entry_point() const { return (flags & 1U) != 0; }
};
struct Rrsig {
  std::uint16_t covered = 0;  // a type
  std::uint8_t algorithm = 0, labels = 0;
  std::uint32_t original_ttl = 0, expires = 0, begins = 0;  // seconds since 1970, modulo 2^32
  std::uint16_t key_tag = 0;
  Name signer;
};
struct Nsec3Param {
  std::uint8_t hash = 0, flags = 0;
  std::uint16_t iterations = 0;
  std::string salt;  // raw octets
};
struct Caa {
  bool critical = false;
  std::string tag;  // lower case
  std::string value;
};

[[nodiscard]] std::optional<Soa> parse_soa(std::string_view rdata);
[[nodiscard]] std::optional<Srv> parse_srv(std::string_view rdata);
[[nodiscard]] std::optional<Ds> parse_ds(std::string_view rdata);
[[nodiscard]] std::optional<Dnskey> parse_dnskey(std::string_view rdata);
[[nodiscard]] std::optional<Rrsig> parse_rrsig(std::string_view rdata);
[[nodiscard]] std::optional<Nsec3Param> parse_nsec3param(std::string_view rdata);
// A tag of 1 to 15 letters and digits; anything else is no CAA record.
[[nodiscard]] std::optional<Caa> parse_caa(std::string_view rdata);

// Whether the parser of the type takes the data; true for types that have none here.
[[nodiscard]] bool is_well_formed(Type type, std::string_view rdata);

}  // namespace postern::dns
