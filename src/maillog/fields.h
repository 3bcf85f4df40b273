// Every part of a line under its name, for `postern stats --maillog --lines`. Names are those of postfix-grok-patterns
// without their prefix ("client_ip" for postfix_client_ip), so that who has an ELK dashboard finds them again;
// docs/statistics-of-logs.md lists them. Thread rule: pure functions; views into the line.
#pragma once

#include <string_view>
#include <vector>

#include "maillog/event.h"

namespace postern::maillog {

struct Field {
  std::string_view name, value;
};

// "connect", "tls", "reject", ...: what an operator would call it.
[[nodiscard]] std::string_view event_name(const Event& event);
// Appends. Fields without a value are left out, but those whose emptiness says something (message-id).
void append_fields(const Event& event, std::vector<Field>& out);

}  // namespace postern::maillog
