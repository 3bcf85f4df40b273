#include <algorithm>

#include "base/text.h"
#include "ip/address.h"

namespace postern::ip {

Prefix::Prefix(Address address, int length) : length_(std::clamp(length, 0, address.bits())) {
  auto octets = address.octets();
  const int kept = length_ + (address.is_v4() ? 96 : 0);  // in the 16-octet form
  for (int i = 0; i < 16; ++i) {
    const int bits = std::clamp(kept - 8 * i, 0, 8);
    auto& octet = octets.at(static_cast<std::size_t>(i));
    octet = static_cast<std::uint8_t>(octet & (0xFF00U >> static_cast<unsigned>(bits)));
  }
  if (address.is_v4()) {
    address_ = Address::v4({octets[12], octets[13], octets[14], octets[15]});
  } else {
    address_ = Address::v6(octets);  // a prefix names no link: the scope is dropped
  }
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address || address->scope() != 0) {
    return fail(ErrorKind::invalid,
                "\"" + printable(text, 64) + "\" is no address prefix; write it like 2001:db8::/32 or 192.0.2.0/24");
  }
  if (slash == std::string_view::npos) return Prefix(*address, address->bits());
  const auto digits = text.substr(slash + 1);
  auto length = parse_unsigned(digits, 128);
  // ::ffff:192.0.2.0/120 is 192.0.2.0/24
  const bool mapped = address->is_v4() && text.find(':') != std::string_view::npos;
  if (length && mapped) length = *length >= 96 ? std::optional(*length - 96) : std::nullopt;
  if (!length || *length > static_cast<std::uint64_t>(address->bits()) || (digits.size() > 1 && digits[0] == '0')) {
    return fail(ErrorKind::invalid, "\"" + printable(text, 64) +
                                        "\": the length after the slash must be a number from " +
                                        (mapped ? "96 to 128" : "0 to " + std::to_string(address->bits())));
  }
  const Prefix prefix(*address, static_cast<int>(*length));
  if (prefix.address() != *address) {
    return fail(ErrorKind::invalid, "\"" + printable(text, 64) + "\" has bits set after the prefix length; write " +
                                        prefix.text() + " for the network, or " + address->text() +
                                        " for the one address");
  }
  return prefix;
}

bool Prefix::contains(const Address& address) const {
  return address.family() == address_.family() && Prefix(address, length_).address_ == address_;
}

std::string Prefix::text() const { return address_.text() + "/" + std::to_string(length_); }

}  // namespace postern::ip
