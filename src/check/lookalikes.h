// Names that look like a domain's, and whether somebody has them (checks.md 6.12-100): a bounded set of what is typed
// or read wrongly, most alike first. Thread rule: pure; check_lookalikes() is the loop's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check/context.h"

namespace postern::check {

inline constexpr std::size_t kLookalikesMax = 80;

// Of a registrable domain's first label and the suffix behind it ("example", "org"): whole names, without the domain
// itself, each once; U-labels as they are read.
[[nodiscard]] std::vector<std::string> lookalikes(std::string_view label, std::string_view suffix);

// name.lookalikes; not tested unless options.lookalikes.
[[nodiscard]] Task<void> check_lookalikes(Context& context);

}  // namespace postern::check
