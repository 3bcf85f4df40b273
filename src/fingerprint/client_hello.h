// A TLS ClientHello, as a bounded parser, and its JA4 fingerprint. JA4 is FoxIO's (github.com/FoxIO-LLC/ja4, JA4 itself
// under BSD-3-Clause; its relatives have another licence and are not here): written from its description, it names the
// TLS library and its settings, and nothing of whoever uses them. A ClientHello is a claim, and can be imitated.
//
// Not here: TLS (io keeps the octets of a ClientHello for this). Thread rule: values, pure functions.
// RFC 8446 4.1.2, RFC 5246 7.4.1.2, RFC 8701 (GREASE), RFC 7301 (ALPN), RFC 6066 3 (SNI).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::fingerprint {

inline constexpr std::size_t kClientHelloMax = std::size_t{16} * 1024;  // octets; post-quantum key shares take two KiB

// Lists are in the client's order, without GREASE values.
struct ClientHello {
  std::uint16_t legacy_version = 0;
  std::vector<std::uint16_t> ciphers;
  std::vector<std::uint16_t> extensions;
  std::vector<std::uint16_t> versions;  // of supported_versions; empty where the extension is missing
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::string> alpn;
  bool has_server_name = false;
  std::string server_name;  // as it was sent

  // The highest version that is offered: 0x0304 for TLS 1.3.
  [[nodiscard]] std::uint16_t version() const;
};

// The handshake message, or the TLS records that it comes in, from the first one on; what follows is ignored. Errors
// say what is wrong; such a client has no fingerprint.
[[nodiscard]] Result<ClientHello> parse_client_hello(std::string_view bytes);

// "t13d1516h2_8daaf6152771_e5627efa2ab1", for TLS over TCP.
[[nodiscard]] std::string ja4(const ClientHello& hello);
// The same with the lists in the place of their hashes (JA4_r).
[[nodiscard]] std::string ja4_raw(const ClientHello& hello);
// "TLSv1.3", as OpenSSL names versions; "0x7f1c" for one that is none.
[[nodiscard]] std::string version_name(std::uint16_t version);

}  // namespace postern::fingerprint
