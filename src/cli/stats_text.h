// What `postern stats` prints for people: tables with shares and bars, each under a heading that says of what the
// shares are. Pure. Thread rule: any.
#pragma once

#include <optional>
#include <string>

#include "insight/traffic.h"

namespace postern::cli {

// Tables and text fit into `width` columns as far as that goes (cli/table.h); without it nothing is cut.
[[nodiscard]] std::string stats_text(const insight::TrafficReport& report, bool colour,
                                     std::optional<std::size_t> width = {});

}  // namespace postern::cli
