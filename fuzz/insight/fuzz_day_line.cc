// Lines of aggregates and of marks, of any octets: what is read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "insight/aggregates.h"
#include "insight/marks.h"
#include "record/session_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  insight::Marks marks;
  if (marks.add_line(line)) POSTERN_CHECK(marks.size() == 1);
  evidence::ListNames names;
  const auto day = insight::parse_day(line, names);
  POSTERN_CHECK(names.size() <= evidence::kListsMax);
  if (!day) return 0;
  const std::string written = insight::day_line(*day, names);
  const auto again = insight::parse_day(written, names);
  POSTERN_CHECK(again && insight::day_line(*again, names) == written);
  return 0;
}
