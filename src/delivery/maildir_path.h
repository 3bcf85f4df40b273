// Maildir names: how an address becomes a path below the operator's folder, and nothing outside of it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/address.h"

namespace postern::delivery {

inline constexpr std::size_t kNameMax = 255;  // octets of one path component (NAME_MAX of every file system in use)

// One address part as a file name. '/', NUL, control characters, DEL, '%' and a leading dot become %XX, so that two
// different values never share a folder. nullopt where it is empty or too long.
[[nodiscard]] std::optional<std::string> safe_name(std::string_view value);

struct MaildirPath {
  std::string fixed;               // the operator's own part, taken as it is (symbolic links followed); "." when empty
  std::vector<std::string> steps;  // below it, one component each, none of them ".", ".." or with a '/'
};

// Fills {user} and {domain}. `base` is put in front of a relative template.
[[nodiscard]] Result<MaildirPath> maildir_path(std::string_view base, std::string_view path_template,
                                               const smtp::Mailbox& mailbox);

}  // namespace postern::delivery
