// Any octets as a configuration file, and as one of which only the policy counts: never crashes, and either gives a
// Config or problems that have a place and one line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::parse(text, "/f.toml");
  POSTERN_CHECK((loaded.config == nullptr) == !loaded.problems.empty());
  POSTERN_CHECK(loaded.problems.size() <= config::kProblemsMax + 1);
  for (const config::Problem& problem : loaded.problems) {
    POSTERN_CHECK(!problem.what.empty());
    POSTERN_CHECK(problem.text().find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    // Only what is missing from the file as a whole has no line.
    POSTERN_CHECK(problem.line > 0 || problem.key == "listen" || problem.what.starts_with("and "));
  }
  if (loaded.config) {
    POSTERN_CHECK(loaded.config->data_dir.starts_with('/'));
    POSTERN_CHECK(!loaded.config->inbound.listeners.empty());
    POSTERN_CHECK(config::restart_needed(*loaded.config, *loaded.config).empty());
    POSTERN_CHECK(loaded.config->judge != nullptr);
    POSTERN_CHECK(loaded.config->lists.size() == loaded.config->policy.lists.size());
  }
  const config::LoadedPolicy part = config::parse_policy(text, "/f.toml");
  POSTERN_CHECK(part.policy.has_value() == part.problems.empty() && (part.judge != nullptr) == part.problems.empty());
  if (loaded.config) POSTERN_CHECK(part.judge && part.judge->fingerprint() == loaded.config->judge->fingerprint());
  return 0;
}
