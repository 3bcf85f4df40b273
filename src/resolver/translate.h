// libunbound's result as an Answer. Its own list of rdata is not used (it cannot hold an empty one): the answer packet
// is parsed by dns/wire.h, and only the judgement of the validator is taken over. Internal to resolver.
// Thread rule: pure.
#pragma once

#include "dns/answer.h"
#include "resolver/context.h"

struct ub_result;

namespace postern::resolver {

// `error` and `result` as libunbound's callback gets them; `result` may be null.
[[nodiscard]] dns::Answer translate(const dns::Name& name, dns::Type type, int error, const ub_result* result,
                                    const Context& context);

}  // namespace postern::resolver
