// ToolResolver: where a tool asks DNS: a zone file, the resolver of --dns, or the system's, and what runs a tool's
// coroutine to its end over any of them. The real resolver is opened when it is first needed. Thread rule: the thread
// that made it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "cli/auth_options.h"
#include "dns/fixture.h"
#include "dns/resolver.h"
#include "io/loop.h"

namespace postern::cli {

inline constexpr seconds kToolDeadline{30};  // of all the look-ups of one evaluation

class ToolResolver {
 public:
  // Errors: --zone and --dns together, a file that is no zone, an address that is none.
  [[nodiscard]] static Result<std::unique_ptr<ToolResolver>> open(const AuthCommon& common);
  explicit ToolResolver(dns::Zone zone);
  ~ToolResolver();
  ToolResolver(const ToolResolver&) = delete;
  ToolResolver& operator=(const ToolResolver&) = delete;

  // Errors: libunbound does not start.
  [[nodiscard]] Result<dns::Resolver*> get();
  // Runs the task to its end, on an event loop where the resolver has one.
  void run(Task<void> task);

 private:
  ToolResolver();
  struct Real;
  std::optional<ip::Endpoint> server_;
  std::optional<dns::FixtureResolver> fixture_;
  std::unique_ptr<Real> real_;
};

// {"name": {"TYPE": [values]}} or an object with that under "zone", as a batch line has it.
[[nodiscard]] Result<dns::Zone> read_zone_file(const std::string& path);

// The whole of a file, or of standard input for "-", up to `max` octets. Errors name the file.
[[nodiscard]] Result<std::string> read_whole(const std::string& path, std::size_t max);

}  // namespace postern::cli
