#include <cstdint>
#include <cstdlib>

#include "message/parts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::message;
  const auto parts = leaf_parts(std::string_view(reinterpret_cast<const char*>(data), size), 65536);
  std::size_t octets = 0;
  for (const Part& part : parts) octets += part.body.size();
  if (parts.size() > kPartsMax || octets > 65536) std::abort();
  return 0;
}
