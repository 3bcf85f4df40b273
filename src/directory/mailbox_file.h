// The mailboxes_file of a domain: one local part a line, empty lines, and comments that begin with '#' at the start of
// a line or after white space ('#' inside a local part belongs to it). A local part that needs quoting is written in
// quotes. Every bad line is reported, as FILE:LINE; a file without a single mailbox is an error, because a file caught
// half written would otherwise refuse all mail of its domain.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::directory {

inline constexpr std::size_t kMailboxFileMax = 64 << 20;  // octets; a million mailboxes need about 20 MiB
inline constexpr std::size_t kProblemsMax = 20;           // reported per file or domain; then "and more"

// The decoded local part of what an operator wrote as a mailbox or alias name, or what is wrong with it.
[[nodiscard]] Result<std::string> parse_local_part(std::string_view text);

// Calls `mailbox` for each local part (decoded, case as written); appends what is wrong to `problems`.
void parse_mailboxes(std::string_view text, const std::string& file,
                     const std::function<void(std::string_view local)>& mailbox, std::vector<Error>& problems);

// Reads the file and parses it.
void read_mailboxes(const std::string& file, const std::function<void(std::string_view local)>& mailbox,
                    std::vector<Error>& problems);

}  // namespace postern::directory
