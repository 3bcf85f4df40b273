// A whole DNS message with its sections, for who asks an authoritative server itself: is the answer its own, was it cut
// short, what did it send along. Resolving is wire.h's: here nothing is followed and nothing is judged.
// Bounds: kPacketRecordsMax records; an OPT record is not one of them. RFC 1035 4, RFC 6891 6. Thread rule: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/answer.h"

namespace postern::dns {

inline constexpr std::size_t kPacketRecordsMax = 500;

struct Record {
  Name owner;
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  std::string rdata;  // names in it uncompressed
};

struct Packet {
  std::uint16_t id = 0;
  std::uint8_t rcode = 0;  // without the octet that EDNS adds
  bool authoritative = false, truncated = false;
  bool edns = false;                                  // the answer has an OPT record: the server knows EDNS
  std::uint16_t payload_octets = 0;                   // that the OPT record says the server takes over UDP
  std::vector<Record> answer, authority, additional;  // records of class IN that are well formed
  std::uint32_t dropped = 0;                          // others
};
// nullopt: no reply to the query with this id and question, or its sections are malformed.
[[nodiscard]] std::optional<Packet> parse_packet(std::string_view packet, std::uint16_t id, const Name& name,
                                                 Type type);

struct QueryOptions {
  bool recurse = false;
  bool edns = true;
  bool dnssec = false;  // DO: send signatures along
  std::uint16_t payload_octets = 1232;
};
[[nodiscard]] std::string query_packet(std::uint16_t id, const Name& name, Type type, const QueryOptions& options);

// The records of `section` that have this owner and type as an Answer has them, TTL included; status ok or nodata.
[[nodiscard]] Answer records_of(const std::vector<Record>& section, const Name& owner, Type type);

}  // namespace postern::dns
