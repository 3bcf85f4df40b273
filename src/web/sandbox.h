// The sandbox of the process that serves the pages: from then on it reads the files it was given and nothing else,
// makes and changes none, and cannot gain rights. Landlock (Linux 5.13) where the kernel has it; sockets are not its
// matter. Thread rule: once, before the process has other threads; those made later inherit it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace postern::web {

enum class Sandboxed : std::uint8_t { yes, no_kernel };
// Files and folders that may be read, with all below them; those that are not there are passed over. An error where the
// kernel has Landlock and refuses.
[[nodiscard]] Result<Sandboxed> enter_sandbox(const std::vector<std::string>& readable);

}  // namespace postern::web
