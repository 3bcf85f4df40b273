// What a submission server does to the header of its own users' mail, and of that of this machine's programs (RFC 6409
// 8): Date and Message-ID where they are missing; Bcc is taken out (RFC 5322 3.6.3). Nothing else is changed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/id.h"
#include "base/time.h"
#include "message/header_section.h"

namespace postern::message {

// Bcc and Resent-Bcc, which nobody but the sender's own programs may see.
[[nodiscard]] bool is_blind_copy(const Field& field);
// Fields to put above the others, each with its CRLF; "" where nothing is missing. `id` and `hostname` make a
// Message-ID that nobody else makes.
[[nodiscard]] std::string missing_fields(const HeaderSection& header, WallMs now, const Id& id,
                                         std::string_view hostname);

}  // namespace postern::message
