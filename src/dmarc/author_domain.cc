#include <algorithm>

#include "base/text.h"
#include "dmarc/evaluate.h"
#include "dns/name.h"
#include "message/author.h"

namespace postern::dmarc {
namespace {

std::unexpected<Error> none(std::string why) { return fail(ErrorKind::invalid, "no single author domain: " + why); }

}  // namespace

// White space, control characters and octets beyond ASCII in or
// around the name do not stop all of them.
bool looks_like_from(const message::Field& field) {
  std::string name;
  for (const char c : field.raw) {
    if (c == ':') return iequals(name, "from");
    if (c > 0x20 && c < 0x7F) {
      name += c;
      if (name.size() > 4) return false;
    }
  }
  return false;
}

Result<std::string> author_domain(const message::HeaderSection& header) {
  const message::Field* from = nullptr;
  std::size_t count = 0;
  for (const message::Field& field : header.fields()) {
    if (!looks_like_from(field)) continue;
    ++count;
    if (iequals(field.name, "from")) from = &field;
  }
  if (count == 0) return none("there is no From field");
  if (count > 1) return none("there are " + std::to_string(count) + " From fields");
  if (from == nullptr) return none("the name of the From field is malformed");
  const auto addresses = message::parse_addresses(from->body);
  if (!addresses) return none("From is malformed: " + addresses.error().what);
  if (addresses->empty()) return none("From has no address");

  std::optional<dns::Name> domain;
  std::string_view before;
  for (const message::Address& address : *addresses) {
    if (domain && address.domain == before) continue;
    before = address.domain;
    if (address.domain.starts_with('[')) return none("From has the address literal " + printable(address.domain, 80));
    // RFC 9989 5.3.1: U-labels become A-labels
    auto name = dns::Name::from_unicode(address.domain);
    if (!name || name->is_root())
      return none("From has " + printable(address.domain, 80) + ", which is no domain name");
    if (domain && *domain != *name) {
      return none("From has addresses of " + printable(domain->text()) + " and of " + printable(name->text()));
    }
    domain = *std::move(name);
  }
  return domain->text();
}

}  // namespace postern::dmarc
