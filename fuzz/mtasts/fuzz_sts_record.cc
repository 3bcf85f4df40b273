#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "mtasts/mtasts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto id = postern::mtasts::parse_record(text);
  if (!id) return 0;
  const bool fine = !id->empty() && id->size() <= 32 && text.starts_with("v=STSv1") &&
                    std::ranges::all_of(*id, [](char c) { return postern::is_alpha(c) || postern::is_digit(c); });
  if (!fine || postern::mtasts::parse_record(postern::mtasts::record_text(*id)).value_or("") != *id) std::abort();
  return 0;
}
