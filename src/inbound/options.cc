#include "inbound/options.h"

#include <algorithm>

namespace postern::inbound {

bool SinkholeOptions::takes(const smtp::Domain& domain) const {
  if (domain.empty()) return true;  // RFC 5321 4.5.1
  const std::string name = domain.text();
  return std::ranges::any_of(domains, [&name](const std::string& taken) { return taken == "*" || taken == name; });
}

}  // namespace postern::inbound
