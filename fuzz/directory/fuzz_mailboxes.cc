// Any octets as a mailboxes_file: what is taken is a bounded local part, what is not is reported with its line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "directory/mailbox_file.h"
#include "directory/mailbox_set.h"
#include "smtp/address.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  directory::MailboxSet set;
  std::vector<Error> problems;
  directory::parse_mailboxes(
      text, "boxes",
      [&](std::string_view local) {
        POSTERN_CHECK(!local.empty() && local.size() <= smtp::kLocalPartMax);
        set.insert(local);
        POSTERN_CHECK(set.contains(local));
      },
      problems);
  POSTERN_CHECK(set.size() > 0 || !problems.empty());
  POSTERN_CHECK(problems.size() <= directory::kProblemsMax + 1);
  for (const Error& problem : problems) {
    POSTERN_CHECK(problem.what.starts_with("boxes:"));
    POSTERN_CHECK(problem.what.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  return 0;
}
