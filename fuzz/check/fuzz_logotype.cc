// The logotype extension of a certificate, and the file that should be a logo: bounded, whatever they are.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "check/mark.h"

using namespace postern;
using namespace postern::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto logo = embedded_logo(text)) POSTERN_CHECK(logo->size() <= 2 * kMarkMax);
  POSTERN_CHECK(svg_flaws(text).size() <= 4);
  return 0;
}
