// Address, Prefix, Endpoint: the one type for IPv4 and IPv6 addresses in the whole house.
//
// A v4-mapped IPv6 address becomes IPv4 when it is made, so that one client has one spelling; a scope (%eth0, %2) is
// kept for link-local addresses only. Printing follows RFC 5952; parsing takes every RFC 4291 2.2 form and refuses the
// rest: leading zeros, octal and short IPv4 forms, zone ids over 15 characters.
// Not here: sockets (io), names (dns). Thread rule: values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace postern::ip {

enum class Family : std::uint8_t { v4 = 4, v6 = 6 };

class Address {
 public:
  Address() = default;  // ::
  // "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1" (becomes IPv4), "fe80::1%eth0". No brackets.
  [[nodiscard]] static std::optional<Address> parse(std::string_view text);
  [[nodiscard]] static Address v4(std::array<std::uint8_t, 4> octets);
  [[nodiscard]] static Address v6(std::array<std::uint8_t, 16> octets, std::uint32_t scope = 0);
  [[nodiscard]] static Address loopback(Family family);
  [[nodiscard]] static Address any(Family family);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::v4; }
  [[nodiscard]] bool is_v6() const { return family_ == Family::v6; }
  [[nodiscard]] int bits() const { return is_v4() ? 32 : 128; }
  // 16 octets; an IPv4 address in its v4-mapped form.
  [[nodiscard]] const std::array<std::uint8_t, 16>& octets() const { return octets_; }
  [[nodiscard]] std::array<std::uint8_t, 4> v4_octets() const;
  [[nodiscard]] std::uint32_t scope() const { return scope_; }

  [[nodiscard]] std::string text() const;  // RFC 5952; scope as %N
  // RFC 5321 4.1.3: "192.0.2.1" or "IPv6:2001:db8::1", for use between brackets in HELO and Received; never a scope.
  [[nodiscard]] std::string smtp_literal() const;
  // "1.2.0.192.in-addr.arpa" or the 32 nibbles under ip6.arpa
  [[nodiscard]] std::string reverse_name() const;

  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_any() const;
  [[nodiscard]] bool is_link_local() const;
  [[nodiscard]] bool is_private() const;        // RFC 1918, RFC 4193 (ULA), RFC 6598 (shared)
  [[nodiscard]] bool is_documentation() const;  // RFC 5737, RFC 3849, RFC 9637
  [[nodiscard]] bool is_multicast() const;
  [[nodiscard]] bool is_global() const;  // none of the above, nor another IANA special-purpose range

  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
  std::uint32_t scope_ = 0;
  Family family_ = Family::v6;
};

class Prefix {
 public:
  Prefix() = default;
  Prefix(Address address, int length);  // host bits are cleared; length is clamped to the family's
  // "2001:db8::/32", "192.0.2.0/24", or a bare address (full length). Host bits that are set are an error that says
  // the right form.
  [[nodiscard]] static Result<Prefix> parse(std::string_view text);
  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] int length() const { return length_; }
  [[nodiscard]] bool contains(const Address& address) const;
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;

 private:
  Address address_;
  int length_ = 0;
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
  // "[2001:db8::1]:25", "192.0.2.1:25". A host name or a missing port is an error that says the right form.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct AddressHash {
  std::size_t operator()(const Address& address) const noexcept;
};

}  // namespace postern::ip
