// Names from text: what is accepted prints as what parses to itself, within DNS's lengths, and its parts fit together.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "dns/name.h"

using namespace postern;
using dns::Name;

namespace {

void check(const Name& name) {
  POSTERN_CHECK(name.text().size() <= dns::kNameMax && !name.text().ends_with('.'));
  POSTERN_CHECK(Name::parse(name.text()) == name && Name::parse(name.text() + ".") == name);
  const std::size_t labels = name.labels();
  POSTERN_CHECK(name.suffix(labels) == name && name.suffix(labels + 1) == name);
  for (std::size_t i = 0; i <= labels; ++i) {
    const Name suffix = name.suffix(i);
    POSTERN_CHECK(suffix.labels() == i && name.is_within(suffix) && (i == labels || !suffix.is_within(name)));
  }
  if (const auto below = name.below("_x")) POSTERN_CHECK(below->is_within(name) && below->suffix(labels) == name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto plain = Name::parse(text);
  if (plain) check(*plain);
  const auto unicode = Name::from_unicode(text);
  if (unicode) {
    check(*unicode);
    POSTERN_CHECK(is_ascii(unicode->text()));
  }
  if (is_ascii(text)) POSTERN_CHECK(plain == unicode);
  return 0;
}
