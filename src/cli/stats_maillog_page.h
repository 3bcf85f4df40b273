// The page of `postern stats --maillog`: tables on standard output, as wide as the terminal is. Thread rule: one
// thread.
#pragma once

#include <string>
#include <vector>

#include "insight/log_import.h"
#include "maillog/tally.h"

namespace postern::cli {

struct MaillogPage {
  bool all = false;      // every table and row, not one screen
  bool unknown = false;  // show what was not understood
};

// The classic questions on one screen: how much is encrypted, with what, over which family, day by day. At its end what
// could not be read.
void print_tally(const maillog::Tally& tally, const std::vector<insight::UnreadLog>& unread, const MaillogPage& page);

}  // namespace postern::cli
