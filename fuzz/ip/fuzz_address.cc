// Addresses, prefixes, endpoints: what is parsed prints as a text that parses to the same value, and so does any value
// made from octets. Plain addresses are compared with inet_pton(3), which is an independent reader of the same forms.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ip/address.h"

namespace {

using namespace postern;
using ip::Address;

void check_value(const Address& address) {
  POSTERN_CHECK(Address::parse(address.text()) == address);
  POSTERN_CHECK(ip::Endpoint::parse(ip::Endpoint{address, 25}.text()) == (ip::Endpoint{address, 25}));
  POSTERN_CHECK(address.text().size() <= 50 && address.reverse_name().size() <= 72);
  for (const int length : {0, 7, address.bits() / 2 + 1, address.bits()}) {
    const ip::Prefix prefix(address, length);
    POSTERN_CHECK(ip::Prefix::parse(prefix.text()) == prefix);
    POSTERN_CHECK(prefix.contains(prefix.address()));
    if (address.scope() == 0) POSTERN_CHECK(prefix.contains(address));
  }
  const int kinds = (address.is_loopback() ? 1 : 0) + (address.is_any() ? 1 : 0) + (address.is_link_local() ? 1 : 0) +
                    (address.is_private() ? 1 : 0) + (address.is_documentation() ? 1 : 0) +
                    (address.is_multicast() ? 1 : 0);
  POSTERN_CHECK(kinds <= 1);
  if (address.is_global()) POSTERN_CHECK(kinds == 0);
}

void check_against_inet_pton(std::string_view text, const std::optional<Address>& address) {
  if (text.find('%') != std::string_view::npos || text.find('\0') != std::string_view::npos) return;
  const std::string copy(text);
  std::array<std::uint8_t, 4> v4{};
  std::array<std::uint8_t, 16> v6{};
  if (::inet_pton(AF_INET, copy.c_str(), v4.data()) == 1) {
    POSTERN_CHECK(address == Address::v4(v4));
  } else if (::inet_pton(AF_INET6, copy.c_str(), v6.data()) == 1) {
    POSTERN_CHECK(address == Address::v6(v6));
  } else {
    POSTERN_CHECK(!address);
  }
}

template <class Parsed>
void check_parsed(const Result<Parsed>& parsed) {
  if (parsed) {
    POSTERN_CHECK(Parsed::parse(parsed->text()) == *parsed);
    check_value(parsed->address);
  } else {
    POSTERN_CHECK(std::ranges::all_of(parsed.error().what, [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = Address::parse(text);
  if (address) {
    POSTERN_CHECK(text.find('\0') == std::string_view::npos);
    check_value(*address);
  }
  check_against_inet_pton(text, address);
  check_parsed(ip::Endpoint::parse(text));
  if (const auto prefix = ip::Prefix::parse(text)) {
    POSTERN_CHECK(ip::Prefix::parse(prefix->text()) == *prefix);
    check_value(prefix->address());
  }
  if (size >= 20) {
    std::array<std::uint8_t, 16> octets{};
    std::copy_n(text.begin(), 16, octets.begin());
    std::uint32_t scope = 0;
    for (const char c : text.substr(16, 4)) scope = (scope << 8U) | static_cast<std::uint8_t>(c);
    check_value(Address::v6(octets, scope));
    check_value(Address::v4({octets[0], octets[1], octets[2], octets[3]}));
  }
  return 0;
}
