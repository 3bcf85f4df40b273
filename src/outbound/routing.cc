#include "outbound/routing.h"

#include <algorithm>
#include <random>

namespace postern::outbound {

namespace {

using dns::Status;
using dns::Type;

constexpr std::size_t kDroppedMax = 20;

// RFC 5321 5.1: "temporary failure" of a look-up queues the message
smtp::Reply unknown_reply(const std::string& what, const dns::Answer& answer) {
  return {451,
          {4, 4, 3},
          "DNS: " + what + ": " + std::string(dns::to_string(answer.status)) +
              (answer.why.empty() ? "" : " (" + answer.why + ")")};
}

struct Addresses {
  std::vector<ip::Address> usable;
  bool secure = true;
  bool unknown = false;  // a look-up failed for now
  bool other_family = false;
  std::optional<smtp::Reply> trouble;  // of the look-up that failed
};

class Router {
 public:
  Router(dns::Resolver& resolver, RoutingRules rules, dns::Budget& budget)
      : resolver_(resolver), rules_(std::move(rules)), budget_(budget) {}

  Routing routing;

  [[nodiscard]] const RoutingRules& rules() const { return rules_; }

  void drop(const std::string& what, std::string_view why) {
    if (routing.dropped.size() < kDroppedMax) routing.dropped.push_back(what + " " + std::string(why));
  }

  bool is_own(const ip::Address& address, std::uint16_t port) const {
    return std::ranges::find(rules_.own_endpoints, ip::Endpoint{address, port}) != rules_.own_endpoints.end();
  }

  // One address of `host`, under the family that it came as.
  void take(const std::string& host, Type type, const ip::Address& address, bool by_operator, Addresses& out) {
    const std::string text = host + " [" + address.text() + "]";
    // An AAAA record that holds a v4-mapped address: no host is there over IPv6, and IPv4 has records of its own
    if (type == Type::aaaa && address.is_v4()) return drop(text, "is a v4-mapped address in an AAAA record");
    if (const std::string_view why = unusable(address, rules_, by_operator); !why.empty()) return drop(text, why);
    if (address.is_v4() ? rules_.ipv4 : rules_.ipv6) {
      out.usable.push_back(address);
      return;
    }
    if (address.is_v4() && rules_.nat64 && rules_.ipv6) {
      // RFC 6052 2.2: the last 32 bits of a /96
      auto octets = rules_.nat64->address().octets();
      const auto four = address.v4_octets();
      std::copy(four.begin(), four.end(), octets.begin() + 12);
      out.usable.push_back(ip::Address::v6(octets));
      return;
    }
    out.other_family = true;
    drop(text, "is of a family that this host does not send over");
  }

  // Only what was answered says whether the host's zone is signed: who makes the look-up of one family fail must not
  // switch DANE off for the other (RFC 7672 2.1.2).
  Task<Addresses> addresses(dns::Name host, bool by_operator) {
    Addresses out;
    for (const Type type : {Type::aaaa, Type::a}) {
      const dns::AnswerPtr answer = co_await resolver_.query(host, type, budget_);
      if (dns::is_temporary(answer->status)) {
        out.unknown = true;
        out.trouble = unknown_reply(std::string(dns::to_string(type)) + " of " + host.text(), *answer);
        continue;
      }
      out.secure = out.secure && answer->security == dns::Security::secure;
      std::size_t taken = 0;
      for (const ip::Address& address : answer->addresses) {
        if (++taken > kAddressesPerHostMax) break;
        take(host.text(), type, address, by_operator, out);
      }
    }
    co_return out;
  }

 private:
  dns::Resolver& resolver_;
  RoutingRules rules_;
  dns::Budget& budget_;
};

smtp::Reply null_mx_reply(const std::string& domain) {
  // RFC 7505 4.1: a code that says why
  return {556, {5, 1, 10}, domain + " takes no mail: it publishes a null MX record"};
}

// Seeds that are neighbours begin with numbers that are neighbours.
std::uint32_t scattered(std::uint32_t seed) { return (seed + 1) * 2654435761U; }

bool by_preference(const dns::Mx& a, const dns::Mx& b) { return a.preference < b.preference; }

// What RFC 5321 5.1 says about being among the hosts ourselves: we, and those that are not better than we, are left
// out. False where nothing is left.
bool cut_loop(Router& router, std::vector<MxHost>& hosts, std::uint16_t port) {
  std::optional<std::uint16_t> own;
  for (const MxHost& host : hosts) {
    const bool by_name = std::ranges::find(router.rules().own_names, host.name) != router.rules().own_names.end();
    const bool is_us =
        (by_name && !host.name.is_root()) ||
        std::ranges::any_of(host.addresses, [&](const ip::Address& a) { return router.is_own(a, port); });
    if (is_us && (!own || host.preference < *own)) own = host.preference;
  }
  if (!own) return true;
  std::erase_if(hosts, [&](const MxHost& host) {
    if (host.preference < *own) return false;
    router.drop(host.name.text(),
                "has a preference of " + std::to_string(host.preference) + ", and our own is " + std::to_string(*own));
    return true;
  });
  return !hosts.empty();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (out.size() > 300) return out + "; ...";
    out += (out.empty() ? "" : "; ") + line;
  }
  return out;
}

smtp::Reply no_address_reply(const std::string& what, const Routing& routing) {
  const std::string why = routing.dropped.empty() ? "" : ": " + joined(routing.dropped);
  if (routing.only_other_family) {
    return {
        451,
        {4, 4, 1},
        what + " has no address of a family that this host sends over; set [outbound] other_family_via or nat64" + why};
  }
  return {550, {5, 4, 4}, what + " has no address that mail can be sent to" + why};
}

}  // namespace

std::string_view unusable(const ip::Address& address, const RoutingRules& rules, bool by_operator) {
  if (address.is_any()) return "is the unspecified address";
  if (address.is_multicast()) return "is a multicast address";
  if (address.is_link_local()) return "is a link-local address";
  if (address.is_loopback()) return rules.allow_loopback || by_operator ? "" : "is a loopback address";
  if (by_operator) return "";
  if (address.is_documentation()) return "is a documentation address";
  return "";
}

Task<Routing> route_by_mx(dns::Resolver& resolver, RoutingRules rules, smtp::Domain domain, std::uint32_t seed,
                          dns::Budget& budget) {
  Router router(resolver, std::move(rules), budget);
  Routing& routing = router.routing;
  const std::uint16_t port = routing.port = router.rules().port;
  if (domain.literal) {
    // RFC 5321 5.1: an address literal names the host itself
    Addresses found;
    router.take(domain.text(), domain.literal->is_v4() ? Type::a : Type::aaaa, *domain.literal, false, found);
    routing.only_other_family = found.other_family;
    routing.hosts.push_back({{}, 0, false, std::move(found.usable), domain.literal});
    if (routing.hosts.front().addresses.empty()) {
      routing.hosts.clear();
      routing.refusal = no_address_reply(domain.text(), routing);
    } else if (!cut_loop(router, routing.hosts, port)) {
      routing.refusal = smtp::Reply(554, {5, 4, 6}, domain.text() + " is an address of this host");
    }
    co_return std::move(routing);
  }
  const auto name = dns::Name::parse(domain.name);
  if (!name || name->is_root()) {
    routing.refusal = smtp::Reply(550, {5, 1, 2}, domain.name + " cannot be a domain name");
    co_return std::move(routing);
  }
  const dns::AnswerPtr answer = co_await resolver.query(*name, Type::mx, budget);
  if (answer->status == Status::nxdomain) {
    routing.refusal = smtp::Reply(550, {5, 1, 2}, "the domain " + name->text() + " does not exist");
    co_return std::move(routing);
  }
  if (dns::is_temporary(answer->status)) {
    routing.refusal = unknown_reply("MX of " + name->text(), *answer);
    co_return std::move(routing);
  }
  routing.mx_secure = answer->security == dns::Security::secure;
  if (!answer->canonical.is_root()) routing.canonical = answer->canonical;
  std::vector<dns::Mx> records = answer->mx;
  // RFC 7505 3: a null MX stands alone; a root among others names no host
  const bool null_mx =
      !records.empty() && std::ranges::all_of(records, [](const dns::Mx& r) { return r.host.is_root(); });
  if (null_mx) {
    routing.refusal = null_mx_reply(name->text());
    co_return std::move(routing);
  }
  std::erase_if(records, [](const dns::Mx& r) { return r.host.is_root(); });
  // RFC 5321 5.1: without MX records the domain is its own host; with any, never
  if (records.empty()) records.push_back({0, *name});
  std::minstd_rand random(scattered(seed));
  std::ranges::shuffle(records, random);
  std::ranges::sort(records, by_preference);  // shuffled before: equals stay in no order
  if (records.size() > kHostsMax) records.resize(kHostsMax);
  for (const dns::Mx& record : records) {
    resolver.prefetch(record.host, Type::aaaa);
    resolver.prefetch(record.host, Type::a);
  }
  std::optional<smtp::Reply> trouble;
  bool other_family = false;
  std::vector<MxHost> hosts;
  for (const dns::Mx& record : records) {
    Addresses found = co_await router.addresses(record.host, false);
    other_family = other_family || found.other_family;
    if (found.unknown) trouble = found.trouble;
    if (found.usable.empty() && !found.unknown && !found.other_family)
      router.drop(record.host.text(), "has no address");
    hosts.push_back({record.host, record.preference, found.secure, std::move(found.usable)});
  }
  const bool reachable = cut_loop(router, hosts, port);
  if (!reachable) {
    // RFC 5321 5.1, 6.3: mail for it would come back to us
    routing.refusal = smtp::Reply(554, {5, 4, 6},
                                  "mail for " + name->text() +
                                      " loops back: this host is its best MX and does not take its mail; add it as a "
                                      "[[domain]], or set a [[route]]");
    co_return std::move(routing);
  }
  std::erase_if(hosts, [](const MxHost& host) { return host.addresses.empty(); });
  routing.hosts = std::move(hosts);
  if (routing.hosts.empty()) {
    routing.only_other_family = other_family;
    routing.refusal = trouble ? *trouble : no_address_reply(name->text(), routing);
  }
  co_return std::move(routing);
}

Task<Routing> route_to(dns::Resolver& resolver, RoutingRules rules, NextHop hop, std::uint32_t seed,
                       dns::Budget& budget) {
  Router router(resolver, std::move(rules), budget);
  Routing& routing = router.routing;
  routing.port = hop.port;
  Addresses found;
  MxHost host;
  if (hop.host.literal) {
    router.take(hop.text(), hop.host.literal->is_v4() ? Type::a : Type::aaaa, *hop.host.literal, true, found);
    found.secure = false;
    host.literal = hop.host.literal;
  } else {
    const auto name = dns::Name::parse(hop.host.name);
    if (!name || name->is_root()) {
      routing.refusal = smtp::Reply(451, {4, 3, 5}, hop.host.name + " cannot be a host name; mend the configuration");
      co_return std::move(routing);
    }
    host.name = *name;
    resolver.prefetch(*name, Type::a);
    found = co_await router.addresses(*name, true);
  }
  routing.only_other_family = found.usable.empty() && found.other_family;
  host.addresses_secure = found.secure;
  // Nobody can publish our names for a host that the operator chose: only the address tells a loop
  std::erase_if(found.usable, [&](const ip::Address& address) {
    if (!router.is_own(address, hop.port)) return false;
    router.drop(hop.text(), "is this host itself");
    return true;
  });
  std::minstd_rand random(scattered(seed));
  std::ranges::shuffle(found.usable, random);
  host.addresses = std::move(found.usable);
  if (!host.addresses.empty()) {
    routing.hosts.push_back(std::move(host));
    co_return std::move(routing);
  }
  // What the operator set is wrong or broken for now: mail waits until he has mended it
  smtp::Reply reply = found.trouble ? *found.trouble : no_address_reply("the next hop " + hop.text(), routing);
  if (reply.permanent()) reply = smtp::Reply(451, {4, 4, 4}, reply.text);
  routing.refusal = std::move(reply);
  co_return std::move(routing);
}

}  // namespace postern::outbound
