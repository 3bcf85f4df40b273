// The keys of [relay], [outbound] and [[route]]: mail to servers of others.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"

namespace postern::config {

namespace {

constexpr std::size_t kRoutesMax = 1000;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kHour = 3600 * kSecond;

outbound::RouteOptions& smarthost(Reader& reader) {
  auto& smarthost = reader.config.outbound.smarthost;
  return smarthost ? *smarthost : smarthost.emplace();
}

void read_relay_from(Reader& reader, const Node& node) { reader.config.inbound.relay_from = reader.prefixes(node); }

std::optional<outbound::NextHop> next_hop(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "an address or name with a port, such as \"[2001:db8::1]:587\"");
  if (!text) return std::nullopt;
  auto hop = outbound::NextHop::parse(*text);
  if (hop) return std::move(*hop);
  reader.problem(node.place, hop.error().what);
  return std::nullopt;
}

std::vector<ip::Family> families(Reader& reader, const Node& node) {
  std::vector<ip::Family> out;
  const auto names = reader.strings(node, "\"ipv6\" and \"ipv4\"");
  if (!names) return out;
  for (const Reader::Text& name : *names) {
    if (name.text == "ipv6") {
      out.push_back(ip::Family::v6);
    } else if (name.text == "ipv4") {
      out.push_back(ip::Family::v4);
    } else {
      reader.problem(name.place, quoted(name.text) + " is not a family; write \"ipv6\" or \"ipv4\"");
    }
  }
  if (names->empty()) reader.problem(node.place, "names no family; write [\"ipv6\", \"ipv4\"], or leave it out");
  return out;
}

outbound::TlsDemand demand(Reader& reader, const Node& node) {
  constexpr std::array kDemands = {outbound::TlsDemand::published, outbound::TlsDemand::none,
                                   outbound::TlsDemand::required, outbound::TlsDemand::verified};
  const auto chosen = reader.choice(node, {"published", "none", "required", "verified"});
  return chosen ? kDemands.at(*chosen) : outbound::TlsDemand::published;
}

std::string user(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a user name");
  if (!text) return {};
  const bool plain = !text->empty() && std::ranges::none_of(*text, [](char c) { return c == '\0' || c == '\n'; });
  if (!plain) reader.problem(node.place, "names no user");
  return *text;
}

std::string file(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the path of a file");
  if (!text) return {};
  if (text->empty() || text->find('\0') != std::string::npos) reader.problem(node.place, "names no file");
  return reader.path(*text);
}

void read_source(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "addresses of this host");
  if (!texts) return;
  for (const Reader::Text& text : *texts) {
    const auto address = ip::Address::parse(text.text);
    if (!address || address->is_any() || address->is_multicast()) {
      reader.problem(text.place, quoted(text.text) + " is not an address to send from; write one of this host's");
      continue;
    }
    auto& sources = reader.config.outbound.source;
    const bool twice =
        std::ranges::any_of(sources, [&](const ip::Address& a) { return a.family() == address->family(); });
    if (twice) {
      reader.problem(text.place, "is the second address of its family; one of each is used");
      continue;
    }
    sources.push_back(*address);
  }
}

std::string hello(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the name of this host, such as \"mx.example.org\"");
  if (!text) return {};
  const auto domain = smtp::parse_domain(*text, true);
  if (domain && !domain->name.empty()) return domain->name;
  reader.problem(node.place, quoted(*text) + " is not a host name");
  return {};
}

void read_nat64(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a prefix, such as \"64:ff9b::/96\"");
  if (!text) return;
  const auto prefix = ip::Prefix::parse(*text);
  if (!prefix || !prefix->address().is_v6() || prefix->length() != 96) {
    return reader.problem(node.place, quoted(*text) +
                                          " is not an IPv6 /96; write \"64:ff9b::/96\" (RFC 6052), or the "
                                          "network's own prefix");
  }
  reader.config.outbound.nat64 = *prefix;
}

void read_route_domain(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "domains, such as \"example.net\"");
  if (!texts) return;
  if (texts->empty()) reader.problem(node.place, "names no domain");
  for (const Reader::Text& text : *texts) {
    if (text.text == "*") {
      reader.route->domains.emplace_back("*");
      continue;
    }
    const bool below = text.text.starts_with('.');
    const auto domain = smtp::parse_domain(std::string_view(text.text).substr(below ? 1 : 0), true);
    if (!domain || domain->empty() || (below && domain->literal)) {
      reader.problem(text.place, quoted(text.text) +
                                     " is not a domain; write \"example.net\", \".example.net\" for all "
                                     "below it, or \"*\" for all");
      continue;
    }
    reader.route->domains.push_back((below ? "." : "") + domain->text());
  }
}

void read_via(Reader& reader, const Node& node) {
  if (node.kind == Node::Kind::string && node.text == "mx") return;
  reader.route->via = next_hop(reader, node);
}

// What belongs together of one way.
void check_way(Reader& reader, const outbound::RouteOptions& way, std::string_view section) {
  const std::string prefix = std::string(section) + ".";
  const auto place = [&](std::string_view key) {
    const auto at = reader.places.find(prefix + std::string(key));
    return at == reader.places.end() ? Place{} : at->second;
  };
  if (way.user.empty() != way.password_file.empty()) {
    const std::string_view given = way.user.empty() ? "password_file" : "user";
    reader.problem_at(prefix + std::string(given), place(given), "needs the other of user and password_file beside it");
  }
  if (!way.user.empty() && !way.via) {
    reader.problem_at(prefix + "user", place("user"),
                      section == "relay" ? "needs relay.smarthost" : "needs via, the server to log in to");
  }
  if (!way.user.empty() && way.tls == outbound::TlsDemand::none) {
    reader.problem_at(prefix + "tls", place("tls"),
                      "cannot be \"none\" where there is a password: it is not sent in clear");
  }
  const bool proved =
      way.tls == outbound::TlsDemand::verified || (way.tls == outbound::TlsDemand::published && !way.user.empty());
  if (way.via && way.via->host.literal && proved) {
    const std::string_view key = section == "relay" ? "smarthost" : "via";
    reader.warning_at(prefix + std::string(key), place(key),
                      "is an address, and its certificate must be for that address; where it is for a name, write the "
                      "name, or set tls = \"required\"");
  }
}

constexpr std::string_view kTlsType = "\"published\", \"none\", \"required\" or \"verified\"";

// clang-format off: one line a key reads better than any wrapping
#define POSTERN_OUTBOUND(name_, unit_, min_, max_, member_, doc_)                                               \
  Key {                                                                                                         \
    .section = "outbound", .name = name_, .doc = doc_, .unit = Unit::unit_, .min = min_, .max = max_,           \
    .get = [](const Config& c) { return static_cast<std::uint64_t>(c.outbound.member_); },                      \
    .set = [](Config& c, std::uint64_t v) { c.outbound.member_ = static_cast<decltype(c.outbound.member_)>(v); } \
  }
// clang-format on

constexpr std::array kOutbound = {
    Key{.section = "relay",
        .name = "from",
        .doc = "Clients that may send to domains that are not ours. Not even loopback may without being listed.",
        .type = "list of addresses and prefixes",
        .fallback = "[]",
        .read = read_relay_from},
    Key{.section = "relay",
        .name = "smarthost",
        .doc = "The server for mail to other domains, in the place of their MX hosts. A [[route]] stands over it.",
        .type = "ADDRESS:PORT or NAME:PORT",
        .fallback = "none: the MX hosts of each domain",
        .read = [](Reader& reader, const Node& node) { smarthost(reader).via = next_hop(reader, node); }},
    Key{.section = "relay",
        .name = "user",
        .doc = "Who we are to the smarthost (AUTH, under TLS only).",
        .type = "user name",
        .fallback = "none: no AUTH",
        .read = [](Reader& reader, const Node& node) { smarthost(reader).user = user(reader, node); }},
    Key{.section = "relay",
        .name = "password_file",
        .doc = "The file whose first line is the password of that user.",
        .type = "path",
        .fallback = "none",
        .read = [](Reader& reader, const Node& node) { smarthost(reader).password_file = file(reader, node); }},
    Key{.section = "relay",
        .name = "tls",
        .doc =
            "What is demanded of the smarthost: \"published\" what DNS publishes for it, and encryption where it is "
            "offered; \"required\" encryption, whoever it is; \"verified\" a certificate for its name; \"none\" does "
            "not ask for STARTTLS. With a password, \"published\" is \"verified\". A smarthost that is written as an "
            "address needs a certificate for that address then.",
        .type = kTlsType,
        .fallback = "\"published\"",
        .read = [](Reader& reader, const Node& node) { smarthost(reader).tls = demand(reader, node); }},

    Key{.section = "outbound",
        .name = "families",
        .doc = "The families that this host can send over. Destinations with addresses of the other alone go through "
               "other_family_via or nat64, or wait.",
        .type = "list of \"ipv6\" and \"ipv4\"",
        .fallback = "both",
        .read = [](Reader& reader, const Node& node) { reader.config.outbound.families = families(reader, node); }},
    Key{.section = "outbound",
        .name = "other_family_via",
        .doc = "The server for destinations that have no address of our families: one that has both.",
        .type = "ADDRESS:PORT or NAME:PORT",
        .fallback = "none",
        .read = [](Reader& reader,
                   const Node& node) { reader.config.outbound.other_family_via = next_hop(reader, node); }},
    Key{.section = "outbound",
        .name = "nat64",
        .doc = "The prefix under which IPv4 is reached from an IPv6-only network (RFC 6052).",
        .type = "IPv6 /96",
        .fallback = "none",
        .read = read_nat64},
    Key{.section = "outbound",
        .name = "source",
        .doc =
            "The addresses to send from, one of each family at most. Their reverse DNS should be the name in EHLO; the "
            "log says at start where it is not.",
        .type = "list of addresses",
        .fallback = "[]; the system chooses",
        .read = read_source},
    Key{.section = "outbound",
        .name = "hello_ipv6",
        .doc = "The name in EHLO over IPv6.",
        .type = "host name",
        .fallback = "hostname",
        .read = [](Reader& reader, const Node& node) { reader.config.outbound.hello_ipv6 = hello(reader, node); }},
    Key{.section = "outbound",
        .name = "hello_ipv4",
        .doc = "The name in EHLO over IPv4.",
        .type = "host name",
        .fallback = "hostname",
        .read = [](Reader& reader, const Node& node) { reader.config.outbound.hello_ipv4 = hello(reader, node); }},
    POSTERN_OUTBOUND("idle", milliseconds, 100, 300 * kSecond, idle_ms,
                     "How long a connection is kept for the next message to the same destination."),
    POSTERN_OUTBOUND("messages_per_connection", count, 1, 100000, messages_per_connection,
                     "Messages after which a connection is closed. A server may ask for fewer (LIMITS, RFC 9422)."),
    POSTERN_OUTBOUND("connect_timeout", milliseconds, 1 * kSecond, 600 * kSecond, timeouts.connect_ms,
                     "Time for a TCP connection. Another address is begun beside it much sooner."),
    POSTERN_OUTBOUND("greeting_timeout", milliseconds, 1 * kSecond, 1 * kHour, timeouts.greeting_ms,
                     "Wait for the greeting and the reply to EHLO. RFC 5321 4.5.3.2.1 asks for 5 minutes."),
    POSTERN_OUTBOUND("command_timeout", milliseconds, 1 * kSecond, 1 * kHour, timeouts.command_ms,
                     "Wait for the reply to MAIL, RCPT and DATA. RFC 5321 4.5.3.2.2 asks for 5 minutes."),
    POSTERN_OUTBOUND("data_timeout", milliseconds, 1 * kSecond, 1 * kHour, timeouts.data_block_ms,
                     "Wait until the server takes a block of the message. RFC 5321 4.5.3.2.5 asks for 3 minutes."),
    POSTERN_OUTBOUND("final_reply_timeout", milliseconds, 1 * kSecond, 2 * kHour, timeouts.final_reply_ms,
                     "Wait for the reply to the message. RFC 5321 4.5.3.2.6 asks for 10 minutes: who hangs up earlier "
                     "sends it twice."),
    POSTERN_OUTBOUND("port", count, 1, 65535, port,
                     "The port of MX hosts. Mail servers are on 25; another one is for tests and odd networks."),
    Key{.section = "outbound",
        .name = "allow_loopback",
        .doc =
            "Whether MX hosts may be on loopback addresses. For tests: elsewhere such an address is a mistake of the "
            "domain, and mail for it would come back to us.",
        .type = "boolean",
        .fallback = "false",
        .read =
            [](Reader& reader, const Node& node) {
              if (const auto value = reader.boolean(node)) reader.config.outbound.allow_loopback = *value;
            }},

    Key{.section = "route",
        .name = "domain",
        .doc =
            "The domains it is for: \"example.net\", \".example.net\" for all below it, \"*\" for all others. The most "
            "exact one counts.",
        .type = "list of domains",
        .fallback = "none: it must be given",
        .read = read_route_domain},
    Key{.section = "route",
        .name = "via",
        .doc = "The server their mail goes to; \"mx\": their MX hosts, also where there is a smarthost.",
        .type = "ADDRESS:PORT, NAME:PORT or \"mx\"",
        .fallback = "\"mx\"",
        .read = read_via},
    Key{.section = "route",
        .name = "families",
        .doc = "The families to send over.",
        .type = "list of \"ipv6\" and \"ipv4\"",
        .fallback = "as [outbound] families",
        .read = [](Reader& reader, const Node& node) { reader.route->families = families(reader, node); }},
    Key{.section = "route",
        .name = "tls",
        .doc = "What is demanded of its hosts, as [relay] tls.",
        .type = kTlsType,
        .fallback = "\"published\"",
        .read = [](Reader& reader, const Node& node) { reader.route->tls = demand(reader, node); }},
    Key{.section = "route",
        .name = "user",
        .doc = "Who we are to that server (AUTH, under TLS only).",
        .type = "user name",
        .fallback = "none: no AUTH",
        .read = [](Reader& reader, const Node& node) { reader.route->user = user(reader, node); }},
    Key{.section = "route",
        .name = "password_file",
        .doc = "The file whose first line is the password of that user.",
        .type = "path",
        .fallback = "none",
        .read = [](Reader& reader, const Node& node) { reader.route->password_file = file(reader, node); }},
};
#undef POSTERN_OUTBOUND

}  // namespace

std::span<const Key> outbound_keys() { return kOutbound; }

void read_route(Reader& reader, const Section& section, const Node& node) {
  if (!has_room(reader, section, node, reader.config.outbound.routes.size(), kRoutesMax)) return;
  outbound::RouteOptions route;
  route.line = node.place.line;
  reader.route = &route;
  const bool well = read_repeated(reader, section, node, {"domain"});
  reader.route = nullptr;
  if (!well) return;
  check_way(reader, route, "route");
  reader.config.outbound.routes.push_back(std::move(route));
}

void check_outbound(Reader& reader) {
  auto& smarthost = reader.config.outbound.smarthost;
  if (!smarthost) return;
  check_way(reader, *smarthost, "relay");
  if (!smarthost->via && smarthost->user.empty() && reader.places.contains("relay.tls")) {
    reader.problem_at("relay.tls", reader.places["relay.tls"], "needs relay.smarthost");
  }
  // [relay] tls or from alone is no next hop
  if (!smarthost->via) smarthost.reset();
}

}  // namespace postern::config
