// DNS messages as they stand on the wire: what a reply says to one question, and the query that asks it. Every octet of
// a reply may be hostile: offsets and lengths are checked before they are used, a compression pointer only leads
// backwards, and no field of the message sizes an allocation. RFC 1035 4, RFC 3597, RFC 6698 2.1.
// Not here: whole packets with all their sections (packet.h), what stands in the data of rarer types (records.h),
// DNSSEC (libunbound's), zone files. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/answer.h"

namespace postern::dns {

inline constexpr int kCnamesMax = 10;  // in one chain

struct WireName {
  std::optional<Name> name;  // nullopt: a well-formed name that is none of ours, because a label has a '.' in it
  std::size_t end = 0;       // the first octet behind it, in `packet`
};
// The name at `at`, compressed or not; nullopt where it is malformed.
[[nodiscard]] std::optional<WireName> read_name(std::string_view packet, std::size_t at);
void append_name(std::string& out, const Name& name);

// Adds the record whose data are the `length` octets at `at` to the list of `answer` that `type` has. False: malformed
// or longer than its type allows; `answer` is unchanged then.
[[nodiscard]] bool read_rdata(std::string_view packet, std::size_t at, std::size_t length, Type type, Answer& answer);

// The data of a record with the names in them uncompressed, whatever its type: what stands alone, apart from its
// packet. nullopt where they are malformed, or a name is none of ours.
[[nodiscard]] std::optional<std::string> plain_rdata(std::string_view packet, std::size_t at, std::size_t length,
                                                     std::uint16_t type);

struct Reply {
  std::uint8_t rcode = 0;
  bool authentic = false;  // AD (RFC 4035 3.2.3): means something only on a path that is trusted
  Answer answer;           // status from rcode and records; security is always insecure
};
// The answer to (name, type) in a reply: CNAMEs followed within the message, records of other owners passed over.
// nullopt: no reply, or one whose header or sections are malformed. Records that are malformed, or that go past the
// bounds of an Answer, are dropped and counted; a set of which nothing is left is SERVFAIL, but NODATA for TLSA: its
// short records (RDLEN 0 to 3) are published by operators, and mean that there is nothing to use.
[[nodiscard]] std::optional<Reply> parse_reply(std::string_view packet, const Name& name, Type type);

// RFC 1035 4.1: one question, recursion desired.
[[nodiscard]] std::string query_packet(std::uint16_t id, const Name& name, Type type);
// The response code of a reply to the query with this id; nullopt: it is no reply to it.
[[nodiscard]] std::optional<std::uint8_t> reply_code(std::string_view packet, std::uint16_t id);

}  // namespace postern::dns
