// The reader of a server's offer: the keywords of its reply to EHLO or LHLO (RFC 5321 4.1.1.1). Pure.
#pragma once

#include "smtp/client_machine.h"

namespace postern::smtp {

// `reply` is the positive reply to EHLO; its first line names the server, each further line one extension. A keyword
// that is not known is kept in `lines` only; a parameter that makes no sense counts as absent.
[[nodiscard]] ServerOffer parse_offer(const Reply& reply);

}  // namespace postern::smtp
