// Demands: what a submitter asks for with MAIL and RCPT beyond delivery (smtp/extension_parameters.h), judged by the
// clock, and written into the envelope. Pure. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "inbound/refusals.h"
#include "message/header_section.h"
#include "smtp/server_machine.h"
#include "spool/envelope.h"

namespace postern::inbound {

inline constexpr std::int64_t kHoldMax = 7LL * 24 * 3600;  // seconds; RFC 4865 3: at least what the offer says

// The parameters of FUTURERELEASE as EHLO offers them.
[[nodiscard]] std::string future_release_offer(WallMs now);

// Why MAIL is refused: a hold beyond the offer, or beyond the time of DELIVERBY (RFC 4865 4.2, 5.2.2).
[[nodiscard]] std::optional<Refusal> check_demands(const smtp::MailParams& params, WallMs now);

// At the end of the message; envelope.arrived is set. Times count from `asked`, when MAIL came.
void set_demands(const smtp::MailParams& params, WallMs asked, spool::Envelope& envelope);

// RFC 8689 4: the field TLS-Required: No, once and with that word alone.
[[nodiscard]] bool says_tls_optional(const message::HeaderSection& header);

}  // namespace postern::inbound
