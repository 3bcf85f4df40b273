// Authentication towards a next hop that the operator has a password for (RFC 4954): PLAIN (RFC 4616), or LOGIN where
// that is all there is. Under TLS only: the password is the operator's and is never sent in clear.
// Thread rule: the stream's loop.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "delivery/conversation.h"

namespace postern::outbound {

// The conversation is ready; afterwards it is again, also where the server refused. Errors: `refused` (in clear, no
// mechanism in common, or what the server said: last_reply()), or the connection broke.
[[nodiscard]] Task<Result<void>> authenticate(delivery::Conversation& conversation, std::string user,
                                              std::string password);

}  // namespace postern::outbound
