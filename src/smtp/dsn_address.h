// The addresses and identifiers of delivery notifications as ESMTP parameters and report fields carry them: xtext (RFC
// 3461 4), and the address type utf-8 (RFC 6533 3). Inside of Postern an original recipient is one string, the type and
// the decoded address: "rfc822;bob@example.org", "utf-8;jürgen@bücher.example". Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtp {

inline constexpr std::size_t kEnvidMax = 100;  // RFC 3461 4.4: octets of the parameter's value
inline constexpr std::size_t kOrcptMax = 500;  // RFC 3461 4.2

// RFC 3461 4: "+XX" for what is not printable, '+' and '='.
[[nodiscard]] std::string to_xtext(std::string_view text);
[[nodiscard]] std::optional<std::string> from_xtext(std::string_view text);

// RFC 6533 3: "\x{FC}" for what may not stand there as it is. `ascii`: for everything beyond ASCII as well.
[[nodiscard]] std::string to_unitext(std::string_view text, bool ascii);
[[nodiscard]] std::optional<std::string> from_unitext(std::string_view text);

// The values of ENVID= and ORCPT=, decoded. nullopt: malformed, too long, or with an octet that no header field may
// hold (RFC 3461 4.2, 4.4: printable ASCII only; RFC 6533 3: UTF-8 without control characters).
[[nodiscard]] std::optional<std::string> parse_envid(std::string_view value);
[[nodiscard]] std::optional<std::string> parse_orcpt(std::string_view value, bool utf8);

// The way back, for a next hop: `utf8` where the message goes there with SMTPUTF8.
[[nodiscard]] std::string orcpt_value(std::string_view original, bool utf8);
// The same for a field of a report: the address as it is, but in a report that must be ASCII (RFC 6533 3).
[[nodiscard]] std::string report_address(std::string_view original, bool utf8);

}  // namespace postern::smtp
