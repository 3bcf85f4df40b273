// Places on the web that a record names (a logo, its certificate, an endpoint of reports): their host and port are a
// stranger's choice, so nobody is connected to for whoever merely asked about a domain. Internal to check.
// Thread rule: the loop's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "check/context.h"

namespace postern::check {

struct Place {
  dns::Name host;
  std::string path;
  std::vector<ip::Address> v6, v4;  // those that may be connected to
};

// Only in deep runs, only of own hosts where control was proved of the domain alone, only port 443, only addresses of
// the Internet. Otherwise nothing, and a finding of `id` says why; `thing` is "the logo".
[[nodiscard]] Task<std::optional<Place>> find_place(Context& context, std::string_view id, std::string uri,
                                                    std::string thing);

// A GET of it, from these addresses.
[[nodiscard]] outbound::HttpsRequest request_of(const Context& context, const Place& place,
                                                std::vector<ip::Address> addresses, std::size_t body_max);
[[nodiscard]] std::vector<ip::Address> all_addresses(const Place& place);

}  // namespace postern::check
