// Reverse-paths as the greylist's keys have them: normalising is done once, never longer than its input, without digits
// and tags, and the same for the same path in another case.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "signals/identity.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = smtp::parse_path(text, true, true);
  if (!parsed) return 0;
  const smtp::Path& path = parsed->path;
  const std::string once = signals::normalised_sender(path);
  POSTERN_CHECK(path.null == once.empty());
  if (path.null) return 0;
  const std::string domain = path.mailbox.domain.text();
  POSTERN_CHECK(once.ends_with("@" + lower(domain)));
  const std::string local = once.substr(0, once.size() - domain.size() - 1);
  POSTERN_CHECK(local.size() <= path.mailbox.local.size());
  POSTERN_CHECK(local.find_first_of("0123456789+=") == std::string::npos);

  smtp::Path again = path;
  again.mailbox.local = local;
  POSTERN_CHECK(signals::normalised_sender(again) == once);
  again.mailbox.local = upper(path.mailbox.local);
  POSTERN_CHECK(signals::normalised_sender(again) == once);
  POSTERN_CHECK(signals::weak_key_text(path, "A@example.org") == signals::weak_key_text(again, "a@EXAMPLE.org"));
  return 0;
}
