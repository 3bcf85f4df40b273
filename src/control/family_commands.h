// What is remembered of the address families of other servers, through the control socket:
//   families_list {max?} -> {destinations: [{destination, ipv6: {success, connect_ms?, refused_at?}, ipv4}]}: those
//   used last, at most 1000.
#pragma once

#include <functional>
#include <string>

#include "control/control.h"

namespace postern::control {

// `lines`: JSON lines, the oldest first (outbound::FamilyMemory::save()); called on the control socket's loop.
void add_family_commands(Server& server, std::function<std::string()> lines);

}  // namespace postern::control
