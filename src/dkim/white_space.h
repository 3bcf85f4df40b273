// Where relaxed canonicalisation changes a text, found 16 octets at a time: most mail has nothing to change for long
// stretches, and those are hashed as they stand. Private to the module. Thread rule: pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace postern::dkim {

[[nodiscard]] constexpr bool is_wsp(char c) { return c == ' ' || c == '\t'; }

// The first octet at or after `from` that is white space and not one SP between two other octets: a tab, a space in
// front of white space or a CR, or one that ends the text; or a space that may stay, in front of another control
// character. The size of the text where there is none.
[[nodiscard]] std::size_t next_changed(std::string_view text, std::size_t from);

}  // namespace postern::dkim
