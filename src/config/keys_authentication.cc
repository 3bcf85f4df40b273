// The keys of [dns] and [authentication].
#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "config/keys.h"
#include "dns/name.h"

namespace postern::config {

namespace {

void read_servers(Reader& reader, const Node& node) { reader.config.dns.servers = reader.endpoints(node); }

std::string show_servers(const Config& config) {
  std::string out;
  for (const ip::Endpoint& server : config.dns.servers) out += server.text() + "\n";
  return out;
}

void read_recurse(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.dns.recurse = *value;
}

void read_dnssec(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.dns.dnssec = *value;
}

void read_anchor_file(Reader& reader, const Node& node) {
  if (const auto value = reader.string(node, "a path")) reader.config.dns.trust_anchor_file = reader.path(*value);
}

void read_anchors(Reader& reader, const Node& node) {
  const auto list = reader.strings(node, "DS or DNSKEY records");
  if (!list) return;
  for (const Reader::Text& entry : *list) {
    const std::string words = " " + lower(entry.text) + " ";
    if (words.find(" ds ") == std::string::npos && words.find(" dnskey ") == std::string::npos) {
      reader.problem(entry.place,
                     quoted(entry.text) +
                         " is no DS or DNSKEY record; write it as in a zone, for example \"example.org. IN "
                         "DS 31589 13 2 3A5E...\"");
    } else {
      reader.config.dns.trust_anchors.push_back(entry.text);
    }
  }
}

std::string show_anchors(const Config& config) {
  std::string out = config.dns.trust_anchor_file + "\n";
  for (const std::string& anchor : config.dns.trust_anchors) out += anchor + "\n";
  return out;
}

void read_enabled(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.inbound.authenticate = *value;
}

void read_authserv_id(Reader& reader, const Node& node) {
  const auto value = reader.string(node, "a name, such as \"example.org\"");
  if (!value) return;
  // RFC 8601 2.5 allows more; what readers agree on is a domain name
  const auto name = dns::Name::from_unicode(*value);
  const bool plain = name && !name->is_root() && std::ranges::all_of(name->text(), [](char c) {
                       return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
                     });
  if (!plain) {
    reader.problem(node.place, quoted(*value) + " is no domain name; write one that is yours, such as \"example.org\"");
    return;
  }
  reader.config.inbound.authserv_id = name->text();
}

constexpr std::array kKeys = {
    Key{.section = "dns",
        .name = "server",
        .reload = false,
        .doc = "Resolvers to ask; they should stand near. Without any, those of /etc/resolv.conf.",
        .type = "list of ADDRESS:PORT",
        .fallback = "[]",
        .read = read_servers,
        .show = show_servers},
    Key{.section = "dns",
        .name = "recurse",
        .reload = false,
        .doc = "Ask the authoritative servers directly, from the root down, instead of any resolver. Not together with "
               "server.",
        .type = "boolean",
        .fallback = "false",
        .read = read_recurse,
        .show = [](const Config& config) { return std::string(config.dns.recurse ? "yes" : "no"); }},
    Key{.section = "dns",
        .name = "dnssec",
        .reload = false,
        .doc = "Validate answers (RFC 4035). An answer that fails validation counts as no answer.",
        .type = "boolean",
        .fallback = "true",
        .read = read_dnssec,
        .show = [](const Config& config) { return std::string(config.dns.dnssec ? "yes" : "no"); }},
    Key{.section = "dns",
        .name = "trust_anchor_file",
        .reload = false,
        .doc = "The root's keys, as DS or DNSKEY records.",
        .type = "path",
        .fallback = "the file of Debian's dns-root-data, where it is installed",
        .read = read_anchor_file,
        .show = show_anchors},
    Key{.section = "dns",
        .name = "trust_anchors",
        .reload = false,
        .doc = "DS or DNSKEY records beside those of the file, for private zones.",
        .type = "list of records",
        .fallback = "[]",
        .read = read_anchors,
        .show = show_anchors},
    Key{.section = "dns",
        .name = "timeout",
        .reload = false,
        .doc = "Time after which a look-up counts as unanswered. What it would have told is unknown then, and is held "
               "against nobody.",
        .unit = Unit::milliseconds,
        .min = 100,
        .max = 30000,
        .get = [](const Config& config) { return static_cast<std::uint64_t>(config.dns.lookup_timeout_ms); },
        .set = [](Config& config,
                  std::uint64_t value) { config.dns.lookup_timeout_ms = static_cast<std::int64_t>(value); }},
    Key{.section = "dns",
        .name = "cache_bytes",
        .reload = false,
        .doc = "Memory for answers, for each event loop.",
        .unit = Unit::bytes,
        .min = 64 * 1024,
        .max = std::uint64_t{4} << 30,
        .get = [](const Config& config) { return static_cast<std::uint64_t>(config.dns.cache_bytes); },
        .set = [](Config& config, std::uint64_t value) { config.dns.cache_bytes = value; }},

    Key{.section = "authentication",
        .name = "enabled",
        .doc = "Check SPF, DKIM, DMARC and ARC of mail from clients that may not relay, and say the results in "
               "Authentication-Results. Incoming fields of that name that claim to be ours are taken out in any case.",
        .type = "boolean",
        .fallback = "true",
        .read = read_enabled},
    Key{.section = "authentication",
        .name = "authserv_id",
        .doc = "Our name in Authentication-Results (RFC 8601 2.5); all gateways of a site may share one.",
        .type = "domain name",
        .fallback = "hostname",
        .read = read_authserv_id},
};

}  // namespace

std::span<const Key> authentication_keys() { return kKeys; }

}  // namespace postern::config
