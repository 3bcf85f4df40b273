// HeaderReader: looks at a message while it streams past and tells what a receiver must know of its header section:
// how many Received fields (loops), how many fields and octets, where the section ends, whether the body is 8-bit. A
// push parser: octets in any split, nothing kept but a few counters and the current field's name.
//
// Not here: parsing of field bodies, MIME structure. It never changes an octet. Thread rule: a value.
// RFC 5322 2.2, 3.6.7 (trace fields), RFC 5321 6.3 (loop detection).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::message {

class HeaderReader {
 public:
  // Octets of the message, CRLF line ends, in order.
  void see(std::string_view bytes);

  [[nodiscard]] bool in_header() const { return in_header_; }
  [[nodiscard]] std::uint32_t fields() const { return fields_; }
  [[nodiscard]] std::uint32_t received() const { return received_; }
  [[nodiscard]] std::uint64_t header_octets() const { return octets_; }  // with the empty line that ends it
  [[nodiscard]] std::uint32_t malformed() const { return malformed_; }   // lines that are neither a field nor a fold
  [[nodiscard]] bool has_date() const { return date_ > 0; }
  [[nodiscard]] std::uint32_t from_count() const { return from_; }
  [[nodiscard]] bool has_message_id() const { return message_id_ > 0; }
  [[nodiscard]] bool eight_bit() const { return eight_bit_; }

  static constexpr std::size_t kNameMax = 77;  // longer names are counted as malformed, and skipped

 private:
  enum class At : std::uint8_t { line_start, name, name_space, rest, cr };
  void end_name();
  void end_header() { in_header_ = false; }
  std::string name_;
  At at_ = At::line_start;
  bool line_empty_ = true;  // only CR seen since the line began
  bool in_header_ = true;
  bool eight_bit_ = false;
  std::uint32_t fields_ = 0, received_ = 0, malformed_ = 0, date_ = 0, from_ = 0, message_id_ = 0;
  std::uint64_t octets_ = 0;
};

}  // namespace postern::message
