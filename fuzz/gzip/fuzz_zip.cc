#include <cstdint>
#include <cstdlib>

#include "gzip/gzip.h"
#include "gzip/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::gzip;
  constexpr std::size_t kMax = 100000;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  for (const auto& out : {expand_zip(octets, kMax), expand(octets, kMax)}) {
    if (out && out->size() > kMax) std::abort();
  }
  return 0;
}
