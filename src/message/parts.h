// The leaf parts of a MIME message, decoded: for reports that arrive by mail. Lenient, because senders are: what is
// malformed is taken as it stands. Bounded: depth, number, and size of what is decoded. Not for judging mail.
// RFC 2045, 2046. Thread rule: pure function.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::message {

inline constexpr std::size_t kPartsMax = 100;
inline constexpr std::size_t kPartDepthMax = 8;

struct Part {
  std::string type;  // "application/gzip", lower case; "text/plain" where nothing is said
  std::string body;  // decoded
};

// At most kPartsMax, and no more than `octets_max` of bodies together; what goes past that is left out.
[[nodiscard]] std::vector<Part> leaf_parts(std::string_view message, std::size_t octets_max);

}  // namespace postern::message
