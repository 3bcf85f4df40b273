// The keys of TLS towards other servers, in [outbound].
#include <array>
#include <string>

#include "base/text.h"
#include "config/keys.h"

namespace postern::config {

namespace {

constexpr std::uint64_t kHour = std::uint64_t{3600} * 1000;

void read_dane(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.outbound_tls.dane = *value;
}
void read_mta_sts(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.outbound_tls.mta_sts = *value;
}
void read_ca_file(Reader& reader, const Node& node) {
  if (const auto value = reader.string(node, "a path")) reader.config.outbound_tls.ca_file = reader.path(*value);
}

void read_reports_tls(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.reports.tls = *value;
}
void read_reports_dmarc(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.reports.dmarc = *value;
}
void read_reports_from(Reader& reader, const Node& node) {
  const auto value = reader.string(node, "an address, such as \"postmaster@example.org\"");
  if (!value) return;
  const auto at = value->rfind('@');
  const bool plain = at != std::string::npos && at > 0 && at + 1 < value->size() && is_ascii(*value) &&
                     value->find_first_of(" \t\r\n<>\"(),:;[]\\") == std::string::npos;
  if (!plain) {
    reader.problem(node.place,
                   quoted(*value) + " is no address; write one of ours, such as \"postmaster@example.org\"");
    return;
  }
  reader.config.reports.from = *value;
}
void read_reports_organization(Reader& reader, const Node& node) {
  if (const auto value = reader.string(node, "a name")) reader.config.reports.organization = *value;
}

constexpr std::array kKeys = {
    Key{.section = "outbound",
        .name = "dane",
        .reload = false,
        .doc = "Ask for TLSA records and demand what they say (RFC 7672). Only validated ones count ([dns] dnssec).",
        .type = "boolean",
        .fallback = "true",
        .read = read_dane,
        .show = [](const Config& c) { return std::string(c.outbound_tls.dane ? "yes" : "no"); }},
    Key{.section = "outbound",
        .name = "mta_sts",
        .reload = false,
        .doc = "Fetch the MTA-STS policies of the domains that mail goes to, and keep to them (RFC 8461).",
        .type = "boolean",
        .fallback = "true",
        .read = read_mta_sts,
        .show = [](const Config& c) { return std::string(c.outbound_tls.mta_sts ? "yes" : "no"); }},
    Key{.section = "outbound",
        .name = "ca_file",
        .reload = false,
        .doc = "The authorities whose certificates are believed for MTA-STS, its policy hosts, REQUIRETLS and reports.",
        .type = "path",
        .fallback = "the system's (package ca-certificates)",
        .read = read_ca_file,
        .show = [](const Config& c) { return c.outbound_tls.ca_file; }},
    Key{.section = "outbound",
        .name = "remember_verified_tls",
        .reload = false,
        .doc = "How long a domain whose TLS verified, twice at least a day apart, is not given mail in clear, counted "
               "from the last time (docs/tls.md).",
        .unit = Unit::milliseconds,
        .min = 24 * kHour,
        .max = 365 * 24 * kHour,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.outbound_tls.remember_verified_ms); },
        .set = [](Config& c, std::uint64_t v) { c.outbound_tls.remember_verified_ms = static_cast<std::int64_t>(v); },
        .zero = "not at all"},
    Key{.section = "outbound",
        .name = "remember_broken_tls",
        .reload = false,
        .doc = "How long a host is not asked for STARTTLS at an address where the handshake failed. Not for domains "
               "that publish DANE or MTA-STS: those get no mail then.",
        .unit = Unit::milliseconds,
        .min = 60 * 1000,
        .max = 30 * 24 * kHour,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.outbound_tls.remember_broken_ms); },
        .set = [](Config& c, std::uint64_t v) { c.outbound_tls.remember_broken_ms = static_cast<std::int64_t>(v); }},
    Key{.section = "outbound",
        .name = "https_port",
        .reload = false,
        .doc = "The port of MTA-STS policy hosts; another one is for tests.",
        .unit = Unit::count,
        .min = 1,
        .max = 65535,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.outbound_tls.https_port); },
        .set = [](Config& c, std::uint64_t v) { c.outbound_tls.https_port = static_cast<std::uint16_t>(v); }},
    Key{.section = "reports",
        .name = "tls",
        .reload = false,
        .doc = "Count how TLS towards other domains went, and send each domain that asks for it a report a day (RFC "
               "8460). "
               "Its receivers want the report signed: a DKIM key for the domain of `from`.",
        .type = "boolean",
        .fallback = "false",
        .read = read_reports_tls,
        .show = [](const Config& c) { return std::string(c.reports.tls ? "yes" : "no"); }},
    Key{.section = "reports",
        .name = "dmarc",
        .reload = false,
        .doc = "Tell each domain that asks for it, once a day, what came in its name (RFC 9990): the addresses that it "
               "came from, and what SPF, DKIM and DMARC said of it. Taken from the session records. Its receivers "
               "believe only signed reports: a DKIM key for the domain of `from`.",
        .type = "boolean",
        .fallback = "false",
        .read = read_reports_dmarc,
        .show = [](const Config& c) { return std::string(c.reports.dmarc ? "yes" : "no"); }},
    Key{.section = "reports",
        .name = "from",
        .reload = false,
        .doc = "The address of ours that reports come from, and that answers go to.",
        .type = "address",
        .fallback = "postmaster of the first [[domain]]",
        .read = read_reports_from,
        .show = [](const Config& c) { return c.reports.from; }},
    Key{.section = "reports",
        .name = "organization",
        .reload = false,
        .doc = "Our name in reports.",
        .type = "text",
        .fallback = "the domain of from",
        .read = read_reports_organization,
        .show = [](const Config& c) { return c.reports.organization; }},
};

}  // namespace

std::span<const Key> outbound_tls_keys() { return kKeys; }

}  // namespace postern::config
