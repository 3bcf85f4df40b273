// security.txt (RFC 9116): whom to tell of a hole. A parser of what strangers serve. Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace postern::check {

inline constexpr std::size_t kSecurityTxtMax = std::size_t{32} * 1024;  // octets
inline constexpr std::size_t kSecurityContactsMax = 20;

struct SecurityTxt {
  std::vector<std::string> contacts;  // printable
  std::optional<WallMs> expires;
  bool is_signed = false;             // in an OpenPGP cleartext frame; the signature is not looked at
  std::vector<std::string> problems;  // what the RFC does not allow
};
[[nodiscard]] SecurityTxt parse_security_txt(std::string_view text);

// RFC 3339, as Expires has it: "2027-01-01T00:00:00Z", "2027-01-01t00:00:00.5+01:00".
[[nodiscard]] std::optional<WallMs> parse_rfc3339(std::string_view text);

}  // namespace postern::check
