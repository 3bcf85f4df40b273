// A file of counts of any octets: read within the limits, and what is read is written and read again as the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "policy/counts_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const auto counts = policy::parse_counts({reinterpret_cast<const char*>(data), size});
  if (!counts) return 0;
  POSTERN_CHECK(counts->rows.size() <= policy::kCountsMax && counts->cells.size() <= policy::kCountsMax);
  const std::string text = policy::counts_text(*counts, 0);
  const auto again = policy::parse_counts(text);
  POSTERN_CHECK(again && again->rows.size() == counts->rows.size() && policy::counts_text(*again, 0) == text);
  return 0;
}
