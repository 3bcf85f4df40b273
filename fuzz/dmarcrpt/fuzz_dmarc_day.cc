#include <cstdint>
#include <cstdlib>

#include "dmarcrpt/day.h"
#include "dmarcrpt/writer.h"

// Session records as they stand in a file: whatever is in them, the report of each domain is one that we read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::dmarcrpt;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Day day(20000);
  while (!text.empty()) {
    const auto end = text.find('\n');
    day.take(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  for (const std::string& domain : day.domains()) {
    Report report = day.report(domain);
    report.organization = "fuzz";
    const Written written = to_xml(report, 100000);
    const auto back = parse_report(written.xml);
    if (!back || !back->remarks.empty() || back->domain != domain || back->rows.size() != written.rows) std::abort();
  }
  return 0;
}
