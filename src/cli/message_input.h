// MessageInput: a message as tools get it, from a file or a batch line, parted into header section and body with the
// line ends that the protocols hash. Thread rule: a value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::cli {

inline constexpr std::size_t kMessageMax = std::size_t{256} << 20;  // octets that a tool reads

struct MessageInput {
  std::string text;             // CRLF line ends
  std::size_t header_size = 0;  // without the empty line that ends it
  std::size_t body_at = 0;
  bool bare_lf = false;  // it came with LF line ends; what is added to it should have them too

  [[nodiscard]] std::string_view header() const { return std::string_view(text).substr(0, header_size); }
  [[nodiscard]] std::string_view body() const { return std::string_view(text).substr(body_at); }
};

// Each bare LF becomes CRLF (RFC 6376 5.3: local line ends are converted before signing and verifying), and the "From "
// line of an mbox goes. Nothing else is changed.
[[nodiscard]] MessageInput message_input(std::string octets);

}  // namespace postern::cli
