// dkim-quoted-printable (RFC 6376 2.11, as widened by RFC 8616 5): what i= is written in. Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::dkim {

// White space is taken out, "=3B" becomes its octet. nullopt: an "=" without two hexadecimal digits.
[[nodiscard]] std::optional<std::string> decode_quoted_printable(std::string_view text);
// Everything that is not printable ASCII, and "=", ";", "|" and the space, becomes "=XX".
[[nodiscard]] std::string encode_quoted_printable(std::string_view text);

}  // namespace postern::dkim
