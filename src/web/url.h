// What URLs, forms and HTML are written in: percent-encoding, application/x-www-form-urlencoded, HTML escapes, entity
// tags. Parsers take any octets and are bounded by their caller, who bounds the text. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "web/message.h"

namespace postern::web {

// RFC 3986 2.1. Nothing where an escape is cut or no hexadecimal, or where there is a NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);
// All but letters, digits and "-._~".
[[nodiscard]] std::string percent_encode(std::string_view text);
// "a=1&b=two+words"; what cannot be decoded is passed over, of several the first counts, at most kParametersMax.
[[nodiscard]] Parameters parse_form(std::string_view text);

// & < > " ' as entities; octets that are no UTF-8, and controls but tab and newline, as U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);

// RFC 9110 12.5.3: whether gzip is acceptable.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);
// RFC 9110 13.1.2: whether `etag` is among those of If-None-Match.
[[nodiscard]] bool matches_etag(std::string_view if_none_match, std::string_view etag);

// The host of a Host field or an authority: lower case, without port, an IPv6 address without its brackets.
[[nodiscard]] std::string host_of(std::string_view authority);

}  // namespace postern::web
