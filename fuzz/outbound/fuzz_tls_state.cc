// The files of what is remembered: any octets are taken, and what was taken is written and read back the same.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "outbound/sts_cache.h"
#include "outbound/tls_memory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  using namespace postern::outbound;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  TlsMemory memory({});
  (void)memory.load(text);
  TlsMemory again({});
  if (again.load(memory.text()) != 0 || again.text() != memory.text()) std::abort();
  (void)memory.broken_list(1'000'000);
  (void)memory.verified_list(1'000'000);
  for (const std::string_view line : split(text, '\n')) {
    const auto entry = parse_sts_entry(line);
    if (!entry) continue;
    const auto same = parse_sts_entry(to_line(*entry));
    if (!same || to_line(*same) != to_line(*entry) || entry->expires() < entry->fetched) std::abort();
  }
  return 0;
}
