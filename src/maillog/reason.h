// The reason of a refusal without what differs from one to the next: what stands between < and > or [ and ], bare IP
// addresses, addresses of web pages, names behind "host" and "hostname", and numbers that stand alone, but not codes of
// SMTP. "<x@a.example>: Recipient address rejected: Greylisted, see http://a.example/x" becomes "Recipient address
// rejected: Greylisted"; "connect to mx.a.example[192.0.2.1]:25: refused" becomes "connect to host: refused". Thread
// rule: pure function.
#pragma once

#include <array>
#include <string_view>

#include "maillog/event.h"

namespace postern::maillog {

inline constexpr std::size_t kReasonMax = 120;
using ReasonBuffer = std::array<char, kReasonMax>;

// The view is into `buffer`; control characters are left out.
[[nodiscard]] std::string_view reason_of(std::string_view code, std::string_view enhanced, std::string_view text,
                                         ReasonBuffer& buffer);
// Of an event that refuses or holds, as it is counted and as `--lines` has it; empty where it is none.
[[nodiscard]] std::string_view reason_of(const Event& event, ReasonBuffer& buffer);
// What a milter has cleanup answer: "5.7.1 no" of "END-OF-MESSAGE from a[192.0.2.1]: 5.7.1 no".
[[nodiscard]] std::string_view milter_reply(std::string_view text);

}  // namespace postern::maillog
