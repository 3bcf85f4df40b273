// ToppedBody: a message as it leaves the store: the fields that the envelope puts on top, then the stored octets. A
// view of a Body that it owns; same rules as Body.
#pragma once

#include <memory>
#include <string>

#include "spool/store.h"

namespace postern::spool {

// `body` itself where the envelope has no such fields.
[[nodiscard]] std::unique_ptr<Body> with_fields_on_top(std::unique_ptr<Body> body, const Envelope& envelope);

}  // namespace postern::spool
