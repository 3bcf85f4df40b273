#include "resolver/context.h"

#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "base/text.h"

namespace postern::resolver {

namespace {

constexpr std::uint16_t kDnsPort = 53;
constexpr const char* kDefaultAnchor = "/usr/share/dns/root.key";  // Debian's dns-root-data
constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr std::size_t kResolvConfMax = std::size_t{64} * 1024;

// libunbound answers for these by itself (RFC 6761, RFC 6303, RFC 7686, RFC 8375). A server that we were told to ask
// may know them: test zones, the reverse zones of private networks. They cannot be validated from the public root.
constexpr std::array kSpecialZones{"test.",
                                   "invalid.",
                                   "onion.",
                                   "home.arpa.",
                                   "127.in-addr.arpa.",
                                   "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
                                   "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
                                   "10.in-addr.arpa.",
                                   "16.172.in-addr.arpa.",
                                   "17.172.in-addr.arpa.",
                                   "18.172.in-addr.arpa.",
                                   "19.172.in-addr.arpa.",
                                   "20.172.in-addr.arpa.",
                                   "21.172.in-addr.arpa.",
                                   "22.172.in-addr.arpa.",
                                   "23.172.in-addr.arpa.",
                                   "24.172.in-addr.arpa.",
                                   "25.172.in-addr.arpa.",
                                   "26.172.in-addr.arpa.",
                                   "27.172.in-addr.arpa.",
                                   "28.172.in-addr.arpa.",
                                   "29.172.in-addr.arpa.",
                                   "30.172.in-addr.arpa.",
                                   "31.172.in-addr.arpa.",
                                   "168.192.in-addr.arpa.",
                                   "0.in-addr.arpa.",
                                   "254.169.in-addr.arpa.",
                                   "2.0.192.in-addr.arpa.",
                                   "100.51.198.in-addr.arpa.",
                                   "113.0.203.in-addr.arpa.",
                                   "255.255.255.255.in-addr.arpa.",
                                   "d.f.ip6.arpa.",
                                   "8.e.f.ip6.arpa.",
                                   "9.e.f.ip6.arpa.",
                                   "a.e.f.ip6.arpa.",
                                   "b.e.f.ip6.arpa.",
                                   "8.b.d.0.1.0.0.2.ip6.arpa."};

constexpr unsigned kFirstSharedNet = 64, kLastSharedNet = 127;  // 100.64.0.0/10, RFC 7793

std::vector<std::string> special_zones() {
  std::vector<std::string> zones(kSpecialZones.begin(), kSpecialZones.end());
  for (unsigned net = kFirstSharedNet; net <= kLastSharedNet; ++net) {
    zones.push_back(std::to_string(net) + ".100.in-addr.arpa.");
  }
  return zones;
}

class Builder {
 public:
  explicit Builder(ub_ctx* context) : context_(context) {}
  // Errors are kept: the first one names what was set.
  void set(const char* option, const std::string& value) {
    note(ub_ctx_set_option(context_, option, value.c_str()), std::string(option) + " " + value);
  }
  void note(int status, std::string_view what) {
    if (status == 0 || !error_.empty()) return;
    error_ = "dns: libunbound refuses " + printable(what) + ": " + ub_strerror(status);
  }
  [[nodiscard]] Result<> end() const {
    if (!error_.empty()) return fail(ErrorKind::invalid, error_);
    return {};
  }

 private:
  ub_ctx* context_;
  std::string error_;
};

std::string forward_address(const ip::Endpoint& server) {
  return server.address.text() + "@" + std::to_string(server.port);
}

std::vector<ip::Endpoint> servers_of(const Options& options) {
  if (options.recurse) return {};
  if (!options.servers.empty()) return options.servers;
  std::ifstream file(kResolvConf);
  std::string text;
  for (char c = 0; text.size() < kResolvConfMax && file.get(c);) text.push_back(c);
  auto servers = servers_in(text);
  if (servers.empty()) {
    log::warning("dns_no_servers", {{"what", "no nameserver in /etc/resolv.conf: names are looked up from the root"}});
  }
  return servers;
}

void size_limits(Builder& build, const Options& options) {
  build.set("num-queries-per-thread:", std::to_string(std::max<std::uint32_t>(options.in_flight_max, 64)));
  // Each query on its way has a socket of its own (RFC 5452 9.2); further ones wait for a free one.
  const long descriptors = std::max<long>(::sysconf(_SC_OPEN_MAX), 256);
  build.set("outgoing-range:", std::to_string(std::clamp<long>(descriptors / 8, 32, 1024)));
  build.set("outgoing-num-tcp:", std::to_string(std::clamp<long>(descriptors / 64, 4, 64)));
  build.set("msg-cache-size:", "8m");
  build.set("rrset-cache-size:", "16m");
  build.set("key-cache-size:", "4m");
  build.set("neg-cache-size:", "1m");
}

// RFC 2606: examples in the public tree. Servers of a test invent them.
constexpr std::array kExampleZones{"example.", "example.com.", "example.net.", "example.org."};

bool all_loopback(const std::vector<ip::Endpoint>& servers) {
  return std::ranges::all_of(servers, [](const ip::Endpoint& server) { return server.address.is_loopback(); });
}

// RFC 1035 5.1: the owner stands first. Public roots have no other owner than the root.
dns::Name owner_of(std::string_view record) {
  record = trim(record);
  return dns::Name::parse(record.substr(0, record.find_first_of(" \t"))).value_or(dns::Name());
}

Result<> add_anchors(Builder& build, Context& context, const Options& options) {
  if (!options.dnssec) return {};
  for (const std::string& anchor : options.trust_anchors) {
    build.note(ub_ctx_add_ta(context.unbound.get(), anchor.c_str()), "trust anchor " + anchor);
    context.anchors.push_back(owner_of(anchor));
  }
  std::string file = options.trust_anchor_file;
  if (file.empty() && options.trust_anchors.empty()) {
    file = kDefaultAnchor;
    if (::access(file.c_str(), R_OK) != 0) {
      log::warning("dns_no_trust_anchor", {{"what", "no DNSSEC validation: " + file + " is not there"},
                                           {"remedy", "install dns-root-data, or set trust_anchor_file"}});
      return {};
    }
  }
  if (!file.empty()) {
    if (::access(file.c_str(), R_OK) != 0) {
      return fail(ErrorKind::not_found, "dns: trust_anchor_file " + printable(file) + " cannot be read");
    }
    build.note(ub_ctx_add_ta_file(context.unbound.get(), file.c_str()), "trust anchor file " + file);
    context.anchors.emplace_back();
  }
  return {};
}

}  // namespace

void ContextFree::operator()(ub_ctx* context) const { ub_ctx_delete(context); }

bool has_anchor(const Options& options) {
  if (!options.dnssec) return false;
  if (!options.trust_anchors.empty() || !options.trust_anchor_file.empty()) return true;
  return ::access(std::string(kDefaultAnchor).c_str(), R_OK) == 0;
}

Result<Context> make_context(const Options& options) {
  Context out;
  out.unbound.reset(ub_ctx_create());
  if (!out.unbound) return fail(ErrorKind::network, "dns: libunbound cannot make a context (out of memory?)");
  ub_ctx* const context = out.unbound.get();
  ub_ctx_debugout(context, nullptr);  // it would write to stderr past our log
  out.servers = servers_of(options);

  Builder build(context);
  build.note(ub_ctx_async(context, 1), "a thread");
  size_limits(build, options);
  build.set("do-not-query-localhost:", "no");
  build.set("module-config:", "validator iterator");
  build.set("val-max-restart:", "5");
  // RFC 8767 4: a week. The default of a day would show no longer TTL than that (`postern check` judges them); the
  // caches of the loops keep nothing for more than a day.
  build.set("cache-max-ttl:", "604800");
  POSTERN_TRY_VOID(add_anchors(build, out, options));

  const bool forwards = !out.servers.empty();
  const bool public_root = options.trust_anchors.empty();
  if (forwards) {
    for (const auto& server : out.servers) {
      build.note(ub_ctx_set_fwd(context, forward_address(server).c_str()), "server " + server.text());
    }
    // A server that was silent is tried again soon: whether any answers is for the dead-resolver rule to say.
    build.set("infra-host-ttl:", out.servers.size() == 1 ? "2" : "10");
    build.set("infra-cache-max-rtt:", "3000");
    if (!out.anchors.empty() && public_root) {
      const auto never_validated = [&](const std::string& zone) {
        build.set("domain-insecure:", zone);
        out.insecure.push_back(dns::Name::parse(zone).value_or(dns::Name()));
      };
      for (const auto& zone : special_zones()) never_validated(zone);
      // Servers on this host that the operator named and that know no DNSSEC (authoritative ones in a test, a stub that
      // strips signatures): answers are insecure instead of all bogus, as they would be by his word alone.
      if (!options.servers.empty() && all_loopback(options.servers)) {
        build.set("harden-dnssec-stripped:", "no");
        for (const char* zone : kExampleZones) never_validated(zone);
      }
    }
  }
  POSTERN_TRY_VOID(build.end());
  // The first of these makes the context final: options and anchors are read here.
  build.note(ub_ctx_zone_remove(context, "postern.invalid."), "its options, or the trust anchors");
  if (forwards) {
    for (const auto& zone : special_zones()) build.note(ub_ctx_zone_remove(context, zone.c_str()), zone);
  }
  POSTERN_TRY_VOID(build.end());
  return out;
}

bool Context::validates(const dns::Name& name) const {
  const auto deepest = [&](const std::vector<dns::Name>& points) {
    int labels = -1;
    for (const auto& point : points) {
      if (name.is_within(point)) labels = std::max(labels, static_cast<int>(point.labels()));
    }
    return labels;
  };
  return deepest(anchors) > deepest(insecure);
}

std::vector<ip::Endpoint> servers_in(std::string_view resolv_conf) {
  std::vector<ip::Endpoint> out;
  for (std::string_view line : split(resolv_conf, '\n')) {
    line = trim(line);
    if (!line.starts_with("nameserver") || out.size() == kServersMax) continue;
    line.remove_prefix(std::string_view("nameserver").size());
    if (!line.starts_with(' ') && !line.starts_with('\t')) continue;
    line = trim(line);
    line = line.substr(0, line.find_first_of(" \t#;"));
    if (const auto address = ip::Address::parse(line)) out.push_back({*address, kDnsPort});
  }
  return out;
}

std::string presentation(const dns::Name& name) {
  if (name.is_root()) return ".";
  std::string out;
  out.reserve(name.text().size() + 1);
  for (const char c : name.text()) {
    if (is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.') {
      out.push_back(c);
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out.push_back('\\');
      out.push_back(static_cast<char>('0' + octet / 100));
      out.push_back(static_cast<char>('0' + octet / 10 % 10));
      out.push_back(static_cast<char>('0' + octet % 10));
    }
  }
  out.push_back('.');
  return out;
}

}  // namespace postern::resolver
