// What a stapled OCSP response says of a certificate (RFC 6960, RFC 6066 8): for who looks at a server from outside.
// Its signature is not verified: nothing is decided by it here. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace postern::crypto {

inline constexpr std::size_t kOcspMax = std::size_t{64} * 1024;  // octets of DER

struct OcspStatus {
  enum class Says : std::uint8_t { good, revoked, unknown };
  Says says = Says::unknown;
  WallMs this_update = 0, next_update = 0;  // next_update 0: newer information is always there (RFC 6960 4.2.2.1)
};

// Errors (invalid): no OCSP response, one that reports an error, or one about other certificates. The certificate, in
// DER, is recognised by its serial number.
[[nodiscard]] Result<OcspStatus> read_ocsp(std::string_view response, std::string_view certificate);

}  // namespace postern::crypto
