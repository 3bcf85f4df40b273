// The keys about users and their mail: [auth], [submission], [[login]] and [sendmail].
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"
#include "sasl/server.h"
#include "sasl/users.h"
#include "smtp/address.h"

namespace postern::config {

namespace {

constexpr std::size_t kUsersMax = 10'000;
constexpr std::size_t kIdentitiesMax = 1000;  // of one user
constexpr std::uint64_t kLimitMax = 1'000'000;

void read_mechanisms(Reader& reader, const Node& node) {
  const auto names = reader.strings(node, "mechanisms, such as \"SCRAM-SHA-256\"");
  if (!names) return;
  std::vector<std::string> chosen;
  for (const Reader::Text& name : *names) {
    const auto mechanism = sasl::parse_mechanism(name.text);
    if (!mechanism) {
      const std::vector<std::string> all = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"};
      const auto near = nearest(upper(name.text), all);
      reader.problem(name.place, quoted(name.text) + " is not a mechanism that is served; " +
                                     (near ? "did you mean " + quoted(*near) + "?"
                                           : "known are SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN and LOGIN"));
      continue;
    }
    const std::string text(sasl::to_string(*mechanism));
    if (std::ranges::find(chosen, text) == chosen.end()) chosen.push_back(text);
  }
  if (chosen.empty() && names->empty())
    return reader.problem(node.place, "names no mechanism, so that nobody could log in; take the key out");
  reader.config.inbound.submission.mechanisms = std::move(chosen);
}

void read_dovecot(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the path of Dovecot's auth socket, such as \"unix:/run/dovecot/auth-client\"");
  if (!text) return;
  std::string_view path = *text;
  if (path.starts_with("unix:")) path.remove_prefix(5);
  const std::string whole = path.empty() ? std::string() : reader.path(path);
  if (path.empty() || path.find('\0') != std::string_view::npos || whole.size() > 107) {
    return reader.problem(node.place,
                          "names no socket; write \"unix:/run/dovecot/auth-client\" (at most 107 octets, unix(7))");
  }
  reader.config.inbound.submission.dovecot = whole;
}

void read_domain_of_users(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a domain, such as \"example.org\"");
  if (!text) return;
  const auto domain = smtp::parse_domain(*text, true);
  if (!domain || domain->name.empty()) return reader.problem(node.place, quoted(*text) + " is not a domain name");
  reader.config.inbound.submission.domain = lower(domain->name);
}

void read_check_sender(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.inbound.submission.check_sender = *value;
}
void read_hide_client(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.inbound.submission.hide_client = *value;
}

void read_user_login(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "who logs in, such as \"alice@example.org\"");
  if (!text) return;
  auto name = sasl::canonical_user(*text);
  if (!name) return reader.problem(node.place, name.error().what);
  if (const auto mailbox = smtp::parse_mailbox(*name, true)) name = lower(mailbox->text());
  *reader.user_name = std::move(*name);
}

void read_identities(Reader& reader, const Node& node) {
  const auto names = reader.strings(node, "addresses, such as \"info@example.org\" or \"*@example.net\"");
  if (!names) return;
  if (names->size() > kIdentitiesMax)
    return reader.problem(node.place, "are more than " + std::to_string(kIdentitiesMax) + "; give a whole domain");
  for (const Reader::Text& name : *names) {
    const std::string_view text = name.text;
    if (text == "*") {
      reader.user->identities.emplace_back(text);
    } else if (text.starts_with("*@")) {
      const auto domain = smtp::parse_domain(text.substr(2), true);
      if (domain && !domain->empty())
        reader.user->identities.push_back("*@" + lower(domain->text()));
      else
        reader.problem(name.place, quoted(text) + " names no domain; write \"*@example.org\"");
    } else if (const auto mailbox = smtp::parse_mailbox(text, true); mailbox && !mailbox->domain.empty()) {
      reader.user->identities.push_back(lower(mailbox->text()));
    } else {
      reader.problem(name.place, quoted(text) + " is no address; write \"info@example.org\" or \"*@example.org\"");
    }
  }
}

template <std::uint32_t inbound::SubmissionLimits::* Limit>
void read_user_limit(Reader& reader, const Node& node) {
  const auto value = reader.number(node, {.min = 1, .max = kLimitMax, .zero = "no limit"});
  if (!value) return;
  reader.user->limits.*Limit = static_cast<std::uint32_t>(*value);
  reader.user_limits.push_back(Limit);
}

void read_pickup(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a folder");
  if (!text) return;
  if (text->empty() || text->find('\0') != std::string::npos) return reader.problem(node.place, "names no folder");
  reader.config.pickup.folder = reader.path(*text);
}
void read_everybody(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.config.pickup.everybody = *value;
}

// Where it is not data_dir's, which has a key of its own.
std::string show_pickup(const Config& config) {
  return config.pickup.folder == config.data_dir + "/pickup" ? std::string() : config.pickup.folder;
}

// clang-format off: one line a key reads better than any wrapping
#define POSTERN_LIMIT(name_, doc_)                                                                             \
  Key {                                                                                                        \
    .section = "submission", .name = #name_, .doc = doc_, .unit = Unit::count, .min = 1, .max = kLimitMax,     \
    .get = [](const Config& c) { return static_cast<std::uint64_t>(c.inbound.submission.limits.name_); },      \
    .set = [](Config& c, std::uint64_t v) { c.inbound.submission.limits.name_ = static_cast<std::uint32_t>(v); }, \
    .zero = "no limit"                                                                                         \
  }
#define POSTERN_USER_LIMIT(name_)                                                                              \
  Key {                                                                                                        \
    .section = "login", .name = #name_, .doc = "In the place of the key of [submission].",                      \
    .type = "number, 1 to 1000000, or 0 for no limit", .fallback = "that of [submission]",                     \
    .read = read_user_limit<&inbound::SubmissionLimits::name_>                                                 \
  }

constexpr std::array kKeys = {
    Key{.section = "auth", .name = "mechanisms",
        .doc = "What users may log in with, on listeners with the roles submission and submissions, and under TLS alone. "
               "SCRAM-SHA-256-PLUS is bound to the TLS connection (RFC 9266).",
        .type = "list of \"SCRAM-SHA-256-PLUS\", \"SCRAM-SHA-256\", \"PLAIN\" and \"LOGIN\"",
        .fallback = "all of them; with dovecot PLAIN and LOGIN", .read = read_mechanisms},
    Key{.section = "auth", .name = "dovecot",
        .doc = "Dovecot's auth socket, whose users log in then; without it those of `postern user` do. SCRAM-SHA-256 needs "
               "passwords that Dovecot keeps accordingly.",
        .type = "\"unix:PATH\"", .fallback = "none", .read = read_dovecot},

    Key{.section = "submission", .name = "domain",
        .doc = "The domain of logins without one, and of addresses without one that `postern sendmail` is given.",
        .type = "domain name", .fallback = "the first [[domain]]", .read = read_domain_of_users},
    Key{.section = "submission", .name = "check_sender",
        .doc = "Whether MAIL, From and Sender must name an address of who has logged in: his own, one that leads to him by an "
               "alias, or an identity of [[login]].",
        .type = "boolean", .fallback = "true", .read = read_check_sender},
    Key{.section = "submission", .name = "hide_client",
        .doc = "Leaves name and address of the user's machine out of the Received field.",
        .type = "boolean", .fallback = "false", .read = read_hide_client},
    POSTERN_LIMIT(messages_per_hour, "Messages of one user at once; they come back over an hour. Beyond it MAIL gets 450 4.7.1."),
    POSTERN_LIMIT(messages_per_day, "The same over a day."),
    POSTERN_LIMIT(new_recipients_per_hour, "Recipients at once to whom the user has not written before; they come back over an "
      "hour. Beyond it RCPT gets 450 4.7.1. This is what stops a stolen password."),
    POSTERN_LIMIT(new_recipients_per_day, "The same over a day."),

    Key{.section = "login", .name = "name",
        .doc = "Who logs in. Passwords are not here but with `postern user`, or with Dovecot.",
        .type = "address", .fallback = "none: it must be given", .read = read_user_login},
    Key{.section = "login", .name = "identities",
        .doc = "Further addresses the user may send as: \"info@example.org\", \"*@example.net\" for a whole domain, \"*\" for any.",
        .type = "list of addresses", .fallback = "[]", .read = read_identities},
    POSTERN_USER_LIMIT(messages_per_hour),
    POSTERN_USER_LIMIT(messages_per_day),
    POSTERN_USER_LIMIT(new_recipients_per_hour),
    POSTERN_USER_LIMIT(new_recipients_per_day),

    Key{.section = "sendmail", .name = "pickup", .reload = false,
        .doc = "The folder in which `postern sendmail` leaves messages for the server.",
        .type = "path", .fallback = "DATA_DIR/pickup", .read = read_pickup,
        .show = show_pickup},
    Key{.section = "sendmail", .name = "everybody", .reload = false,
        .doc = "Whether every user of this machine may leave messages there, not root and the server's user alone "
               "(docs/submission.md). Its parent folders must let them through, which data_dir does not.",
        .type = "boolean", .fallback = "false", .read = read_everybody,
        .show = [](const Config& c) { return std::string(c.pickup.everybody ? "true" : "false"); }},
};
#undef POSTERN_LIMIT
#undef POSTERN_USER_LIMIT
// clang-format on

}  // namespace

std::span<const Key> submission_keys() { return kKeys; }

void read_login(Reader& reader, const Section& section, const Node& node) {
  auto& users = reader.config.inbound.submission.users;
  if (!has_room(reader, section, node, users.size(), kUsersMax)) return;
  inbound::UserOptions user;
  std::string name;
  reader.user = &user;
  reader.user_name = &name;
  reader.user_limits.clear();
  const bool good = read_repeated(reader, section, node, {"name"});
  reader.user = nullptr;
  reader.user_name = nullptr;
  if (!good) return;
  // What is not given comes from [submission], which may stand further down: check_together() fills it in.
  auto given = std::exchange(reader.user_limits, {});
  if (users.contains(name))
    return reader.problem_at("login.name", reader.places["login.name"],
                             quoted(name) + " is there already; join the two");
  reader.limits_of_users.emplace_back(name, std::move(given));
  users.emplace(std::move(name), std::move(user));
}

void fill_in_users(Reader& reader) {
  inbound::SubmissionOptions& options = reader.config.inbound.submission;
  for (const auto& [name, given] : reader.limits_of_users) {
    inbound::SubmissionLimits& limits = options.users.find(name)->second.limits;
    inbound::SubmissionLimits merged = options.limits;
    for (const auto limit : given) merged.*limit = limits.*limit;
    limits = merged;
  }
}

}  // namespace postern::config
