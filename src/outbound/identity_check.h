// What receivers will think of the name and the addresses that our mail comes from: the address should have a PTR
// record, it should be the name that EHLO says, and that name should lead back to the address (large receivers refuse
// mail over IPv6 otherwise). Straight coroutine code over dns::Resolver; what DNS does not answer is no problem.
// Thread rule: the resolver's loop.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "dns/resolver.h"
#include "outbound/options.h"

namespace postern::outbound {

inline constexpr std::uint32_t kIdentityLookups = 40;
inline constexpr std::size_t kIdentityAddressesMax = 8;

// `interfaces`: the host's addresses, of which the global ones count where no source is set. One line a problem, with
// its remedy.
[[nodiscard]] Task<std::vector<std::string>> check_identity(dns::Resolver& resolver, Options options,
                                                            std::vector<ip::Address> interfaces, dns::Budget& budget);

}  // namespace postern::outbound
