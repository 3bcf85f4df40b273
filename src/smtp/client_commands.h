// What the client says to begin a transaction: MAIL and RCPT with the parameters that the server offers to take
// (RFC 1870 SIZE, 6152 BODY, 6531 SMTPUTF8, 3461 DSN, 8689 REQUIRETLS, 6710 MT-PRIORITY, 2852 BY), and whether the
// server can take the message at all without anything of it being lost. Pure. Internal to the client automaton.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtp/client_machine.h"

namespace postern::smtp {

// May `path` stand between < and > of a command? What a path is was settled at intake; this keeps a damaged or hostile
// one from ending the command or adding parameters to it.
[[nodiscard]] bool safe_path(std::string_view path);
// The same for a name or a base64 line: blanks and controls become '?'.
[[nodiscard]] std::string one_line(std::string text);

// SMTPUTF8 is needed: asked for, or by an address.
[[nodiscard]] bool needs_utf8(const ClientMessage& message);
// Why this server cannot be given the message: our own reply for all recipients.
[[nodiscard]] std::optional<Reply> cannot_take(const ClientMessage& message, const ServerOffer& offer);

[[nodiscard]] std::string mail_command(const ClientMessage& message, const ServerOffer& offer);
[[nodiscard]] std::string rcpt_command(std::string_view forward_path, const RecipientParameters* parameters,
                                       const ServerOffer& offer);

}  // namespace postern::smtp
