// The file of measured counts: what `postern signals --write FILE` writes and [policy] evidence = FILE reads. JSON,
// schema "postern.counts/1" (docs/insight.md):
//   {"schema":"postern.counts/1","time":"2026-11-21T06:43:08.123Z","spam":812.5,"ham":400,
//    "rows":[["rdns","generic",600,40],...],"cells":[["os=windows rdns=generic country=abroad
//    known=stranger",412,0],...]}
// Counts are events that have decayed, so they may be fractions. The row "unknown" of a signal holds the events in
// which it was not known. Thread rule: pure, but for read_counts(), which blocks on the file.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "policy/options.h"

namespace postern::policy {

inline constexpr std::size_t kCountsFileMax = 4 << 20;  // octets
inline constexpr std::size_t kCountsMax = 10'000;       // rows, and as many cells

[[nodiscard]] std::string counts_text(const Counts& counts, WallMs now);
// Rows of signals and values that this version does not know are kept: the score skips them. Error: what is wrong.
[[nodiscard]] Result<Counts> parse_counts(std::string_view text);
// Errors name the file.
[[nodiscard]] Result<Counts> read_counts(const std::string& file);

}  // namespace postern::policy
