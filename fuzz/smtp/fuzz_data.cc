// DATA: whatever the octets and however they are split, the receiver says what the naive decoder says.
#include <cstdint>
#include <string>

#include "../../tests/unit/smtp/naive_data.h"
#include "base/result.h"
#include "smtp/receivers.h"

using postern::smtp::BodyStep;
using postern::smtp::DataReceiver;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view all(reinterpret_cast<const char*>(data), size);
  if (all.size() < 2) return 0;
  const auto seed = static_cast<unsigned char>(all[0]);
  const std::size_t line_max = 1U + static_cast<unsigned char>(all[1]);
  all.remove_prefix(2);
  const auto expected = postern::smtp::test::naive_data(all, line_max);
  DataReceiver receiver(line_max);
  postern::smtp::test::Decoded out;
  std::uint32_t state = seed + 1U;
  std::string_view rest = all;
  while (!rest.empty() && !out.ended) {
    state = state * 1664525U + 1013904223U;
    std::string_view part = rest.substr(0, 1 + (state >> 16U) % (1U + seed));
    rest.remove_prefix(part.size());
    while (!part.empty() && !out.ended) {
      const BodyStep step = receiver.step(part);
      POSTERN_CHECK(step.consumed <= part.size());
      POSTERN_CHECK(step.consumed > 0 || !step.bytes.empty());
      out.text += step.bytes;
      out.consumed += step.consumed;
      out.ended = step.end;
      part.remove_prefix(step.consumed);
    }
  }
  out.fault = receiver.fault();
  POSTERN_CHECK(out == expected);
  return 0;
}
