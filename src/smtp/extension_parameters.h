// The parameters of MAIL and RCPT by which a submitter says what is to become of a message: DSN (RFC 3461), DELIVERBY
// (RFC 2852), FUTURERELEASE (RFC 4865), MT-PRIORITY (RFC 6710), REQUIRETLS (RFC 8689). Grammar and the limits that need
// no clock; what may be asked of this server at this time the caller decides. Thread rule: pure functions.
#pragma once

#include "smtp/command.h"

namespace postern::smtp {

// Each: true where the parameter was one of these, and is taken; false where it is none of them, or not offered.
[[nodiscard]] Parsed<bool> take_mail_extension(const Parameter& parameter, const MailOffer& offer, MailParams& params);
[[nodiscard]] Parsed<bool> take_rcpt_extension(const Parameter& parameter, const RcptOffer& offer, RcptParams& params);

}  // namespace postern::smtp
