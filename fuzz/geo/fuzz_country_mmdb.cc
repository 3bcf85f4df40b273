// MaxMind DB files: a damaged one is an error, and the walk through its tree ends.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "geo/country.h"
#include "geo/formats.h"

using namespace postern;
using namespace postern::geo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The library opens a path: a file in memory has one.
  static const UniqueFd file(::memfd_create("mmdb", MFD_CLOEXEC));
  POSTERN_CHECK(file.valid() && ::ftruncate(file.get(), 0) == 0);
  POSTERN_CHECK(::pwrite(file.get(), data, size, 0) == static_cast<ssize_t>(size));
  Ranges ranges;
  const auto facts = read_mmdb("/proc/self/fd/" + std::to_string(file.get()), ranges);
  if (!facts) {
    POSTERN_CHECK(!facts.error().what.empty());
    return 0;
  }
  for (const auto& range : ranges.v4) POSTERN_CHECK(range.first <= range.last && range.country <= CountryNumbers::kMax);
  for (const auto& range : ranges.v6) POSTERN_CHECK(range.first <= range.last && range.country <= CountryNumbers::kMax);
  POSTERN_CHECK(flatten(std::move(ranges.v4)).front().start == 0);
  POSTERN_CHECK(flatten(std::move(ranges.v6)).front().start == Wide{});
  return 0;
}
