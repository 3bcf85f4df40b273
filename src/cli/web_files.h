// The files of the process that serves the pages (docs/web.md): what it may read once it is in its sandbox, and what of
// that is made beforehand. Thread rule: any thread; blocks on files.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace postern::cli {

// The files that the configuration names, never the folders they lie in, which may hold keys and the spool: a rule for
// a folder is one for all below it. What is replaced by rename(2) another process reads, which is started for that.
[[nodiscard]] std::vector<std::string> web_readable_files(const config::Config& config);

// What the mail server would make later: a rule of the sandbox is about what is there when it is entered. Made by root
// it is the mail server's all the same, which writes there as the owner of its folder.
void make_web_files(const config::Config& config);

}  // namespace postern::cli
