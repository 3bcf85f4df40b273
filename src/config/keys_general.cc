// The keys that are not numbers: the top of the file, [[listen]], [[domain]], [relay], [tls], [log].
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"
#include "smtp/address.h"

namespace postern::config {

namespace {

void read_hostname(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the name of this host, such as \"mx.example.org\"");
  if (!text) return;
  const auto domain = smtp::parse_domain(*text, true);
  if (!domain || domain->literal || domain->empty()) {
    reader.problem(node.place, quoted(*text) +
                                   " is not a host name; write the name that this host's addresses point to, "
                                   "such as \"mx.example.org\"");
    return;
  }
  reader.config.hostname = domain->name;
}

void read_data_dir(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a folder");
  if (!text) return;
  // unix(7): 107 octets for the path of the control socket
  const std::string path = reader.path(*text);
  if (text->empty() || text->find('\0') != std::string::npos) {
    reader.problem(node.place, "names no folder; write a path, relative to this file or absolute");
  } else if (path.size() + std::string_view("/control.sock").size() > 107) {
    reader.problem(node.place, quoted(path) +
                                   " is too long for the control socket in it, whose path has at most 107 "
                                   "octets; choose a shorter one");
  } else {
    reader.config.data_dir = path;
  }
}

void read_user(Reader& reader, const Node& node) {
  if (auto text = reader.string(node, "the name of a user, such as \"postern\"")) reader.config.user = std::move(*text);
}

void read_role(Reader& reader, const Node& node) {
  const std::vector<std::string> roles = {"mx", "submission", "submissions", "sinkhole"};
  const auto text = reader.string(node, "\"mx\", \"submission\", \"submissions\" or \"sinkhole\"");
  if (!text) return;
  if (std::ranges::find(roles, *text) != roles.end()) {
    reader.listener->role = *text;
    return;
  }
  const auto near = nearest(*text, roles);
  reader.problem(node.place, quoted(*text) + " is not a role; " +
                                 (near ? "did you mean " + quoted(*near) + "?"
                                       : "expected \"mx\", \"submission\", \"submissions\" or \"sinkhole\""));
}

void read_listen_address(Reader& reader, const Node& node) { reader.listener->addresses = reader.endpoints(node); }

void read_listen_tls(Reader& reader, const Node& node) {
  const auto chosen = reader.choice(node, {"starttls", "none", "on_connect"});
  if (!chosen) return;
  constexpr std::array kModes = {inbound::TlsMode::starttls, inbound::TlsMode::none, inbound::TlsMode::on_connect};
  reader.listener->tls = kModes.at(*chosen);
}

void read_proxy_from(Reader& reader, const Node& node) { reader.listener->proxy_from = reader.prefixes(node); }

void read_domain_name(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a domain, such as \"example.org\"");
  if (!text) return;
  const auto domain = smtp::parse_domain(*text, true);
  if (!domain || domain->empty()) {
    reader.problem(node.place,
                   quoted(*text) + " is not a domain name" + (domain ? std::string() : ": " + domain.error().what));
    return;
  }
  reader.domain->name = *text;
}

void read_deliver(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a way of delivery, such as \"maildir:mail/{domain}/{user}\"");
  if (!text) return;
  auto transport = directory::Transport::parse(*text);
  if (!transport) return reader.problem(node.place, transport.error().what);
  if (transport->kind == directory::Transport::Kind::lmtp_unix) transport->target = reader.path(transport->target);
  transport->before_accept = reader.domain->deliver.before_accept;  // whichever key came first
  reader.domain->deliver = std::move(*transport);
}

void read_mailboxes(Reader& reader, const Node& node) {
  const auto names = reader.strings(node, "local parts, such as \"alice\"");
  if (!names) return;
  for (const Reader::Text& name : *names) reader.domain->mailboxes.push_back(name.text);
}

void read_mailboxes_file(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the path of a file");
  if (!text) return;
  if (text->empty() || text->find('\0') != std::string::npos) return reader.problem(node.place, "names no file");
  reader.domain->mailboxes_file = reader.path(*text);
}

void read_aliases(Reader& reader, const Node& node) {
  if (node.kind != Node::Kind::table) {
    return reader.problem(node.place,
                          "found " + node.describe() + ", expected a table such as { postmaster = [\"alice\"] }");
  }
  const std::string outer = reader.key;
  for (const Member& member : node.members) {
    reader.key = outer + "." + printable(member.name, 64);
    const auto targets = reader.strings(member.value, "local parts and addresses");
    if (!targets) continue;
    auto& alias = reader.domain->aliases.emplace_back(member.name, std::vector<std::string>{});
    for (const Reader::Text& target : *targets) alias.second.push_back(target.text);
  }
  reader.key = outer;
}

void read_plus(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "one character, such as \"+\"");
  if (!text) return;
  constexpr std::string_view kAllowed = "!#$%&'*+-/=?^_`{|}~.";
  if (text->size() > 1 || (text->size() == 1 && kAllowed.find((*text)[0]) == std::string_view::npos)) {
    return reader.problem(node.place, quoted(*text) + " cannot separate parts of an address; write one of " +
                                          std::string(kAllowed) + " or \"\" to switch it off");
  }
  reader.domain->plus = *text;
}

void read_before_accept(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.domain->deliver.before_accept = *value;
}

void read_case_sensitive(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.domain->case_sensitive = *value;
}

void read_certificate_table(Reader& reader, const Node& node, std::vector<io::TlsCertificate>& into) {
  io::TlsCertificate certificate;
  const std::string outer = reader.key;
  for (const Member& member : node.members) {
    reader.key = outer + "." + printable(member.name, 64);
    if (member.name == "certificate" || member.name == "key") {
      const auto text = reader.string(member.value, "the path of a PEM file");
      if (text) (member.name == "key" ? certificate.key : certificate.certificate) = reader.path(*text);
    } else if (member.name == "names") {
      const auto names = reader.strings(member.value, "names that clients ask for");
      if (!names) continue;
      for (const Reader::Text& name : *names) certificate.names.push_back(lower(name.text));
    } else {
      const auto near = nearest(member.name, {"certificate", "key", "names"});
      reader.problem(member.place, "is not a key here; " + (near ? "did you mean " + quoted(*near) + "?"
                                                                 : "expected certificate, key or names"));
    }
  }
  reader.key = outer;
  if (certificate.certificate.empty()) {
    return reader.problem(node.place, "names no certificate; write { certificate = \"FILE\", key = \"FILE\" }");
  }
  if (certificate.key.empty()) certificate.key = certificate.certificate;
  into.push_back(std::move(certificate));
}

void read_certificates(Reader& reader, const Node& node) {
  read_certificate_list(reader, node, reader.config.tls.certificates);
}

void read_min_version(Reader& reader, const Node& node) {
  const std::vector<std::string> versions = {"TLSv1.2", "TLSv1.3"};
  if (const auto chosen = reader.choice(node, versions)) reader.config.tls.min_version = versions[*chosen];
}

void read_level(Reader& reader, const Node& node) {
  constexpr std::array kLevels = {log::Level::debug, log::Level::info, log::Level::warning, log::Level::error};
  if (const auto chosen = reader.choice(node, {"debug", "info", "warning", "error"})) {
    reader.config.log_level = kLevels.at(*chosen);
  }
}

std::string show_roles(const Config& config) {
  std::string out;
  for (const inbound::ListenerOptions& listener : config.inbound.listeners) out += listener.role + "\n";
  return out;
}

std::string show_addresses(const Config& config) {
  std::string out;
  for (const inbound::ListenerOptions& listener : config.inbound.listeners) {
    for (const ip::Endpoint& endpoint : listener.addresses) out += " " + endpoint.text();
    out += "\n";
  }
  return out;
}

constexpr std::array kGeneral = {
    Key{.section = "",
        .name = "hostname",
        .reload = false,
        .doc = "The name of this host in greetings, Received fields and Maildir file names.",
        .type = "host name",
        .fallback = "the machine's own name, where that has a dot in it",
        .read = read_hostname,
        .show = [](const Config& c) { return c.hostname; }},
    Key{.section = "",
        .name = "data_dir",
        .reload = false,
        .doc =
            "The folder for everything that Postern writes: spool, records, control socket, self-signed certificate.",
        .type = "path",
        .fallback = "\"/var/lib/postern\"",
        .read = read_data_dir,
        .show = [](const Config& c) { return c.data_dir; }},
    Key{.section = "",
        .name = "user",
        .reload = false,
        .doc = "The user to become once the addresses are bound, when started as root. Without it a server started as "
               "root "
               "stays root, and says so.",
        .type = "user name",
        .fallback = "none",
        .read = read_user,
        .show = [](const Config& c) { return c.user; }},
    Key{.section = "",
        .name = "threads",
        .reload = false,
        .doc = "Event loops; each has its own sockets and sessions.",
        .unit = Unit::count,
        .min = 1,
        .max = 256,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.threads); },
        .set = [](Config& c, std::uint64_t v) { c.threads = static_cast<std::uint32_t>(v); },
        .zero = "one a processor core"},

    Key{.section = "listen",
        .name = "role",
        .reload = false,
        .doc =
            "What the listener is for: \"mx\" takes mail for our domains, and from [relay] from; \"submission\" (port "
            "587, STARTTLS) and \"submissions\" (port 465, TLS from the start) take mail of users who log in, for "
            "anywhere; \"sinkhole\" takes mail of strangers, records it, and delivers none of it.",
        .type = "\"mx\", \"submission\", \"submissions\" or \"sinkhole\"",
        .fallback = "\"mx\"",
        .read = read_role,
        .show = show_roles},
    Key{.section = "listen",
        .name = "address",
        .reload = false,
        .doc = "Where to listen. \"[::]:25\" is IPv6 alone, so that both families are written down: "
               "[\"[::]:25\", \"0.0.0.0:25\"].",
        .type = "list of ADDRESS:PORT",
        .fallback = "none: it must be given",
        .read = read_listen_address,
        .show = show_addresses},
    Key{.section = "listen",
        .name = "tls",
        .doc =
            "\"starttls\" offers STARTTLS (RFC 3207); \"none\" speaks in clear only; \"on_connect\" is what the role "
            "submissions does.",
        .type = "\"starttls\", \"none\" or \"on_connect\"",
        .fallback = "as the role says: \"starttls\", with submissions \"on_connect\"",
        .read = read_listen_tls},
    Key{.section = "listen",
        .name = "proxy_from",
        .doc =
            "Peers that must send a PROXY header (version 1 or 2) before anything else, which then names the client. "
            "From all others it is an error.",
        .type = "list of addresses and prefixes",
        .fallback = "[]",
        .read = read_proxy_from},

    Key{.section = "domain",
        .name = "name",
        .doc = "The domain, in either form of an internationalised name.",
        .type = "domain name",
        .fallback = "none: it must be given",
        .read = read_domain_name},
    Key{.section = "domain",
        .name = "deliver",
        .doc = "Where its mail goes: \"maildir:PATH\" with {domain} and {user} filled in, \"lmtp:[::1]:24\", "
               "\"lmtp:unix:/PATH\", \"smtp:[2001:db8::5]:25\" for a server of yours behind this one, or \"sink:\", "
               "which takes "
               "mail and drops it.",
        .type = "way of delivery",
        .fallback = "\"maildir:DATA_DIR/mail/{domain}/{user}\"",
        .read = read_deliver},
    Key{.section = "domain",
        .name = "mailboxes",
        .doc = "The local parts that exist; \"*\" accepts any.",
        .type = "list of local parts",
        .fallback = "[]",
        .read = read_mailboxes},
    Key{.section = "domain",
        .name = "mailboxes_file",
        .doc = "A file with one local part a line, besides those in mailboxes. '#' begins a comment. It is read again "
               "when "
               "it changes.",
        .type = "path",
        .fallback = "none",
        .read = read_mailboxes_file},
    Key{.section = "domain",
        .name = "aliases",
        .doc = "Local parts that stand for others, here or elsewhere; the alias \"*\" takes what nothing else does. An "
               "alias "
               "that names itself means the mailbox of its name.",
        .type = "table of lists",
        .fallback = "{}; postmaster and abuse then lead to the first mailbox",
        .read = read_aliases},
    Key{.section = "domain",
        .name = "plus",
        .doc = "The character that separates a mailbox from a detail, as in alice+lists; \"\" switches this off.",
        .type = "character",
        .fallback = "\"+\"",
        .read = read_plus},
    Key{.section = "domain",
        .name = "before_accept",
        .doc =
            "Of a domain whose mail goes to \"lmtp:\" or \"smtp:\": the end of a message is answered only when that "
            "server has answered. What it refuses is refused here, and nobody gets a bounce of it. A message that is "
            "to be held (FUTURERELEASE) is answered at once.",
        .type = "boolean",
        .fallback = "false",
        .read = read_before_accept},
    Key{.section = "domain",
        .name = "case_sensitive",
        .doc = "Whether Alice and alice are two mailboxes. postmaster and abuse are found in any case all the same "
               "(RFC 5321 4.5.1).",
        .type = "boolean",
        .fallback = "false",
        .read = read_case_sensitive},

    Key{.section = "tls",
        .name = "certificates",
        .doc = "Certificates, of which the client's SNI chooses one; the first is for clients that name none. Each is "
               "{ certificate = \"FILE\", key = \"FILE\" }, with names = [...] to override those in the certificate, "
               "or the "
               "path of one PEM file that holds both.",
        .type = "list of certificates",
        .fallback = "[]; a self-signed one is made in data_dir",
        .read = read_certificates},
    Key{.section = "tls",
        .name = "min_version",
        .doc = "The oldest version of TLS that is spoken (RFC 9325 3.1.1).",
        .type = "\"TLSv1.2\" or \"TLSv1.3\"",
        .fallback = "\"TLSv1.2\"",
        .read = read_min_version},

    Key{.section = "log",
        .name = "level",
        .doc = "What is logged: this level and those above it.",
        .type = "\"debug\", \"info\", \"warning\" or \"error\"",
        .fallback = "\"info\"",
        .read = read_level},
};

}  // namespace

void read_certificate_list(Reader& reader, const Node& node, std::vector<io::TlsCertificate>& into) {
  if (node.kind != Node::Kind::array) {
    return reader.problem(node.place, "found " + node.describe() +
                                          ", expected a list such as [{ certificate = \"FILE\", key = \"FILE\" }]");
  }
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::table) {
      read_certificate_table(reader, item, into);
    } else if (item.kind == Node::Kind::string && !item.text.empty()) {
      const std::string path = reader.path(item.text);
      into.push_back(io::TlsCertificate{path, path, {}});
    } else {
      reader.problem(item.place, "found " + item.describe() +
                                     " in a list of certificates, expected the path of a PEM file that holds both "
                                     "certificate and key, or { certificate = \"FILE\", key = \"FILE\" }");
    }
  }
}

std::span<const Key> general_keys() { return kGeneral; }

}  // namespace postern::config
