// What is taken is within its limits, and survives being written and read again.
#include <cstdint>
#include <cstdlib>

#include "mtasts/mtasts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::mtasts;
  const auto policy = parse_policy(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!policy) return 0;
  const bool fine = policy->mx.size() <= kHostsMax && policy->max_age >= 0 && policy->max_age <= kMaxAgeMax &&
                    (policy->mode == Mode::none || !policy->mx.empty());
  const auto again = parse_policy(policy_text(*policy));
  if (!fine || !again || *again != *policy) std::abort();
  for (const std::string& pattern : policy->mx) {
    const auto name = postern::dns::Name::parse(pattern.starts_with("*.") ? "x" + pattern.substr(1) : pattern);
    if (name && !allows(*policy, *name)) std::abort();
  }
  return 0;
}
