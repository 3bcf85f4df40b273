// The whole evaluation of one message for the tools: mailauth::MailAuth over a MessageInput. Thread rule: the
// resolver's.
#pragma once

#include <cstdint>
#include <optional>

#include "base/task.h"
#include "cli/message_input.h"
#include "dkim/key_record.h"
#include "dns/resolver.h"
#include "mailauth/mailauth.h"

namespace postern::cli {

// `message`, `resolver` and `keys` outlive it; `now` in seconds. Without an envelope there is no SPF.
[[nodiscard]] Task<mailauth::Facts> evaluate_message(std::optional<mailauth::Envelope> envelope,
                                                     const MessageInput& message, std::string receiver,
                                                     dns::Resolver& resolver, dkim::KeyCache& keys, std::int64_t now);

}  // namespace postern::cli
