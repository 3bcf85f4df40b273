// Runtime: what the configuration became: settings and, per listener, the options its automatons share. Immutable; a
// reload makes another.
#pragma once

#include <memory>
#include <vector>

#include "inbound/options.h"
#include "smtp/server_machine.h"

namespace postern::inbound {

struct Runtime {
  Settings settings;
  std::vector<smtp::ServerOptions> machine_options;  // one per settings.listeners entry
  std::string auth_without_binding;                  // what connections offer that have no channel binding
};
[[nodiscard]] std::shared_ptr<const Runtime> make_runtime(Settings settings);

}  // namespace postern::inbound
