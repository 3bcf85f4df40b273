// Authentication towards a next hop that the operator has a password for (RFC 4954): the best mechanism that it offers
// of SCRAM-SHA-256 (which never shows the password, and proves that the server knows it), PLAIN and LOGIN. Under TLS
// only. Thread rule: the stream's loop.
#pragma once

#include <string>

#include "base/result.h"
#include "base/task.h"
#include "delivery/conversation.h"
#include "io/loop.h"

namespace postern::outbound {

// The conversation is ready; afterwards it is again, also where the server refused. SCRAM's arithmetic runs on `pool`.
// Errors: `refused` (in clear, no mechanism in common, or what the server said: last_reply()), or the connection broke.
[[nodiscard]] Task<Result<void>> authenticate(delivery::Conversation& conversation, io::BlockingPool& pool,
                                              std::string user, std::string password);

}  // namespace postern::outbound
