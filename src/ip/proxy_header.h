// The PROXY protocol header, versions 1 and 2 (haproxy's proxy-protocol.txt), as a bounded sans-IO parser.
// The caller reads it only from peers it was told to trust, before anything else on the connection, under a deadline.
// Not here: deciding who is trusted (inbound). Thread rule: pure function.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ip/address.h"

namespace postern::ip {

struct ProxyHeader {
  // Absent for v1 UNKNOWN, v2 LOCAL and v2 families other than TCP over IPv4 or IPv6: the socket's own addresses hold.
  std::optional<Endpoint> source;
  std::optional<Endpoint> destination;
};

inline constexpr std::size_t kProxyV1Max = 107;        // with CRLF
inline constexpr std::size_t kProxyV2Max = 16 + 2048;  // header plus addresses and TLVs that we are willing to skip

struct ProxyParse {
  enum class State : std::uint8_t { need_more, done, invalid } state = State::need_more;
  std::size_t consumed = 0;  // with done: octets of the header
  ProxyHeader header;        // with done
  std::string why;           // with invalid: for the log, printable
};
// `input` is everything received so far. TLVs are skipped, but a CRC32c TLV (type 0x03) that is there must match.
[[nodiscard]] ProxyParse parse_proxy_header(std::string_view input);

}  // namespace postern::ip
