// `postern stats --countries`, chosen by run_stats(). What began at `until` or later is passed over.
#pragma once

#include "cli/record_source.h"

namespace postern::cli {

[[nodiscard]] int run_countries(const RecordSource& source, std::optional<WallMs> until, bool json);

}  // namespace postern::cli
