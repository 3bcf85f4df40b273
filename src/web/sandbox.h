// The sandbox of the process that serves the pages: from then on it reads the files it was given and nothing else,
// makes and changes none, and cannot gain rights. Landlock where the kernel has it: files from Linux 5.13 on,
// truncating them from 6.2, listening on further TCP ports from 6.7, signals and abstract sockets of other processes
// from 6.12. Connections are not its matter: the checks make some anywhere. Thread rule: once, before the process has
// other threads; those made later inherit it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace postern::web {

[[nodiscard]] int landlock_version();  // of the kernel; 0: none

enum class Sandboxed : std::uint8_t { yes, no_kernel };
// Files and folders that may be read, with all below them; those that are not there are passed over. An error where the
// kernel has Landlock and refuses.
[[nodiscard]] Result<Sandboxed> enter_sandbox(const std::vector<std::string>& readable);

}  // namespace postern::web
