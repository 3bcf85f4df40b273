#include "check/places.h"

#include "base/text.h"
#include "tlsrpt/record.h"

namespace postern::check {

namespace {

constexpr std::uint16_t kHttpsPort = 443;
constexpr std::int64_t kFetchMs = 15'000;

}  // namespace

Task<std::optional<Place>> find_place(Context& context, std::string_view id, std::string uri, std::string thing) {
  const std::string subject = printable(uri);
  const auto target = tlsrpt::https_target(uri);
  const auto host = target ? dns::Name::from_unicode(target->host) : std::nullopt;
  if (!host) {
    context.add(id, Outcome::fail, subject, "the address is not one of https", "serve " + thing + " over https");
    co_return std::nullopt;
  }
  const auto not_fetched = [&](std::string why, std::string fix) {
    context.add(id, Outcome::not_tested, subject, std::move(why), std::move(fix));
    return std::nullopt;
  };
  if (!context.options.deep) {
    co_return not_fetched("the record names the host that would be connected to: it is asked in deep runs alone",
                          "the operator asks for it, or whoever proves control of the domain");
  }
  if (context.options.only_own_hosts && !host->is_within(context.target.domain)) {
    co_return not_fetched("control was proved of " + context.report.domain + ", not of hosts elsewhere",
                          "look at " + thing + " by hand");
  }
  if (target->port != kHttpsPort) {
    co_return not_fetched("port " + std::to_string(target->port) + " is not asked: it may be another service's",
                          "serve " + thing + " on port 443");
  }
  bool unknown = false;
  Place out{.host = *host, .path = target->path, .v6 = {}, .v4 = {}};
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const auto answer = co_await context.ask(*host, type);
    unknown = unknown || is_temporary(answer->status);
    for (const auto& address : answer->addresses) {
      if (!why_not_global(address).empty() && !context.options.allow_private) continue;
      (type == dns::Type::aaaa ? out.v6 : out.v4).push_back(address);
    }
  }
  if (out.v6.empty() && out.v4.empty() && unknown) {
    co_return not_fetched("DNS did not say where " + printable(host->text()) + " is", "ask again later");
  }
  if (out.v6.empty() && out.v4.empty()) {
    context.add(id, Outcome::fail, subject, printable(host->text()) + " has no address", "serve " + thing);
    co_return std::nullopt;
  }
  co_return out;
}

outbound::HttpsRequest request_of(const Context& context, const Place& place, std::vector<ip::Address> addresses,
                                  std::size_t body_max) {
  return {.host = place.host.text(),
          .port = context.options.https_port,
          .path = place.path,
          .addresses = std::move(addresses),
          .ca_file = context.options.ca_file,
          .deadline_ms = kFetchMs,
          .body_max = body_max,
          .body = {},
          .content_type = {}};
}

std::vector<ip::Address> all_addresses(const Place& place) {
  std::vector<ip::Address> out = place.v6;
  out.insert(out.end(), place.v4.begin(), place.v4.end());
  return out;
}

}  // namespace postern::check
