#include "outbound/options.h"

#include "base/text.h"

namespace postern::outbound {

std::string NextHop::text() const {
  if (host.literal) return ip::Endpoint{*host.literal, port}.text();
  return host.name + ":" + std::to_string(port);
}

Result<NextHop> NextHop::parse(std::string_view text) {
  if (const auto endpoint = ip::Endpoint::parse(text); endpoint && endpoint->port != 0) {
    return NextHop{{{}, endpoint->address}, endpoint->port};
  }
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const auto port = parse_unsigned(text.substr(colon + 1), 65535);
    auto host = smtp::parse_domain(text.substr(0, colon), true);
    if (port && *port != 0 && host && !host->name.empty()) {
      return NextHop{std::move(*host), static_cast<std::uint16_t>(*port)};
    }
  }
  return fail(ErrorKind::invalid, "\"" + printable(text) +
                                      "\" is neither ADDRESS:PORT nor NAME:PORT; write "
                                      "\"[2001:db8::1]:587\" or \"smtp.example.net:587\"");
}

}  // namespace postern::outbound
