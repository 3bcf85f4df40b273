// What each command answers to a batch line. Each value has caches of its own (parsed keys) and is used on one thread.
#pragma once

#include "cli/batch.h"

namespace postern::cli {

[[nodiscard]] BatchAnswer spf_batch();
[[nodiscard]] BatchAnswer dkim_verify_batch();
[[nodiscard]] BatchAnswer dkim_sign_batch();
[[nodiscard]] BatchAnswer dmarc_batch();
[[nodiscard]] BatchAnswer arc_verify_batch();
[[nodiscard]] BatchAnswer arc_seal_batch();
[[nodiscard]] BatchAnswer auth_batch();

}  // namespace postern::cli
