// Arbitrary octets as an envelope: decoding never crashes, and what it accepts is encoded to something that decodes to
// the same value again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "spool/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const auto envelope = postern::spool::decode_envelope(octets);
  if (!envelope) return 0;
  std::string again;
  postern::spool::encode(*envelope, again);
  const auto second = postern::spool::decode_envelope(again);
  if (!second || !(*second == *envelope)) std::abort();
  return 0;
}
