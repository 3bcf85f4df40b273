// Address lists as From carries them: RFC 5322 3.4 with the obsolete forms of 4.4 (routes, white space and comments
// anywhere, empty list members), RFC 6854 groups, RFC 6532 UTF-8. A bounded parser in linear time: nested comments,
// quoted strings, domain literals, encoded words as plain atoms.
//
// The grammar decides what an address is. Beyond it, only faults are taken that leave no reader in doubt about the
// domain (DMARC stands on it, RFC 9989 11.5); where two readers could find different domains the whole list is an
// error:
//   taken: ordinary phrases in the wrong place ("Doe, John <j@x>", "John j@x", "<j@x> John", brackets or a leading dot
//     in a name), an address as unquoted display name of an address in the same domain ("j@x <j@x>"), dots in odd
//     places of a local part, one dot at the end of a domain, names in any 8-bit charset;
//   refused: "a@b <c@d>", several "@", anything behind a bare address, unbalanced brackets, quotes or parentheses (a
//     missing ">" or ";"), ";" outside of a group, NUL and other control characters, CR and LF that fold nothing, empty
//     labels, encoded words or octets that are not UTF-8 inside of an address.
//
// Not here: which domain counts (dmarc::author_domain), the validity of a domain in DNS. Thread rule: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::message {

struct Address {
  std::string local;   // unquoted; octets as written
  std::string domain;  // as written, comments and white space taken out; "[...]" for a literal
  friend bool operator==(const Address&, const Address&) = default;
};

inline constexpr std::size_t kAddressesMax = 1000;
inline constexpr int kCommentDepthMax = 50;

// The addresses of an address-list field body (folded or not), those in groups too; none where the list has none
// ("undisclosed:;"). An error where the body is no address list: what was read up to there is not returned, so that two
// readers cannot disagree about half of it. Errors name the octet.
[[nodiscard]] Result<std::vector<Address>> parse_addresses(std::string_view body);

// <"local"@domain>, which parse_addresses reads back as this address.
[[nodiscard]] std::string to_string(const Address& address);

}  // namespace postern::message
