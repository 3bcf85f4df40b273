// The keys of [[dkim]], [forwarding] and [notices].
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"
#include "dns/name.h"
#include "smtp/address.h"

namespace postern::config {

namespace {

constexpr std::int64_t kDay = 24LL * 3600 * 1000;

void read_dkim_domain(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a domain, such as \"example.org\"");
  if (!text) return;
  const auto domain = smtp::parse_domain(*text, /*utf8=*/true);
  if (!domain || domain->name.empty()) {
    return reader.problem(node.place, quoted(*text) + " is no domain; write one such as \"example.org\"");
  }
  reader.dkim->domain = domain->name;
}

void read_dkim_selector(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a selector, such as \"s2026\"");
  if (!text) return;
  // RFC 6376 3.1: sub-domain *( "." sub-domain )
  const auto name = dns::Name::from_unicode(*text);
  const bool plain = name && !name->is_root() && std::ranges::all_of(name->text(), [](char c) {
                       return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
                     });
  if (!plain) {
    return reader.problem(node.place, quoted(*text) +
                                          " is no selector; write what stands before \"._domainkey\" in DNS, such as "
                                          "\"s2026\"");
  }
  reader.dkim->selector = name->text();
}

void read_dkim_key(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the path of a key file, as `postern keygen` makes it");
  if (!text) return;
  if (text->empty() || text->find('\0') != std::string::npos) return reader.problem(node.place, "names no file");
  reader.dkim->file = reader.path(*text);
  reader.dkim->line = node.place.line;
}

void read_srs(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.srs = *value;
}

void read_arc(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.inbound.seal_forwarded = *value;
}

void read_srs_domain(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a domain of ours, such as \"example.org\"");
  if (!text) return;
  const auto domain = smtp::parse_domain(*text, /*utf8=*/true);
  if (!domain || domain->name.empty()) {
    return reader.problem(node.place, quoted(*text) + " is no domain; write one of the [[domain]] sections");
  }
  reader.config.srs_domain = domain->name;
}

void read_notices_from(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "an address, such as \"postmaster@example.org\"");
  if (!text) return;
  const auto mailbox = smtp::parse_mailbox(*text, /*utf8=*/false);
  if (!mailbox) return reader.problem(node.place, quoted(*text) + " is no address: " + mailbox.error().what);
  reader.config.queue.notices.from = mailbox->text();
}

constexpr std::array kKeys = {
    Key{.section = "dkim",
        .name = "domain",
        .doc = "The domain whose mail is signed: d= of the signature. Mail of an author in a domain below it is signed "
               "with its keys too, where that has none of its own.",
        .type = "domain name",
        .fallback = "none: each needs one",
        .read = read_dkim_domain},
    Key{.section = "dkim",
        .name = "selector",
        .doc = "What stands before ._domainkey in DNS: s= of the signature.",
        .type = "string",
        .fallback = "none: each needs one",
        .read = read_dkim_selector},
    Key{.section = "dkim",
        .name = "key",
        .doc =
            "The file of the private key: PEM, as `postern keygen` makes it, or base64 of an Ed25519 seed. It is read "
            "again at each reload.",
        .type = "path",
        .fallback = "none: each needs one",
        .read = read_dkim_key},
    Key{.section = "forwarding",
        .name = "srs",
        .doc = "Whether mail of others that an alias passes on to a domain of others leaves under an address of ours "
               "(SRS), so that it passes SPF there, and bounces find their way back.",
        .type = "boolean",
        .fallback = "true",
        .read = read_srs},
    Key{.section = "forwarding",
        .name = "srs_domain",
        .doc = "The domain of those addresses. Its SPF record must name this server.",
        .type = "one of the domains",
        .fallback = "the first [[domain]]",
        .read = read_srs_domain},
    Key{.section = "forwarding",
        .name = "arc",
        .doc =
            "Whether such mail is sealed (ARC, RFC 8617), so that whoever gets it can see what was authentic here. It "
            "takes a [[dkim]] key of the alias's domain, and [authentication].",
        .type = "boolean",
        .fallback = "true",
        .read = read_arc},
    Key{.section = "notices",
        .name = "from",
        .reload = false,
        .doc = "The address in the From field of notifications, to which their readers write for help.",
        .type = "address",
        .fallback = "postmaster of the first [[domain]]",
        .read = read_notices_from,
        .show = [](const Config& c) { return c.queue.notices.from; }},
    Key{.section = "notices",
        .name = "delay_after",
        .reload = false,
        .doc = "Time after which a sender is told, once, that his message has not been delivered yet.",
        .unit = Unit::milliseconds,
        .min = 1000,
        .max = 30 * kDay,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.queue.notices.delay_after_ms); },
        .set = [](Config& c, std::uint64_t v) { c.queue.notices.delay_after_ms = static_cast<std::int64_t>(v); },
        .zero = "never"},
    Key{.section = "notices",
        .name = "return_max",
        .reload = false,
        .doc =
            "Octets of a message that comes back whole with a notification of its failure, where its sender asked for "
            "that (RET=FULL); of a larger one, and of all others, the header comes back.",
        .unit = Unit::bytes,
        .min = 1024,
        .max = std::uint64_t{64} << 20,
        .get = [](const Config& c) { return c.queue.notices.return_max; },
        .set = [](Config& c, std::uint64_t v) { c.queue.notices.return_max = v; },
        .zero = "always the header alone"},
};

}  // namespace

std::span<const Key> signing_keys() { return kKeys; }

void read_dkim(Reader& reader, const Section& section, const Node& node) {
  mailauth::KeyOptions key;
  reader.dkim = &key;
  const bool good = read_repeated(reader, section, node, {"domain", "selector", "key"});
  reader.dkim = nullptr;
  if (!good) return;
  const bool twice = std::ranges::any_of(reader.config.dkim, [&](const mailauth::KeyOptions& other) {
    return other.domain == key.domain && other.selector == key.selector;
  });
  if (twice) {
    // RFC 6376 3.6.2.2: one record at a name
    return reader.problem_at(
        "dkim.selector", reader.places.at("dkim.selector"),
        quoted(key.selector) + " is taken by another key of " + key.domain + "; give each key a selector of its own");
  }
  if (!has_room(reader, section, node, reader.config.dkim.size(), mailauth::kKeysMax)) return;
  reader.config.dkim.push_back(std::move(key));
}

// What needs the domains, which may stand further down.
void check_signing(Reader& reader) {
  const std::string& wanted = reader.config.srs_domain;
  if (wanted.empty()) return;
  for (const directory::DomainOptions& domain : reader.config.domains) {
    const auto name = smtp::parse_domain(domain.name, /*utf8=*/true);
    if (name && name->name == wanted) return;
  }
  reader.problem_at("forwarding.srs_domain", reader.places["forwarding.srs_domain"],
                    quoted(wanted) + " is no [[domain]] of ours, so that no bounce could come back; name one that is");
}

}  // namespace postern::config
