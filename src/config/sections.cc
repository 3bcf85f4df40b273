// The table of sections, and reading [[listen]] and [[domain]], of which there may be several.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"

namespace postern::config {

namespace {

constexpr std::array kSections = {
    Section{"", false, "The top of the file, before the first section."},
    Section{"listen", true, "Where to listen; one section for each kind of listener. At least one is needed.",
            read_listener},
    Section{"domain", true, "A domain whose mail is taken; one section for each.", read_domain},
    Section{"relay", false, "Mail for domains that are not ours: who may send it, and a server that takes all of it."},
    Section{"outbound", false, "How mail goes to servers of others (docs/outbound.md)."},
    Section{"route", true, "Another way for the mail of some domains.", read_route},
    Section{"auth", false, "How users log in (docs/submission.md)."},
    Section{"submission", false, "Mail of users who have logged in."},
    Section{"login", true, "What is particular about one user who logs in; who has nothing particular needs none.",
            read_login},
    Section{"sendmail", false, "Mail of this machine's programs, through `postern sendmail`."},
    Section{"reports", false,
            "Reports to the owners of other domains about mail to them and in their name. Off unless switched on."},
    Section{"tls", false, "Certificates and versions for all listeners."},
    Section{"limits", false, "What one client, and all of them, may use."},
    Section{"timeouts", false, "How long a client is waited for."},
    Section{"spool", false, "Where accepted mail waits."},
    Section{"queue", false, "When and how often delivery is tried."},
    Section{"records", false, "The records of sessions and deliveries in data_dir/records."},
    Section{"log", false, "What goes to standard error."},
    Section{"dns", false, "Name resolution."},
    Section{"authentication", false, "SPF, DKIM, DMARC and ARC of incoming mail."},
    Section{"dkim", true,
            "A key that signs the mail of our own authors; one section for each, and all keys of a domain sign "
            "(docs/signing.md).",
            read_dkim},
    Section{"forwarding", false, "Mail that aliases pass on to domains of others (docs/signing.md)."},
    Section{"notices", false, "What senders are told of their mail (docs/notifications.md)."},
    Section{"policy", false,
            "How mail is judged (docs/policy.md). `postern replay --policy FILE` takes a file with this part alone."},
    Section{"policy.rule", true, "A rule of your own, asked in the order of the file before those of the preset.",
            read_rule},
    Section{"policy.for", true,
            "Other choices of [policy] for some recipients; what is not given stays as it is there.", read_override},
    Section{"policy.pin", true, "A weight of the evidence set by hand, in the place of the measured one.", read_pin},
    Section{
        "policy.list", true,
        "A DNS list of bad or good senders (RFC 5782). What a list that does not answer would have said is unknown.",
        read_list},
    Section{"defence", false, "What the defence measures, and how long it waits."},
    Section{"defence.budget", false,
            "What clients may spend before they are deferred. The figures are those of one address; an IPv6 /64, /56, "
            "/48 and /32 and an IPv4 /24 and /16 have multiples of them."},
    Section{"defence.greylist", false, "How long a sender who is asked to come again has to wait."},
    Section{
        "defence.tables", false,
        "The tables in data_dir that hold what is known of senders. A table that is too small forgets, and lets mail "
        "through."},
    Section{"web", false, "The pages: the operator's, the why page and the check page (docs/web.md)."},
    Section{"mta_sts", false, "The MTA-STS policy of our own domains (RFC 8461), served by the pages."},
};

// Sinkholes share one folder of bodies, so that a bound of one is a bound of all.
void check_bodies(Reader& reader, const inbound::ListenerOptions& listener) {
  if (!listener.sinkhole.keep_bodies) return;
  for (const inbound::ListenerOptions& other : reader.config.inbound.listeners) {
    if (!other.sinkhole.keep_bodies) continue;
    const bool same = other.sinkhole.bodies_bytes == listener.sinkhole.bodies_bytes &&
                      other.sinkhole.bodies_days == listener.sinkhole.bodies_days;
    if (same) continue;
    reader.problem_at(
        "listen.keep_bodies", reader.places["listen.keep_bodies"],
        "another sinkhole keeps bodies in the same folder under other bounds; write the same bodies_bytes "
        "and bodies_days in both");
    return;
  }
}

// Whether a listener begins in clear is what its role says.
void check_tls(Reader& reader, inbound::ListenerOptions& listener) {
  using inbound::TlsMode;
  const auto place = reader.places.find("listen.tls");
  const auto wrong = [&](const std::string& what) { reader.problem_at("listen.tls", place->second, what); };
  if (listener.role == "submissions") {
    if (place != reader.places.end() && listener.tls != TlsMode::on_connect)
      return wrong(
          "the role \"submissions\" begins with TLS (RFC 8314); take the key out, or use the role \"submission\"");
    listener.tls = TlsMode::on_connect;
  } else if (listener.tls == TlsMode::on_connect) {
    wrong("\"on_connect\" belongs to the role \"submissions\"; mail servers use \"starttls\"");
  } else if (listener.role == "submission" && listener.tls == TlsMode::none) {
    wrong("without TLS nobody could log in; take the key out");
  }
}

void check_role(Reader& reader, const inbound::ListenerOptions& listener) {
  constexpr std::array kOfSinkholes = {"listen.domains", "listen.keep_bodies", "listen.bodies_bytes",
                                       "listen.bodies_days"};
  if (listener.role == "sinkhole") return check_bodies(reader, listener);
  for (const char* const key : kOfSinkholes) {
    const auto place = reader.places.find(key);
    if (place == reader.places.end()) continue;
    reader.problem_at(key, place->second,
                      "belongs to listeners with role = \"sinkhole\"; take it out, or set the role");
  }
}

// Places of an earlier one of the same section would be taken for this one's.
void forget_places(Reader& reader, std::string_view section) {
  const std::string prefix = std::string(section) + ".";
  std::erase_if(reader.places, [&](const auto& place) { return place.first.starts_with(prefix); });
}

}  // namespace

bool read_repeated(Reader& reader, const Section& section, const Node& node,
                   std::initializer_list<std::string_view> needed) {
  const std::size_t before = reader.problems.size();
  forget_places(reader, section.name);
  read_section(reader, section, node);
  for (const std::string_view name : needed) {
    const std::string key = std::string(section.name) + "." + std::string(name);
    if (!reader.places.contains(key)) reader.problem_at(key, node.place, "is missing; every one needs it");
  }
  return reader.problems.size() == before;
}

bool has_room(Reader& reader, const Section& section, const Node& node, std::size_t have, std::size_t max) {
  if (have < max) return true;
  const std::string what = "there are more than " + std::to_string(max) + " of it, which is the limit";
  const bool told = std::ranges::any_of(reader.problems, [&](const Problem& p) { return p.what == what; });
  if (!told) reader.problem_at(section.name, node.place, what);
  return false;
}

std::span<const Section> sections() { return kSections; }

void read_listener(Reader& reader, const Section& section, const Node& node) {
  inbound::ListenerOptions listener;
  reader.listener = &listener;
  const std::size_t before = reader.problems.size();
  forget_places(reader, section.name);
  read_section(reader, section, node);
  reader.listener = nullptr;
  if (listener.addresses.empty() && reader.problems.size() == before) {
    reader.problem_at("listen.address", node.place, "names no address; write address = [\"[::]:25\", \"0.0.0.0:25\"]");
  }
  for (std::size_t i = 0; i < listener.addresses.size(); ++i) {
    const ip::Endpoint& endpoint = listener.addresses[i];
    bool twice = std::find(listener.addresses.begin(), listener.addresses.begin() + static_cast<std::ptrdiff_t>(i),
                           endpoint) != listener.addresses.begin() + static_cast<std::ptrdiff_t>(i);
    for (const inbound::ListenerOptions& other : reader.config.inbound.listeners) {
      twice = twice || std::find(other.addresses.begin(), other.addresses.end(), endpoint) != other.addresses.end();
    }
    if (twice) {
      reader.problem_at("listen.address", reader.places["listen.address"],
                        endpoint.text() + " is listened on twice; take one of them out");
    }
  }
  if (reader.problems.size() == before) check_tls(reader, listener);
  if (reader.problems.size() == before) check_role(reader, listener);
  reader.config.inbound.listeners.push_back(std::move(listener));
}

void read_domain(Reader& reader, const Section& section, const Node& node) {
  directory::DomainOptions domain;
  domain.deliver.kind = directory::Transport::Kind::sink;
  reader.domain = &domain;
  const std::size_t before = reader.problems.size();
  forget_places(reader, section.name);
  read_section(reader, section, node);
  reader.domain = nullptr;
  const auto named = reader.places.find("domain.name");
  domain.line = named == reader.places.end() ? node.place.line : named->second.line;
  if (named == reader.places.end()) {
    reader.problem_at("domain.name", node.place, "is missing; write name = \"example.org\"");
  }
  if (!reader.places.contains("domain.deliver")) {
    // Of data_dir, which may stand further down
    domain.deliver.kind = directory::Transport::Kind::maildir;
    domain.deliver.target.clear();
  }
  using Kind = directory::Transport::Kind;
  if (domain.deliver.before_accept && (domain.deliver.kind == Kind::maildir || domain.deliver.kind == Kind::sink)) {
    reader.problem_at("domain.before_accept", reader.places["domain.before_accept"],
                      "is for servers behind this one: deliver = \"lmtp:...\" or \"smtp:...\"");
  }
  if (reader.problems.size() != before) return;
  reader.config.domains.push_back(std::move(domain));
}

}  // namespace postern::config
