#include "web/access.h"

#include <algorithm>

#include "base/text.h"
#include "web/url.h"

namespace postern::web {

namespace {

constexpr std::string_view kScheme = "https://";

// Behind public_url stands somebody who brings strangers here.
bool has_proxy(const Options& options) {
  return !options.public_url.empty() && std::ranges::all_of(options.listen, [](const ip::Endpoint& endpoint) {
    return endpoint.address.is_loopback();
  });
}

bool is_forwarded(const Request& request) {
  for (const std::string_view name : {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"})
    if (!request.field(name).empty()) return true;
  return false;
}

std::string_view authority_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  return url.substr(0, url.find('/'));
}

}  // namespace

bool is_loopback_name(std::string_view host) {
  if (host == "localhost") return true;
  const auto address = ip::Address::parse(host);
  return address && address->is_loopback();
}

Entry entry_of(const Request& request, const Options& options) {
  if (options.authenticates()) return Entry::ask;
  if (!request.local) return Entry::closed;
  if (has_proxy(options) || is_forwarded(request)) return Entry::proxied;
  if (!request.own) return Entry::other_user;
  if (!is_loopback_name(request.host())) return Entry::foreign_host;
  return Entry::operator_;
}

bool is_of_this_machine(const Request& request, const Options& options) {
  return request.own && !has_proxy(options) && !is_forwarded(request);
}

Credentials credentials_of(const Request& request) {
  const std::string_view field = trim(request.field("authorization"));
  if (field.empty()) return {};
  const std::size_t space = field.find(' ');
  const std::string_view scheme = field.substr(0, space);
  const std::string_view rest = space == std::string_view::npos ? std::string_view() : trim(field.substr(space));
  if (iequals(scheme, "bearer") && !rest.empty())
    return {.kind = Credentials::Kind::bearer, .user = {}, .secret = std::string(rest)};
  if (!iequals(scheme, "basic")) return {.kind = Credentials::Kind::malformed, .user = {}, .secret = {}};
  const auto pair = from_base64(rest);
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return {.kind = Credentials::Kind::malformed, .user = {}, .secret = {}};
  return {.kind = Credentials::Kind::basic, .user = pair->substr(0, colon), .secret = pair->substr(colon + 1)};
}

bool is_same_site(const Request& request, const Options& options) {
  const std::string_view site = request.field("sec-fetch-site");
  if (!site.empty() && site != "same-origin") return false;
  const std::string_view origin = request.field("origin");
  // Fetch, "serializing a request origin": a form of a page with `Referrer-Policy: no-referrer`, which a proxy in front
  // may have set, comes with "null"; then Sec-Fetch-Site alone says where it is from, and only a browser can say that
  if (origin == "null") return !site.empty();
  if (!origin.empty()) {
    const std::string authority = lower(authority_of(origin));
    if (authority.empty()) return false;
    const bool own = authority == lower(trim(request.field("host")));
    const bool published = !options.public_url.empty() && authority == lower(authority_of(options.public_url));
    return own || published;
  }
  return !site.empty() || !request.field("x-postern").empty();
}

ip::Address client_of(const Request& request, const Options& options) {
  if (!request.peer.is_loopback() || options.public_url.empty()) return request.peer;
  std::string_view forwarded = request.field("x-forwarded-for");
  if (const std::size_t comma = forwarded.rfind(','); comma != std::string_view::npos)
    forwarded.remove_prefix(comma + 1);
  return ip::Address::parse(trim(forwarded)).value_or(request.peer);
}

std::string_view base_path(const Options& options) {
  std::string_view url = options.public_url;
  if (!url.starts_with(kScheme)) return {};
  url.remove_prefix(kScheme.size());
  const std::size_t slash = url.find('/');
  return slash == std::string_view::npos ? std::string_view() : url.substr(slash);
}

}  // namespace postern::web
