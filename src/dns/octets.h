// Numbers in the octets of a packet (RFC 1035 2.3.2: the most significant octet first). Internal to dns. The caller has
// made sure that they are there. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::dns {

inline constexpr std::size_t kHeaderOctets = 12;
inline constexpr std::uint16_t kClassIn = 1;

[[nodiscard]] inline std::uint8_t octet(std::string_view packet, std::size_t at) {
  return static_cast<std::uint8_t>(packet[at]);
}
[[nodiscard]] inline std::uint16_t read16(std::string_view packet, std::size_t at) {
  return static_cast<std::uint16_t>((octet(packet, at) << 8U) | octet(packet, at + 1));
}
[[nodiscard]] inline std::uint32_t read32(std::string_view packet, std::size_t at) {
  return (std::uint32_t{read16(packet, at)} << 16U) | read16(packet, at + 2);
}
inline void append16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>((value >> 8U) & 0xFFU));
  out.push_back(static_cast<char>(value & 0xFFU));
}

}  // namespace postern::dns
