// Addresses behind a translator: an IPv4 client that reaches an IPv6-only server through NAT64 or SIIT comes from
// 64:ff9b::/96 (RFC 6052 2.1), where all of IPv4 is one /64. Whoever counts by prefix counts the address inside.
// A translator with a prefix of its own (RFC 6052 2.2) is not seen: nothing in the address tells it. Thread rule: pure.
#pragma once

#include "ip/address.h"

namespace postern::ip {

// The global IPv4 address inside; any other address as it is.
[[nodiscard]] Address untranslated(const Address& address);

}  // namespace postern::ip
