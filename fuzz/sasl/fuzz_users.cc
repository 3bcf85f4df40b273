// Any octets as the file of users: what is taken reads back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sasl/users.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sasl::ParsedUsers parsed = sasl::parse_users(text);
  POSTERN_CHECK(parsed.problems.size() <= sasl::kUserProblemsMax + 1);
  for (const auto& problem : parsed.problems)
    POSTERN_CHECK(problem.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  const sasl::ParsedUsers again = sasl::parse_users(parsed.users.text());
  POSTERN_CHECK(again.problems.empty() && again.users.all() == parsed.users.all());
  if (const auto name = sasl::canonical_user(text)) POSTERN_CHECK(sasl::canonical_user(*name) == *name);
  return 0;
}
