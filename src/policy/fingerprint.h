// The fingerprint of a policy: a hash over all that decides, so that a record says which policy judged, and replay
// knows whether it has the same one. Thread rule: pure.
#pragma once

#include <string>
#include <vector>

#include "policy/options.h"
#include "policy/presets.h"

namespace postern::policy {

// Counted up whenever the same options begin to judge otherwise. Rules of presets are hashed as they are, and need
// none.
inline constexpr int kJudgingVersion = 2;

// 16 hex digits. `decided` holds everybody's choices, then those of each override.
[[nodiscard]] std::string fingerprint_of(const Options& options, const std::vector<Decided>& decided);

}  // namespace postern::policy
