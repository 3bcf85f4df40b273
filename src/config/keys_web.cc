// The keys of [web], but for public_url (keys_defence.cc), and of [mta_sts].
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"
#include "smtp/address.h"
#include "web/password.h"

namespace postern::config {

namespace {

constexpr std::uint64_t kDay = 24ULL * 3600 * 1000;

void read_listen(Reader& reader, const Node& node) { reader.config.web.listen = reader.endpoints(node); }

void read_web_certificates(Reader& reader, const Node& node) {
  read_certificate_list(reader, node, reader.config.web.tls.certificates);
}

void read_user(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a user name");
  if (!text) return;
  // RFC 7617 2: a colon ends the name
  const bool good = !text->empty() && text->size() <= 64 && is_ascii(*text) && text->find(':') == std::string::npos &&
                    std::ranges::all_of(*text, [](char c) { return c > ' '; });
  if (!good)
    return reader.problem(node.place, quoted(*text) +
                                          " is no user name here; write 1 to 64 ASCII characters without "
                                          "spaces and colons");
  reader.config.web.user = *text;
}

void read_password(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "what `postern web password` prints");
  if (!text) return;
  if (!web::is_password_verifier(*text))
    return reader.problem(node.place,
                          "is not what `postern web password` prints; a password in clear does not belong in here");
  reader.config.web.password = *text;
}

void read_token(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "what `postern web password --token` prints");
  if (!text) return;
  if (!web::is_token_verifier(*text))
    return reader.problem(
        node.place, "is not what `postern web password --token` prints; a token in clear does not belong in here");
  reader.config.web.token = *text;
}

void read_check(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.web.check = *value;
}

void read_why(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.web.why = *value;
}

void read_mode(Reader& reader, const Node& node) {
  const auto chosen = reader.choice(node, {"none", "testing", "enforce"});
  if (!chosen) return;
  constexpr std::array kModes = {mtasts::Mode::none, mtasts::Mode::testing, mtasts::Mode::enforce};
  reader.config.sts_mode = kModes.at(*chosen);
}

void read_mx(Reader& reader, const Node& node) {
  const auto names = reader.strings(node, "host names, such as \"mx.example.org\" or \"*.example.org\"");
  if (!names) return;
  reader.config.sts_mx.clear();
  for (const Reader::Text& name : *names) {
    const std::string_view host = name.text.starts_with("*.") ? std::string_view(name.text).substr(2) : name.text;
    const auto domain = smtp::parse_domain(host, true);
    if (!domain || domain->literal || domain->empty())
      reader.problem(name.place, quoted(name.text) + " is not a host name");
    else
      reader.config.sts_mx.push_back((host.size() < name.text.size() ? "*." : "") + lower(domain->name));
  }
  if (reader.config.sts_mx.size() > mtasts::kHostsMax)
    reader.problem(node.place, "names more than " + std::to_string(mtasts::kHostsMax) + " hosts");
}

std::string show_listen(const Config& config) {
  std::string out;
  for (const ip::Endpoint& endpoint : config.web.listen) out += " " + endpoint.text();
  return out;
}

#define POSTERN_WEB_NUMBER(NAME, MIN, MAX, TARGET, DOC)                                      \
  Key {                                                                                      \
    .section = "web", .name = NAME, .doc = DOC, .unit = Unit::count, .min = MIN, .max = MAX, \
    .get = [](const Config& c) { return static_cast<std::uint64_t>(c.web.TARGET); },         \
    .set = [](Config& c, std::uint64_t v) { c.web.TARGET = static_cast<std::uint32_t>(v); }  \
  }

// clang-format off
constexpr std::array kKeys = {
    Key{.section = "web", .name = "listen", .reload = false,
        .doc = "Where the pages listen, such as [\"[::1]:8025\", \"127.0.0.1:8025\"]; `postern serve` then runs them in a "
               "process of their own. Addresses beside loopback speak TLS, and need certificates.",
        .type = "list of ADDRESS:PORT", .fallback = "[]: there are no pages", .read = read_listen, .show = show_listen},
    Key{.section = "web", .name = "certificates",
        .doc = "Certificates of the pages, written as those of [tls]; the browser's SNI chooses one. One for each host "
               "mta-sts.DOMAIN whose policy is served.",
        .type = "list of certificates", .fallback = "[]", .read = read_web_certificates},
    Key{.section = "web", .name = "user",
        .doc = "The operator's user name. Without user and token his pages are shown over loopback alone, and where "
               "public_url is set, nowhere.",
        .type = "text", .fallback = "none", .read = read_user},
    Key{.section = "web", .name = "password",
        .doc = "The operator's password, as `postern web password` prints it: what is kept of it tells nobody the password.",
        .type = "text", .fallback = "none", .read = read_password},
    Key{.section = "web", .name = "token",
        .doc = "A token for programs (Authorization: Bearer), as `postern web password --token` prints it.",
        .type = "text", .fallback = "none", .read = read_token},
    Key{.section = "web", .name = "why",
        .doc = "Whether a refused sender may read why, without a password, at the page that refusals name.",
        .type = "boolean", .fallback = "true", .read = read_why},
    Key{.section = "web", .name = "check",
        .doc = "Whether everybody may check the mail set-up of a domain.",
        .type = "boolean", .fallback = "false", .read = read_check},
    POSTERN_WEB_NUMBER("connections", 1, 100000, connections, "Connections to the pages at one time."),
    POSTERN_WEB_NUMBER("burst", 10, 100000, burst,
        "Requests that one network (an IPv6 /64, an IPv4 address) may make at once; a wrong password counts as 5, a new "
        "check as a sixth of this."),
    POSTERN_WEB_NUMBER("requests_per_minute", 1, 1000000, requests_per_minute, "Requests a minute that it may make for ever."),
    Key{.section = "web", .name = "checks_at_once", .reload = false, .doc = "Domains that are checked at one time; others wait in line.",
        .unit = Unit::count, .min = 1, .max = 100,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.web.checks_at_once); },
        .set = [](Config& c, std::uint64_t v) { c.web.checks_at_once = static_cast<std::uint32_t>(v); }},

    Key{.section = "mta_sts", .name = "mode",
        .doc = "The policy that is served for each of our domains at https://mta-sts.DOMAIN/.well-known/mta-sts.txt: "
               "\"testing\" asks for reports, \"enforce\" lets senders refuse to send without TLS, \"none\" takes an "
               "earlier policy back. `postern tls records` prints the DNS record.",
        .type = "\"none\", \"testing\" or \"enforce\"", .fallback = "none: no policy is served", .read = read_mode},
    Key{.section = "mta_sts", .name = "max_age", .doc = "How long senders remember the policy (RFC 8461 3.2).",
        .unit = Unit::milliseconds, .min = kDay, .max = 365 * kDay,
        .get = [](const Config& c) { return static_cast<std::uint64_t>(c.sts_max_age_ms); },
        .set = [](Config& c, std::uint64_t v) { c.sts_max_age_ms = static_cast<std::int64_t>(v); }},
    Key{.section = "mta_sts", .name = "mx", .doc = "The MX hosts that the policy names; \"*.example.org\" stands for one label more.",
        .type = "list of host names", .fallback = "the hostname", .read = read_mx},
};
// clang-format on
#undef POSTERN_WEB_NUMBER

}  // namespace

std::span<const Key> web_keys() { return kKeys; }

void check_web(Reader& reader) {
  web::Options& web = reader.config.web;
  const auto place = [&reader](std::string_view key) {
    const auto found = reader.places.find(key);
    return found == reader.places.end() ? Place{} : found->second;
  };
  const bool beyond =
      std::ranges::any_of(web.listen, [](const ip::Endpoint& endpoint) { return !endpoint.address.is_loopback(); });
  if (beyond && web.tls.certificates.empty())
    reader.problem_at(
        "web.listen", place("web.listen"),
        "has an address beside loopback, where the pages speak TLS: give certificates in [web], or listen "
        "on [::1] and 127.0.0.1");
  const bool has_user = reader.places.contains("web.user");
  if (has_user != reader.places.contains("web.password")) {
    const std::string_view key = has_user ? "web.user" : "web.password";
    reader.problem_at(key, place(key), "needs the other one of user and password; `postern web password` prints both");
  }
  for (std::size_t i = 0; i < web.listen.size(); ++i) {
    if (std::find(web.listen.begin(), web.listen.begin() + static_cast<std::ptrdiff_t>(i), web.listen[i]) !=
        web.listen.begin() + static_cast<std::ptrdiff_t>(i))
      reader.problem_at("web.listen", place("web.listen"), web.listen[i].text() + " is listened on twice");
  }
}

void derive_web(Config& config, const std::string& first_domain) {
  web::Options& web = config.web;
  web.hostname = config.hostname;
  web.data_dir = config.data_dir;
  web.records = config.records.directory;
  web.control_socket = config.control_socket();
  web.public_url = config.inbound.defence.public_url;
  web.postmaster = "postmaster@" + (first_domain.empty() ? config.hostname : first_domain);
  web.tls.alpn = {"http/1.1"};
  web.sts.clear();
  if (!config.sts_mode) return;
  mtasts::Policy policy;
  policy.mode = *config.sts_mode;
  policy.max_age = config.sts_max_age_ms / 1000;
  policy.mx = config.sts_mx;
  if (policy.mx.empty() && !config.hostname.empty()) policy.mx.push_back(config.hostname);
  for (const directory::DomainOptions& domain : config.domains) {
    const auto name = smtp::parse_domain(domain.name, true);
    if (name && !name->literal) web.sts.push_back({.domain = lower(name->name), .policy = policy});
  }
}

}  // namespace postern::config
