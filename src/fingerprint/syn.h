// A saved SYN (Linux TCP_SAVED_SYN: the IP header with its options or extension headers, then the TCP header with its
// options), as a bounded parser, and its signature as p0f 3.09b prints it:
//
//   version:ttl+distance:ip-options:mss:window,scale:option-layout:quirks:payload
//   4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0
//
// Not here: whose signature it is (os_table.h, p0f_database.h). An empty saved SYN (the kernel keeps none under SYN
// cookies) is no SYN: ask before parsing. Two things differ from p0f: IPv6 extension headers are read over, and their
// length stands in the place of that of the IPv4 options, where p0f ignores such packets; and a SYN whose data was not
// saved with it is read. Thread rule: values, pure functions.
// RFC 791 3.1, RFC 8200 3 and 4, RFC 9293 3.1, RFC 7323.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ip/address.h"

namespace postern::fingerprint {

inline constexpr std::size_t kOptionsMax = 24;          // TCP options that are looked at, as p0f has it
inline constexpr std::size_t kExtensionHeadersMax = 8;  // of IPv6
inline constexpr std::uint8_t kDistanceMax = 35;        // more hops than this nobody is away

// What is odd about a SYN; the names are p0f's.
enum class Quirk : std::uint32_t {
  df = 1U << 0U,      // "don't fragment" (IPv4)
  id_set = 1U << 1U,  // df, yet an IP id that is not zero
  id_zero = 1U << 2U,
  ecn = 1U << 3U,
  reserved = 1U << 4U,  // the bit of the IPv4 header that must be zero
  flow = 1U << 5U,      // an IPv6 flow label
  sequence_zero = 1U << 6U,
  ack_set = 1U << 7U,   // an acknowledgement number without the flag
  ack_zero = 1U << 8U,  // the flag without a number; not in a SYN
  urgent_pointer = 1U << 9U,
  urgent_flag = 1U << 10U,
  push_flag = 1U << 11U,
  own_timestamp_zero = 1U << 12U,
  peer_timestamp_set = 1U << 13U,
  padding_set = 1U << 14U,      // something behind the end of the options
  excessive_scale = 1U << 15U,  // RFC 7323 2.3: at most 14
  malformed_options = 1U << 16U,
};

class Quirks {
 public:
  constexpr Quirks() = default;
  constexpr explicit Quirks(std::uint32_t bits) : bits_(bits) {}
  constexpr void set(Quirk quirk) { bits_ |= static_cast<std::uint32_t>(quirk); }
  [[nodiscard]] constexpr bool has(Quirk quirk) const { return (bits_ & static_cast<std::uint32_t>(quirk)) != 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  // "df,id+"
  [[nodiscard]] std::string text() const;
  // The quirk of a p0f name; errors where there is none.
  [[nodiscard]] static Result<Quirk> parse(std::string_view name);
  friend constexpr bool operator==(Quirks, Quirks) = default;

 private:
  std::uint32_t bits_ = 0;
};

// The kinds of the TCP options in their order. It is what tells systems apart: it survives NAT, and nobody tunes it.
struct OptionLayout {
  std::array<std::uint8_t, kOptionsMax> kinds{};
  std::uint8_t count = 0;
  std::uint8_t end_padding = 0;  // octets behind the end-of-options option

  [[nodiscard]] std::string text() const;  // "mss,sok,ts,nop,ws"
  [[nodiscard]] static Result<OptionLayout> parse(std::string_view text);
  [[nodiscard]] std::uint64_t hash() const;
  friend bool operator==(const OptionLayout&, const OptionLayout&) = default;
};

struct SynFacts {
  ip::Family family = ip::Family::v4;
  std::uint8_t ttl = 0;                 // as it arrived
  std::uint16_t ip_options_length = 0;  // of the IPv4 options or the IPv6 extension headers
  std::uint16_t header_length = 0;      // IP and TCP together, with options
  std::uint16_t mss = 0;                // 0 where the option is missing
  std::uint16_t window = 0;
  std::uint8_t window_scale = 0;
  std::uint32_t timestamp = 0;  // the client's own
  OptionLayout options;
  Quirks quirks;
  bool payload = false;

  // Hops to the nearest of the initial values that are in use: 32, 64, 128, 255.
  [[nodiscard]] std::uint8_t distance() const;
  [[nodiscard]] std::uint8_t initial_ttl() const { return static_cast<std::uint8_t>(ttl + distance()); }
};

// The window as a multiple of the segment or packet size, as stacks choose it; factor 0 where it is none.
struct WindowMultiple {
  std::uint16_t factor = 0;
  bool of_mtu = false;
};
[[nodiscard]] WindowMultiple window_multiple(const SynFacts& syn);

// Errors say what is wrong; such a SYN is an unknown one.
[[nodiscard]] Result<SynFacts> parse_syn(std::string_view saved);
[[nodiscard]] std::string signature(const SynFacts& syn);

}  // namespace postern::fingerprint
