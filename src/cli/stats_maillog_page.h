// The page of `postern stats --maillog`: tables as wide as the terminal is. Pure. Thread rule: any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "insight/log_import.h"
#include "maillog/tally.h"

namespace postern::cli {

struct MaillogPage {
  bool all = false;      // every table and row, not one screen
  bool unknown = false;  // show what was not understood
  bool colour = false;
  bool utf8 = false;                      // bars are of blocks, not of "#"
  std::optional<std::size_t> width = {};  // of the terminal (cli/table.h); without it nothing is cut to a width
};

// The classic questions on one screen: how much is encrypted, with what, over which family, day by day. At its end what
// could not be read.
[[nodiscard]] std::string tally_text(const maillog::Tally& tally, const std::vector<insight::UnreadLog>& unread,
                                     const MaillogPage& page);

// Whether the locale says that the terminal shows UTF-8.
[[nodiscard]] bool is_utf8_locale();

}  // namespace postern::cli
