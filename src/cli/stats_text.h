// What `postern stats` prints for people: tables with shares and bars, each under a heading that says of what the
// shares are. Pure. Thread rule: any.
#pragma once

#include <string>

#include "insight/traffic.h"

namespace postern::cli {

// "41.6 %"; "-" of nothing
[[nodiscard]] std::string percent(double share);
[[nodiscard]] std::string share_of(std::uint64_t part, std::uint64_t whole);
// `#` by share, of `width` at 1; one at least for what is not nothing.
[[nodiscard]] std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t width = 20);
// Tables fit into `width` columns as far as that goes: bars give way first, then the ends of names.
[[nodiscard]] std::string stats_text(const insight::TrafficReport& report, bool colour, std::size_t width = 80);

}  // namespace postern::cli
