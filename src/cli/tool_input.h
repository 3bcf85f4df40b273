// ToolInput: what a tool that looks at one message needs: the message, and where to ask DNS.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "cli/auth_options.h"
#include "cli/message_input.h"
#include "cli/tool_resolver.h"

namespace postern::cli {

struct ToolInput {
  std::unique_ptr<ToolResolver> tool;  // owns the resolver
  dns::Resolver* resolver = nullptr;
  MessageInput message;
};

// Or the exit code, after the complaint.
[[nodiscard]] std::expected<ToolInput, int> open_tool_input(const AuthCommon& common, const std::string& file);

}  // namespace postern::cli
