// Authors: the domains of the From field, as DMARC needs them (RFC 5322 3.6.2, 3.4, obsolete forms of 4.4 too; RFC 6854
// groups; RFC 6532 UTF-8). A bounded parser of address lists: quoted strings, nested comments, routes, groups, domain
// literals, encoded words as plain atoms. Thread rule: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::message {

struct Address {
  std::string local;   // unquoted; octets as written
  std::string domain;  // as written, comments and white space taken out; "[...]" for a literal
};

inline constexpr std::size_t kAddressesMax = 1000;
inline constexpr int kCommentDepthMax = 50;

// The addresses of an address-list field body (folded or not). An error where the body is no address list: what was
// read up to there is not returned, so that two readers cannot disagree about half of it.
[[nodiscard]] Result<std::vector<Address>> parse_addresses(std::string_view body);

}  // namespace postern::message
