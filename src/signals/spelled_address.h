// Does a text spell an address, in any of the ways in which providers make names of addresses? Computed from the
// address, so that no list of providers and their templates is needed and IPv6 is as visible as IPv4. Every form that
// is recognised carries enough of the address that a random text has it by chance less than once in ten thousand.
// Not here: words such as "dynamic", and what it means (generic_name.h). Thread rule: pure; no allocation; the time is
// bounded by kSpelledMax squared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ip/address.h"

namespace postern::signals {

inline constexpr std::size_t kSpelledMax = 255;  // octets that are read; a domain name has 253

enum class Spelled : std::uint8_t {
  nothing,
  two_octets,  // of an IPv4 address, next to each other, either way round: also found in names that were given by hand
  ipv4,        // three octets or all four, 8 hexadecimal digits, or the address as one number
  ipv6,        // 12 nibbles, three hextets, or the interface identifier
  mac,         // the hardware address that an interface identifier was made of (RFC 4291 appendix A)
};

// `text` in lower case. Of an IPv6 client also the IPv4 address that its own may have inside (6to4, the last 32 bits,
// and the custom to write 192.0.2.1 as :192:0:2:1).
[[nodiscard]] Spelled spelled_address(std::string_view text, const ip::Address& address);

}  // namespace postern::signals
