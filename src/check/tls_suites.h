// The cipher suites of SSL 3.0 to TLS 1.2 that a server can have without keys shared beforehand: IANA's registry and
// the old ones that are no longer in it, by OpenSSL's names. Not here: PSK, SRP and Kerberos, which no stranger can
// use, GOST, which needs certificates of its own, and trials of a browser (CECPQ1). Thread rule: constant.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace postern::check::hand {

// What the server says of its key in a message of its own: RFC 5246 7.4.3, RFC 8422 5.4.
enum class Exchange : std::uint8_t {
  rsa,    // the client encrypts to the certificate's key
  fixed,  // the certificate has a key of Diffie and Hellman
  dhe,
  ecdhe,
};

struct Suite {
  std::uint16_t code = 0;
  std::string_view name;  // OpenSSL's
  Exchange exchange = Exchange::rsa;
  bool anonymous = false;
  bool export_grade = false;
  bool newest = false;  // TLS 1.2 alone has it: an AEAD, or a hash of SHA-2
};

[[nodiscard]] std::span<const Suite> suites();              // by code
[[nodiscard]] const Suite* find_suite(std::uint16_t code);  // null: none of them

}  // namespace postern::check::hand
