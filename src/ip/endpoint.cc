#include "base/text.h"
#include "ip/address.h"

namespace postern::ip {

namespace {

std::unexpected<Error> wrong(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid, "\"" + printable(text, 80) + "\": " + std::string(why) +
                                      "; write an address and a port like [2001:db8::1]:25 or 192.0.2.1:25");
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
  std::string_view host;
  std::string_view rest;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return wrong(text, "the bracket is not closed");
    host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return wrong(text, "the port is missing");
    if (text.find(':', colon + 1) != std::string_view::npos) return wrong(text, "an IPv6 address needs brackets");
    host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  const auto address = Address::parse(host);
  if (!address) return wrong(text, "not an IP address (names are not resolved here)");
  if (bracketed && host.find(':') == std::string_view::npos) return wrong(text, "brackets are for IPv6 addresses");
  if (!rest.starts_with(':')) return wrong(text, "the port is missing");
  const auto digits = rest.substr(1);
  const auto port = parse_unsigned(digits, 65535);
  if (!port || digits.size() > 5) return wrong(text, "the port must be a number from 0 to 65535");
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::text() const {
  const std::string number = std::to_string(port);
  return address.is_v4() ? address.text() + ":" + number : "[" + address.text() + "]:" + number;
}

}  // namespace postern::ip
