#include "cli/tool_input.h"

#include <utility>

#include "cli/batch.h"
#include "cli/commands.h"

namespace postern::cli {

std::expected<ToolInput, int> open_tool_input(const AuthCommon& common, const std::string& file) {
  auto tool = ToolResolver::open(common);
  if (!tool) return std::unexpected(complain(tool.error().what, kUsage));
  auto octets = read_whole(file, kMessageMax);
  if (!octets) return std::unexpected(complain(octets.error().what, kUsage));
  const auto resolver = (*tool)->get();
  if (!resolver) return std::unexpected(complain(resolver.error().what, kNegative));
  return ToolInput{.tool = std::move(*tool), .resolver = *resolver, .message = message_input(std::move(*octets))};
}

}  // namespace postern::cli
