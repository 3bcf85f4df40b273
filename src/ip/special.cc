// What kind of address it is, by the IANA special-purpose registries (RFC 6890 and its successors).
#include <array>
#include <optional>

#include "ip/address.h"
#include "ip/translated.h"

namespace postern::ip {

namespace {

// A range as the first octets of the 16-octet form; kept as data, so that no parsing happens at start.
struct Range {
  std::array<std::uint8_t, 16> octets;
  int length;
};

constexpr Range v4_range(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, int length) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d}, 96 + length};
}

constexpr Range v6_range(std::uint16_t a, std::uint16_t b, std::uint16_t c, std::uint16_t d, int length) {
  Range range{{}, length};
  const std::array<std::uint16_t, 4> groups = {a, b, c, d};
  for (std::size_t i = 0; i < 4; ++i) {
    range.octets[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8U);
    range.octets[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xFFU);
  }
  return range;
}

bool matches(const std::array<std::uint8_t, 16>& octets, const Range& range) {
  const auto whole = static_cast<std::size_t>(range.length / 8);
  for (std::size_t i = 0; i < whole; ++i) {
    if (octets.at(i) != range.octets.at(i)) return false;
  }
  const int rest = range.length % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned>(0xFF00U >> static_cast<unsigned>(rest)) & 0xFFU;
  return ((octets.at(whole) ^ range.octets.at(whole)) & mask) == 0;
}

template <std::size_t N>
bool in_any(const Address& address, const std::array<Range, N>& ranges) {
  for (const Range& range : ranges) {
    // an IPv6 range of 96 bits or less may hold the mapped form's octets: families never mix
    if ((range.length >= 96 && range.octets[10] == 0xFF && range.octets[11] == 0xFF) != address.is_v4()) continue;
    if (matches(address.octets(), range)) return true;
  }
  return false;
}

constexpr std::array<Range, 5> kPrivate = {{
    v4_range(10, 0, 0, 0, 8),      // RFC 1918
    v4_range(172, 16, 0, 0, 12),   // RFC 1918
    v4_range(192, 168, 0, 0, 16),  // RFC 1918
    v4_range(100, 64, 0, 0, 10),   // RFC 6598
    v6_range(0xFC00, 0, 0, 0, 7),  // RFC 4193
}};

constexpr std::array<Range, 5> kDocumentation = {{
    v4_range(192, 0, 2, 0, 24),         // RFC 5737
    v4_range(198, 51, 100, 0, 24),      // RFC 5737
    v4_range(203, 0, 113, 0, 24),       // RFC 5737
    v6_range(0x2001, 0xDB8, 0, 0, 32),  // RFC 3849
    v6_range(0x3FFF, 0, 0, 0, 20),      // RFC 9637
}};

// Registered as globally reachable although they lie inside a range below.
constexpr std::array<Range, 8> kGlobalExceptions = {{
    v4_range(192, 0, 0, 9, 32),         // RFC 7723
    v4_range(192, 0, 0, 10, 32),        // RFC 8155
    v6_range(0x2001, 3, 0, 0, 32),      // AMT, RFC 7450
    v6_range(0x2001, 4, 0x112, 0, 48),  // AS112, RFC 7535
    v6_range(0x2001, 0x20, 0, 0, 28),   // ORCHIDv2, RFC 7343
    v6_range(0x2001, 0x30, 0, 0, 28),   // drone remote identification, RFC 9374
    // 2001:1::1, ::2 and ::3 (RFC 7723, 8155, 9665)
    Range{{0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128},
    Range{{0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 127},
}};

constexpr std::array<Range, 11> kSpecial = {{
    v4_range(0, 0, 0, 0, 8),           // "this network", RFC 791
    v4_range(192, 0, 0, 0, 24),        // IETF protocol assignments, RFC 6890
    v4_range(192, 88, 99, 0, 24),      // deprecated 6to4 relays, RFC 7526
    v4_range(198, 18, 0, 0, 15),       // benchmarking, RFC 2544
    v4_range(240, 0, 0, 0, 4),         // reserved and broadcast, RFC 1112
    v6_range(0, 0, 0, 0, 96),          // the deprecated IPv4-compatible form, RFC 4291 2.5.5.1
    v6_range(0x64, 0xFF9B, 1, 0, 48),  // local translation, RFC 8215
    v6_range(0x100, 0, 0, 0, 32),      // discard (RFC 6666) and dummy prefix (RFC 9780)
    v6_range(0x2001, 0, 0, 0, 23),     // IETF protocol assignments with Teredo, RFC 2928
    v6_range(0x5F00, 0, 0, 0, 16),     // segment routing, RFC 9602
    v6_range(0xFEC0, 0, 0, 0, 10),     // the deprecated site-local form, RFC 3879
}};

// RFC 6052 2.1: the well-known prefix 64:ff9b::/96 with an IPv4 address behind it.
std::optional<Address> translated(const Address& address) {
  static constexpr Range kTranslated{{0, 0x64, 0xFF, 0x9B}, 96};
  if (address.is_v4() || !matches(address.octets(), kTranslated)) return std::nullopt;
  const auto& octets = address.octets();
  return Address::v4({octets[12], octets[13], octets[14], octets[15]});
}

}  // namespace

Address untranslated(const Address& address) {
  // RFC 6052 3.1: the well-known prefix is for global addresses alone; whoever forges another one is not taken for it
  const auto inside = translated(address);
  return inside && inside->is_global() ? *inside : address;
}

bool Address::is_loopback() const { return is_v4() ? octets_[12] == 127 : *this == loopback(Family::v6); }

bool Address::is_any() const { return *this == any(family_); }

bool Address::is_link_local() const {
  if (is_v4()) return octets_[12] == 169 && octets_[13] == 254;
  return octets_[0] == 0xFE && (octets_[1] & 0xC0U) == 0x80;
}

bool Address::is_private() const { return in_any(*this, kPrivate); }

bool Address::is_documentation() const { return in_any(*this, kDocumentation); }

bool Address::is_multicast() const { return is_v4() ? (octets_[12] & 0xF0U) == 224 : octets_[0] == 0xFF; }

bool Address::is_global() const {
  // RFC 6052 3.1: it leads to the IPv4 address inside, wherever a translator is
  if (const auto inside = translated(*this)) return inside->is_global();
  if (is_loopback() || is_any() || is_link_local() || is_private() || is_documentation() || is_multicast())
    return false;
  return in_any(*this, kGlobalExceptions) || !in_any(*this, kSpecial);
}

}  // namespace postern::ip
