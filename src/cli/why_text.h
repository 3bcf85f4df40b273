// What `postern why` prints: a session and its decisions, in words. Whatever a stranger said is printed without control
// characters. Thread rule: pure.
#pragma once

#include <string>

#include "insight/why.h"

namespace postern::cli {

[[nodiscard]] std::string why_text(const insight::Why& why, bool colour);

}  // namespace postern::cli
