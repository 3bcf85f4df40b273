// The words that say why: of refusals (docs/refusals.md), of transactions and of sessions (docs/records.md), as one
// fixed list, so that metrics can have them as a label. A word that is not in it counts as "other"; a test in
// tests/unit/inbound finds those that were forgotten. Thread rule: constants.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace postern::record {

// Sorted, but for "none" at the beginning and "other" at the end.
[[nodiscard]] std::span<const std::string_view> reason_words();
// Its place among them: that of "none" of an empty word, that of "other" of an unknown one.
[[nodiscard]] std::size_t reason_number(std::string_view word);

}  // namespace postern::record
