// Country files in text: whichever of the two formats it is read as, what is read is a table whose steps are in order,
// and an error names a line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "geo/formats.h"

using namespace postern;
using namespace postern::geo;

namespace {

template <class Key>
void check_steps(const std::vector<Step<Key>>& steps) {
  POSTERN_CHECK(!steps.empty() && steps.front().start == Key{});
  for (std::size_t i = 1; i < steps.size(); ++i) {
    POSTERN_CHECK(steps[i - 1].start < steps[i].start && steps[i - 1].country != steps[i].country);
  }
}

void check(const Result<FileFacts>& facts, const Ranges& ranges) {
  if (!facts) {
    POSTERN_CHECK(!facts.error().what.empty() && is_digit(facts.error().what.front()));
    for (const char c : facts.error().what) POSTERN_CHECK(c >= ' ' && c <= '~');
    return;
  }
  POSTERN_CHECK(facts->ranges + facts->unplaced == ranges.v4.size() + ranges.v6.size());
  check_steps(flatten(ranges.v4));
  check_steps(flatten(ranges.v6));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(sniff(text));
  Ranges tor;
  check(read_tor(text, tor), tor);
  Ranges registry;
  check(read_registry(text, registry), registry);
  return 0;
}
