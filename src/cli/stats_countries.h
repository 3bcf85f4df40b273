// `postern stats --countries`, chosen by run_stats().
#pragma once

#include "cli/record_source.h"

namespace postern::cli {

[[nodiscard]] int run_countries(const RecordSource& source, bool json);

}  // namespace postern::cli
