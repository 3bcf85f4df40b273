// base64 as a MIME body (RFC 2045 6.8). Thread rule: pure function.
#pragma once

#include <string>
#include <string_view>

namespace postern {

// Lines of 76 characters, each with CRLF.
void append_base64_lines(std::string& out, std::string_view bytes);

}  // namespace postern
