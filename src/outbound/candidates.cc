#include "outbound/candidates.h"

#include <algorithm>

namespace postern::outbound {

namespace {

// The addresses of one family of hosts[begin, end): the first of each host, then the second of each.
std::vector<Candidate> of_family(const std::vector<MxHost>& hosts, std::size_t begin, std::size_t end,
                                 ip::Family family) {
  std::vector<std::vector<ip::Address>> each(end - begin);
  std::size_t most = 0;
  for (std::size_t i = begin; i < end; ++i) {
    for (const ip::Address& address : hosts[i].addresses) {
      if (address.family() == family) each[i - begin].push_back(address);
    }
    most = std::max(most, each[i - begin].size());
  }
  std::vector<Candidate> out;
  for (std::size_t k = 0; k < most; ++k) {
    for (std::size_t i = begin; i < end; ++i) {
      if (k < each[i - begin].size()) out.push_back({i, each[i - begin][k]});
    }
  }
  return out;
}

}  // namespace

std::vector<std::vector<Candidate>> order_candidates(const std::vector<MxHost>& hosts, FamilyMemory::Order order) {
  std::vector<std::vector<Candidate>> levels;
  for (std::size_t begin = 0; begin < hosts.size();) {
    std::size_t end = begin;
    while (end < hosts.size() && hosts[end].preference == hosts[begin].preference) ++end;
    const ip::Family other = order.first == ip::Family::v6 ? ip::Family::v4 : ip::Family::v6;
    const std::vector<Candidate> first = of_family(hosts, begin, end, order.first);
    const std::vector<Candidate> second = of_family(hosts, begin, end, other);
    std::vector<Candidate> level;
    if (order.apart) {
      level = first;
      level.insert(level.end(), second.begin(), second.end());
    } else {
      for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) level.push_back(first[i]);
        if (i < second.size()) level.push_back(second[i]);
      }
    }
    levels.push_back(std::move(level));
    begin = end;
  }
  return levels;
}

}  // namespace postern::outbound
