// Mark certificates (VMC, CMC) and the logo in them: what BIMI's a= leads to (checks.md 6.12-96). Parsers of what
// strangers serve; pure but check_mark(). Thread rule: pure functions; check_mark() is the loop's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "check/context.h"

namespace postern::check {

inline constexpr std::size_t kMarkMax = std::size_t{256} * 1024;  // octets of the PEM file, and of the logo in it
inline constexpr std::size_t kMarkChainMax = 10;                  // certificates; further ones are not looked at

// RFC 3709 4.1: the subject's logo in the value of the extension logotype, where it is embedded as a data: URI, which
// is what BIMI asks for. Octets as they are there, expanded where they are gzip. Errors say what is not as it should
// be.
[[nodiscard]] Result<std::string> embedded_logo(std::string_view extension);

// What keeps an SVG file from being one of BIMI's: "no SVG", "no baseProfile=\"tiny-ps\"", "not square: ...", "a
// script".
[[nodiscard]] std::vector<std::string> svg_flaws(std::string_view svg);

// bimi.certificate, bimi.certificate_name, bimi.certificate_logo; `logo` is what l= gave, or empty.
[[nodiscard]] Task<void> check_mark(Context& context, std::string uri, std::string logo);

}  // namespace postern::check
