// What servers mean by their replies, where it matters for where and when to try next. Pure.
#pragma once

#include "ip/address.h"
#include "smtp/reply.h"

namespace postern::outbound {

// The refusal is about the address that we came from and may be otherwise over the other family: 5.7.25 (reverse DNS)
// and 5.7.26 (authentication, of which large receivers demand more over IPv6), RFC 7372; another 5.7.x or one without
// an enhanced code only where the text speaks of IPv6, PTR records or reverse DNS. Temporary ones count too (many
// servers say 450 4.7.25 for as long as there is no PTR record), but not where they ask for less mail.
[[nodiscard]] bool blames_family(const smtp::Reply& reply);

// Temporary, and says that we are too fast. The destination is left alone then.
[[nodiscard]] bool asks_to_slow_down(const smtp::Reply& reply);

}  // namespace postern::outbound
