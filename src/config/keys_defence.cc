// The keys of [defence] and what stands below it, of spamtraps and retired mailboxes, of sinkholes, and of [web].
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"
#include "smtp/address.h"

namespace postern::config {

namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kGiB = kKiB * kKiB * kKiB;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::uint64_t kTrapAfterMax = 36500ULL * 24 * 3600 * 1000;
constexpr std::size_t kFilesMax = 16;       // country files
constexpr std::size_t kUrlMax = 200;        // octets; it stands in a reply line beside an id
constexpr std::uint64_t kCostMax = 10'000;  // units

bool is_path(Reader& reader, const Node& node, const std::string& text) {
  if (!text.empty() && text.find('\0') == std::string::npos) return true;
  reader.problem(node.place, "names no file");
  return false;
}

void read_country_files(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "paths of files");
  if (!texts) return;
  std::vector<std::string> files;
  for (const Reader::Text& text : *texts) {
    if (text.text.empty() || text.text.find('\0') != std::string::npos)
      reader.problem(text.place, "names no file");
    else
      files.push_back(reader.path(text.text));
  }
  if (files.size() > kFilesMax) {
    return reader.problem(node.place, "names more than " + std::to_string(kFilesMax) + " files");
  }
  reader.config.inbound.defence.country_files = std::move(files);
}

void read_p0f_file(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the path of a file, or \"\" for none");
  if (!text) return;
  if (text->empty())
    reader.config.inbound.defence.p0f_file.clear();
  else if (is_path(reader, node, *text))
    reader.config.inbound.defence.p0f_file = reader.path(*text);
}

// RFC 3986, as far as a page of ours needs it: https, a host, perhaps a port and a path.
void read_public_url(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a URL, such as \"https://postern.example.org\"");
  if (!text) return;
  constexpr std::string_view kScheme = "https://";
  constexpr std::string_view kPath = "-._~%/";
  std::string_view url = *text;
  while (url.ends_with('/')) url.remove_suffix(1);
  std::string_view rest = url.starts_with(kScheme) ? url.substr(kScheme.size()) : std::string_view();
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::string_view path = rest.substr(authority.size());
  const auto endpoint = ip::Endpoint::parse(authority);
  const std::size_t colon = authority.rfind(':');
  const bool port_good = colon == std::string_view::npos || parse_unsigned(authority.substr(colon + 1), 65535);
  const auto host = smtp::parse_domain(authority.substr(0, colon), false);
  const bool authority_good = endpoint.has_value() || (port_good && host && !host->empty());
  const bool path_good =
      std::ranges::all_of(path, [&](char c) { return is_alpha(c) || is_digit(c) || kPath.contains(c); });
  if (url.starts_with("http://")) {
    reader.problem(node.place, "is a URL in clear; refusals should name a page that can be trusted: write https://");
  } else if (!authority_good || !path_good || url.size() > kUrlMax) {
    reader.problem(node.place, quoted(*text) +
                                   " is not the URL of a site; write https://HOST or https://HOST/PATH, of at "
                                   "most " +
                                   std::to_string(kUrlMax) + " characters");
  } else {
    reader.config.inbound.defence.public_url = url;
  }
}

// ---- [[domain]]

void read_traps(Reader& reader, const Node& node) {
  const auto names = reader.strings(node, "local parts that nobody has");
  if (!names) return;
  for (const Reader::Text& name : *names) reader.domain->traps.push_back(name.text);
}

void read_trap(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.domain->trap = *value;
}

void read_retired(Reader& reader, const Node& node) {
  if (node.kind != Node::Kind::table) {
    return reader.problem(node.place, "found " + node.describe() + ", expected a table such as { bob = 2024-01-31 }");
  }
  const std::string outer = reader.key;
  for (const Member& member : node.members) {
    reader.key = outer + "." + printable(member.name, 64);
    if (!member.value.day) {
      reader.problem(member.value.place,
                     "found " + member.value.describe() +
                         ", expected the date since which nobody has it, such as 2024-01-31, without "
                         "quotes");
    } else {
      reader.domain->retired.emplace_back(member.name, *member.value.day * kDayMs);
    }
  }
  reader.key = outer;
}

void read_trap_after(Reader& reader, const Node& node) {
  const auto value = reader.number(
      node,
      {.unit = Unit::milliseconds, .min = static_cast<std::uint64_t>(kDayMs), .max = kTrapAfterMax, .zero = "never"});
  if (value) reader.domain->trap_after_ms = static_cast<std::int64_t>(*value);
}

// ---- [[listen]] with role = "sinkhole"

void read_sinkhole_domains(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "domains, such as \"example.org\", or \"*\" for any");
  if (!texts) return;
  std::vector<std::string> domains;
  for (const Reader::Text& text : *texts) {
    const auto domain = smtp::parse_domain(text.text, true);
    if (text.text == "*") {
      domains.push_back(text.text);
    } else if (domain && !domain->empty()) {
      domains.push_back(domain->text());
    } else {
      reader.problem(text.place, quoted(text.text) + " is neither a domain name nor \"*\"");
    }
  }
  if (texts->empty())
    reader.problem(node.place, "names no domain, so that nothing would be taken; write [\"*\"] for any");
  reader.listener->sinkhole.domains = std::move(domains);
}

void read_keep_bodies(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.listener->sinkhole.keep_bodies = *value;
}

void read_bodies_bytes(Reader& reader, const Node& node) {
  const auto value = reader.number(node, {.unit = Unit::bytes, .min = kKiB * kKiB, .max = 1024 * 1024 * kGiB});
  if (value) reader.listener->sinkhole.bodies_bytes = *value;
}

void read_bodies_days(Reader& reader, const Node& node) {
  const auto value = reader.number(node, {.unit = Unit::count, .min = 1, .max = 3650});
  if (value) reader.listener->sinkhole.bodies_days = static_cast<std::uint32_t>(*value);
}

std::string show_files(const Config& config) {
  std::string out;
  for (const std::string& file : config.inbound.defence.country_files) out += file + "\n";
  return out;
}

// clang-format off: one line a key reads better than any wrapping
#define POSTERN_NUMBER(section_, name_, reload_, unit_, min_, max_, member_, zero_, doc_)                              \
  Key {                                                                                                                \
    .section = section_, .name = name_, .reload = reload_, .doc = doc_, .unit = Unit::unit_, .min = min_, .max = max_, \
    .get = [](const Config& c) { return static_cast<std::uint64_t>(c.inbound.defence.member_); },                      \
    .set = [](Config& c, std::uint64_t v) {                                                                            \
      c.inbound.defence.member_ = static_cast<decltype(c.inbound.defence.member_)>(v); },                              \
    .zero = zero_                                                                                                      \
  }

constexpr std::array kKeys = {
    POSTERN_NUMBER("defence", "greeting_delay", true, milliseconds, 1, 30 * kSecond, greeting_delay_ms, "none",
      "Wait before the greeting, in which bots that do not wait for it give themselves away. Never for loopback."),
    POSTERN_NUMBER("defence", "timeout", true, milliseconds, 100, 30 * kSecond, lookup_timeout_ms, "",
      "Time for the look-ups that a signal needs (reverse DNS, lists). What is not answered by then is unknown, and is held "
      "against nobody."),
    Key{.section = "defence", .name = "country_files", .reload = false,
        .doc = "Tables of the countries of addresses: tor-geoipdb's, a registry's statistics, or an .mmdb file. They are "
               "read again when they change; without any, countries are unknown.",
        .type = "list of paths", .fallback = "those of Debian's tor-geoipdb, where it is installed",
        .read = read_country_files, .show = show_files},
    Key{.section = "defence", .name = "p0f_file", .reload = false,
        .doc = "p0f's database of operating systems, besides the own table; \"\" is none.",
        .type = "path", .fallback = "that of Debian's p0f, where it is installed",
        .read = read_p0f_file, .show = [](const Config& c) { return c.inbound.defence.p0f_file; }},

    POSTERN_NUMBER("defence.budget", "burst", false, count, 1, 1000000, budget.burst, "",
      "Units that an address may spend at once."),
    POSTERN_NUMBER("defence.budget", "rate_per_hour", false, count, 1, 1000000, budget.rate_per_hour, "",
      "Units that come back in an hour."),
    POSTERN_NUMBER("defence.budget", "scale", false, count, 1, 100000, budget.scale, "that of the preset",
      "Both are multiplied by this."),
    POSTERN_NUMBER("defence.budget", "cost_connect", true, count, 1, kCostMax, budget.costs.connect, "nothing",
      "Units for a connection."),
    POSTERN_NUMBER("defence.budget", "cost_message", true, count, 1, kCostMax, budget.costs.message, "nothing",
      "Units for a message."),
    POSTERN_NUMBER("defence.budget", "cost_recipient_refused", true, count, 1, kCostMax,
      budget.costs.recipient_refused, "nothing", "Units for a recipient that the policy refuses."),
    POSTERN_NUMBER("defence.budget", "cost_unknown_user", true, count, 1, kCostMax, budget.costs.unknown_user, "nothing",
      "Units for a recipient who does not exist: addresses are guessed."),
    POSTERN_NUMBER("defence.budget", "cost_trap", true, count, 1, kCostMax, budget.costs.trap, "nothing",
      "Units for a recipient that is a trap."),
    POSTERN_NUMBER("defence.budget", "cost_tls_failed", true, count, 1, kCostMax, budget.costs.tls_failed, "nothing",
      "Units for a TLS handshake that fails."),
    POSTERN_NUMBER("defence.budget", "cost_hang_up", true, count, 1, kCostMax, budget.costs.hang_up, "nothing",
      "Units for a session that ends without QUIT and without a message."),
    POSTERN_NUMBER("defence.budget", "cost_login_failed", true, count, 1, kCostMax, budget.costs.login_failed, "nothing",
      "Units for a login that fails on a submission port; who is over his budget is asked to log in later (454)."),

    POSTERN_NUMBER("defence.greylist", "delay", true, milliseconds, 1 * kSecond, inbound::kGreylistDelayMaxMs,
      greylist.delay_ms, "",
      "Wait until a retry counts. Most mail servers come back after 1 to 15 minutes; some give up after half an hour."),
    POSTERN_NUMBER("defence.greylist", "window", true, milliseconds, 30 * kMinute, inbound::kGreylistWindowMaxMs,
      greylist.window_ms, "", "Time after which a retry comes too late, and counts as a first attempt."),

    POSTERN_NUMBER("defence.tables", "budgets_bytes", false, bytes, 64 * kKiB, 64 * kGiB, tables.budgets_bytes, "",
      "Octets of the table of budgets."),
    POSTERN_NUMBER("defence.tables", "pending_bytes", false, bytes, 64 * kKiB, 64 * kGiB, tables.pending_bytes, "",
      "Octets of the greylist, 4 a sender who has been asked to come again."),
    POSTERN_NUMBER("defence.tables", "known_bytes", false, bytes, 64 * kKiB, 64 * kGiB, tables.known_bytes, "",
      "Octets of the table of known senders."),

    Key{.section = "domain", .name = "traps",
        .doc = "Local parts that nobody has and that were never given to anybody: spamtraps. Mail to them is refused as to "
               "any unknown recipient, and tells what its sender is. Never postmaster or abuse.",
        .type = "list of local parts", .fallback = "[]", .read = read_traps},
    Key{.section = "domain", .name = "trap",
        .doc = "All of the domain's addresses are spamtraps but its mailboxes, aliases, postmaster and abuse. The mail to "
               "those two goes to postmaster of the first domain that has one, unless aliases say otherwise.",
        .type = "boolean", .fallback = "false", .read = read_trap},
    Key{.section = "domain", .name = "retired",
        .doc = "Local parts of mailboxes that are gone, each with the day since which: { bob = 2024-01-31 }. Mail to them is "
               "refused as to any unknown recipient.",
        .type = "table of dates", .fallback = "{}", .read = read_retired},
    Key{.section = "domain", .name = "trap_after",
        .doc = "The time after which a retired mailbox is a spamtrap: who had a right to write there has learned by then.",
        .type = "duration, 1d to 36500d, or 0 for never", .fallback = "365d", .read = read_trap_after},

    Key{.section = "listen", .name = "domains",
        .doc = "Of a sinkhole: the domains whose mail it takes; \"*\" is any.",
        .type = "list of domain names", .fallback = "[\"*\"]", .read = read_sinkhole_domains},
    Key{.section = "listen", .name = "keep_bodies",
        .doc = "Of a sinkhole: whether messages are kept, in data_dir/sinkhole. Their sessions are recorded in any case.",
        .type = "boolean", .fallback = "false", .read = read_keep_bodies},
    Key{.section = "listen", .name = "bodies_bytes",
        .doc = "Of a sinkhole: octets of messages that are kept; the oldest go first.",
        .type = "size, 1 MiB to 1024 TiB", .fallback = "1 GiB", .read = read_bodies_bytes},
    Key{.section = "listen", .name = "bodies_days",
        .doc = "Of a sinkhole: days for which messages are kept.",
        .type = "number, 1 to 3650", .fallback = "30", .read = read_bodies_days},

    Key{.section = "web", .name = "public_url",
        .doc = "Where the pages of this server can be seen from outside; refusals then name https://.../ID beside the id.",
        .type = "https URL", .fallback = "none: refusals name the postmaster", .read = read_public_url},
};
#undef POSTERN_NUMBER
// clang-format on

}  // namespace

std::span<const Key> defence_keys() { return kKeys; }

}  // namespace postern::config
