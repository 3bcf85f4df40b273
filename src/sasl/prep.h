// How names and passwords are brought into one form before they are compared (SASLprep, RFC 4013), in the part that
// matters for passwords people type: non-ASCII spaces become spaces (RFC 3454 C.1.2), characters that show nothing are
// dropped (B.1), control characters, private use, surrogates, non-characters and what is inappropriate for plain text
// are refused (C.2 to C.7, C.9).
//
// Not here: compatibility normalisation (NFKC) and the check of bidirectional text. Text that a client normalises in
// another way than who set the password is another password then; ASCII is not concerned. Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::sasl {

// nullopt: not UTF-8, or a character that may not stand there, or nothing left.
[[nodiscard]] std::optional<std::string> prepare(std::string_view text);

}  // namespace postern::sasl
