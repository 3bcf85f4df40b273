// security.txt of strangers: bounded; and what is fine has a contact and an end.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "check/security_txt.h"

using namespace postern;
using namespace postern::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const SecurityTxt found = parse_security_txt(text);
  POSTERN_CHECK(found.contacts.size() <= kSecurityContactsMax);
  POSTERN_CHECK(found.problems.size() <= kSecurityContactsMax + 4);
  if (found.problems.empty()) POSTERN_CHECK(!found.contacts.empty() && found.expires.has_value());
  static_cast<void>(parse_rfc3339(text));
  return 0;
}
