#include <cstdint>
#include <cstdlib>

#include "dmarcrpt/report.h"
#include "dmarcrpt/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::dmarcrpt;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  XmlReader reader(text);
  std::size_t starts = 0;
  std::size_t ends = 0;
  for (;;) {
    const auto event = reader.next();
    if (!event) break;
    if (*event == XmlReader::Event::finished) {
      if (starts != ends || starts == 0 || reader.depth() != 0) std::abort();
      break;
    }
    ++(*event == XmlReader::Event::start ? starts : ends);
    if (reader.depth() > XmlReader::kDepthMax || reader.text().size() > XmlReader::kTextMax) std::abort();
  }
  const auto report = parse_report(text);
  if (report && report->rows.size() > kRowsMax) std::abort();
  return 0;
}
