// The file of what is remembered of families, as anybody may have left it: whatever it holds, memory keeps its bound,
// what is asked of it has an answer, and what it writes it reads back.
#include <cstdint>
#include <string_view>

#include "outbound/family_memory.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr WallMs kNow = 1'790'000'000'000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  outbound::FamilyMemory memory;
  memory.load(text, kNow);
  POSTERN_CHECK(memory.size() <= outbound::kMemoryMax);
  for (const char* name : {"a.example", "b.example"}) {
    static_cast<void>(memory.order(name, kNow));
    for (const ip::Family family : {ip::Family::v4, ip::Family::v6}) {
      const auto time = memory.connect_time(name, family);
      POSTERN_CHECK(!time || (time->count() >= 0 && time->count() <= 600'000));
      if (memory.refused(name, family, kNow)) {
        POSTERN_CHECK(memory.order(name, kNow).apart || memory.refused(name, ip::Family::v6, kNow));
      }
    }
  }
  const std::string written = memory.save();
  outbound::FamilyMemory again;
  again.load(written, kNow);
  POSTERN_CHECK(again.size() == memory.size());
  return 0;
}
