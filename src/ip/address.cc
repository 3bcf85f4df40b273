#include "ip/address.h"

#include <net/if.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace postern::ip {

namespace {

constexpr std::size_t kZoneMax = 15;  // IFNAMSIZ without its NUL

// RFC 6943 3.1.1: only the strict dotted-decimal form; leading zeros would be octal to some.
std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
    const auto part = text.substr(0, dot);
    if (part.size() > 3 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    const auto value = parse_unsigned(part, 255);
    if (!value) return std::nullopt;
    octets.at(i) = static_cast<std::uint8_t>(*value);
    if (i < 3) text.remove_prefix(dot + 1);
  }
  return octets;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  std::uint16_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Groups between colons, the last one possibly dotted decimal (RFC 4291 2.2, form 3); appends octets to `out`.
// False where a group is wrong or more than 16 octets come.
bool parse_groups(std::string_view text, bool v4_allowed, std::array<std::uint8_t, 16>& out, std::size_t& used) {
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    const bool last = colon == std::string_view::npos;
    if (!last && colon + 1 == text.size()) return false;  // a single colon at the end
    if (last && v4_allowed && part.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(part);
      if (!v4 || used > 12) return false;
      for (const std::uint8_t octet : *v4) out.at(used++) = octet;
      return true;
    }
    const auto group = parse_group(part);
    if (!group || used > 14) return false;
    out.at(used++) = static_cast<std::uint8_t>(*group >> 8U);
    out.at(used++) = static_cast<std::uint8_t>(*group & 0xFFU);
    if (last) return true;
    text.remove_prefix(colon + 1);
  }
  return true;
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::array<std::uint8_t, 16> octets{};
  std::size_t used = 0;
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (text.empty() || !parse_groups(text, true, octets, used) || used != 16) return std::nullopt;
    return octets;
  }
  const auto tail_text = text.substr(gap + 2);
  if (tail_text.starts_with(':') || tail_text.find("::") != std::string_view::npos) return std::nullopt;
  std::array<std::uint8_t, 16> tail{};
  std::size_t tail_used = 0;
  if (!parse_groups(text.substr(0, gap), false, octets, used) || !parse_groups(tail_text, true, tail, tail_used)) {
    return std::nullopt;
  }
  if (used + tail_used > 14) return std::nullopt;  // RFC 4291 2.2: "::" stands for one or more groups
  std::copy_n(tail.begin(), tail_used, octets.end() - static_cast<std::ptrdiff_t>(tail_used));
  return octets;
}

// RFC 4007 11.2: a number or the name of an interface of this host.
std::optional<std::uint32_t> parse_zone(std::string_view zone) {
  if (zone.empty() || zone.size() > kZoneMax) return std::nullopt;
  if (const auto number = parse_unsigned(zone, UINT32_MAX)) {
    if (*number == 0 || (zone.size() > 1 && zone[0] == '0')) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
  }
  if (zone.find('\0') != std::string_view::npos) return std::nullopt;  // the call would read only what stands before it
  const unsigned index = ::if_nametoindex(std::string(zone).c_str());
  return index != 0 ? std::optional<std::uint32_t>(index) : std::nullopt;
}

constexpr std::array<std::uint8_t, 12> kMappedHead = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_mapped(const std::array<std::uint8_t, 16>& octets) {
  return std::equal(kMappedHead.begin(), kMappedHead.end(), octets.begin());
}

void append_v4(std::string& out, const std::array<std::uint8_t, 4>& octets) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) out += '.';
    out += std::to_string(octets.at(i));
  }
}

void append_v6(std::string& out, const std::array<std::uint8_t, 16>& octets) {
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups.at(i) = static_cast<std::uint16_t>((octets.at(2 * i) << 8U) | octets.at(2 * i + 1));
  }
  // RFC 5952 4.2: the longest run of zero groups, the first of equals, never a single one
  std::size_t best = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && groups.at(end) == 0) ++end;
    if (end - i > best_length) {
      best = i;
      best_length = end - i;
    }
    i = end + 1;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (i > 0 && i != best + best_length) out += ':';
    std::array<char, 4> text{};
    const auto result = std::to_chars(text.data(), text.data() + text.size(), groups.at(i), 16);
    out.append(text.data(), result.ptr);
  }
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto octets = parse_v4(text);
    return octets ? std::optional(v4(*octets)) : std::nullopt;
  }
  std::optional<std::string_view> zone;
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    zone = text.substr(percent + 1);
    text = text.substr(0, percent);
  }
  const auto octets = parse_v6(text);
  if (!octets) return std::nullopt;
  if (!zone) return v6(*octets);
  const Address bare = v6(*octets);
  if (!bare.is_v6() || !bare.is_link_local()) return std::nullopt;  // a zone means nothing elsewhere
  const auto scope = parse_zone(*zone);
  return scope ? std::optional(v6(*octets, *scope)) : std::nullopt;
}

Address Address::v4(std::array<std::uint8_t, 4> octets) {
  Address out;
  out.family_ = Family::v4;
  std::copy(kMappedHead.begin(), kMappedHead.end(), out.octets_.begin());
  std::copy(octets.begin(), octets.end(), out.octets_.begin() + kMappedHead.size());
  return out;
}

Address Address::v6(std::array<std::uint8_t, 16> octets, std::uint32_t scope) {
  Address out;
  out.octets_ = octets;
  out.family_ = is_mapped(octets) ? Family::v4 : Family::v6;
  if (out.is_v6() && out.is_link_local()) out.scope_ = scope;
  return out;
}

Address Address::loopback(Family family) {
  if (family == Family::v4) return v4({127, 0, 0, 1});
  std::array<std::uint8_t, 16> octets{};
  octets.back() = 1;
  return v6(octets);
}

Address Address::any(Family family) { return family == Family::v4 ? v4({0, 0, 0, 0}) : Address(); }

std::array<std::uint8_t, 4> Address::v4_octets() const { return {octets_[12], octets_[13], octets_[14], octets_[15]}; }

std::string Address::text() const {
  std::string out;
  if (is_v4()) {
    append_v4(out, v4_octets());
    return out;
  }
  append_v6(out, octets_);
  if (scope_ != 0) {
    out += '%';
    out += std::to_string(scope_);
  }
  return out;
}

std::string Address::smtp_literal() const {
  std::string out;
  if (is_v4()) {
    append_v4(out, v4_octets());
  } else {
    out = "IPv6:";
    append_v6(out, octets_);
  }
  return out;
}

std::string Address::reverse_name() const {
  std::string out;
  if (is_v4()) {
    // RFC 1035 3.5
    auto octets = v4_octets();
    std::ranges::reverse(octets);
    append_v4(out, octets);
    return out + ".in-addr.arpa";
  }
  // RFC 3596 2.5
  constexpr std::string_view kHex = "0123456789abcdef";
  out.reserve(72);
  for (std::size_t i = 16; i > 0; --i) {
    const std::uint8_t octet = octets_.at(i - 1);
    out += kHex[octet & 15U];
    out += '.';
    out += kHex[octet >> 4U];
    out += '.';
  }
  return out + "ip6.arpa";
}

std::size_t AddressHash::operator()(const Address& address) const noexcept {
  std::uint64_t hash = address.scope() + 0x9E3779B97F4A7C15ULL;
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word = (word << 8U) | address.octets()[half * 8 + i];
    hash = (hash ^ word) * 0xFF51AFD7ED558CCDULL;
    hash ^= hash >> 32U;
  }
  return static_cast<std::size_t>(hash);
}

}  // namespace postern::ip
