// The order in which the addresses of a destination are tried: strictly by MX preference (RFC 5321 5.1); within one
// preference the families take turns, beginning with the one that memory recommends, and each family goes round the
// hosts, so that one host with many addresses does not stand in front of another. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "outbound/family_memory.h"
#include "outbound/routing.h"

namespace postern::outbound {

struct Candidate {
  std::size_t host = 0;  // index in the routing's hosts
  ip::Address address;
  bool done = false;  // tried, without success
};

// One list for each preference, ascending.
[[nodiscard]] std::vector<std::vector<Candidate>> order_candidates(const std::vector<MxHost>& hosts,
                                                                   FamilyMemory::Order order);

}  // namespace postern::outbound
