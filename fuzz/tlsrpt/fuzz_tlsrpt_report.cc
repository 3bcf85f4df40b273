// A report is within its limits, and what is written of it is read back the same. The state of a collector likewise.
#include <cstdint>
#include <cstdlib>

#include "tlsrpt/collector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::tlsrpt;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto report = parse_report(text)) {
    if (report->policies.size() > kPoliciesMax) std::abort();
    const std::string json = to_json(*report);
    const auto again = parse_report(json);
    if (!again || to_json(*again) != json) std::abort();
  }
  Collector collector;
  (void)collector.load(text);
  Collector again;
  if (again.load(collector.text()) != 0 || again.text() != collector.text()) std::abort();
  return 0;
}
