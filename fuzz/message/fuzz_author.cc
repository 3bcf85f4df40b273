// Address lists: any octets, the same answer twice, and what comes out reads back as itself when printed. An address
// has a domain, and nothing in it that could end a line.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "message/author.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::message;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto addresses = parse_addresses(body);
  const auto again = parse_addresses(body);
  if (addresses.has_value() != again.has_value()) std::abort();
  if (!addresses) {
    if (addresses.error().what.empty() || addresses.error().what.contains('\n')) std::abort();
    return 0;
  }
  if (*addresses != *again || addresses->size() > kAddressesMax) std::abort();
  std::string printed;
  for (const Address& address : *addresses) {
    if (address.domain.empty() || !postern::is_utf8(address.domain)) {
      if (!address.domain.starts_with('[')) std::abort();
    }
    for (const std::string& text : {address.local, address.domain}) {
      if (text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos) std::abort();
    }
    if (!printed.empty()) printed += ", ";
    printed += to_string(address);
  }
  const auto back = parse_addresses(printed);
  if (!back || *back != *addresses) std::abort();
  return 0;
}
