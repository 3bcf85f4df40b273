// The keys of [[policy.list]].
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"
#include "dns/name.h"
#include "signals/list_answer.h"

namespace postern::config {

namespace {

using signals::ListKind;

void read_list_name(Reader& reader, const Node& node) {
  auto name = reader.name(node, "zen");
  if (!name) return;
  if (*name == "any" || std::ranges::find(reader.config.policy.lists, *name) != reader.config.policy.lists.end()) {
    return reader.problem(
        node.place,
        quoted(*name) + (*name == "any" ? " means all lists" : " is taken by another list") + "; choose another name");
  }
  reader.list->name = std::move(*name);
}

void read_zone(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a zone, such as \"dnsbl.example.org\"");
  if (!text) return;
  // RFC 1035 2.3.4: the reversed address, 64 octets, stands in front of it
  constexpr std::size_t kZoneMax = dns::kNameMax - 64;
  const auto zone = dns::Name::from_unicode(*text);
  if (!zone || zone->labels() < 2 || zone->text().size() > kZoneMax || !is_ascii(zone->text()) ||
      zone->text().find_first_of(" /\\@\"") != std::string::npos) {
    return reader.problem(node.place, quoted(*text) + " is not a zone; write its name, such as \"dnsbl.example.org\"");
  }
  reader.list->zone = zone->text();
}

void read_kind(Reader& reader, const Node& node) {
  constexpr std::array kValues = {ListKind::address_deny, ListKind::address_allow, ListKind::domain};
  if (const auto chosen = reader.choice(node, {"address", "allow", "domain"})) reader.list->kind = kValues.at(*chosen);
}

std::optional<int> read_weight_of(Reader& reader, const Node& node) {
  constexpr int kMax = signals::kListWeightMax;
  if (node.kind != Node::Kind::integer) {
    reader.problem(node.place, "found " + node.describe() + ", expected a whole number without quotes");
  } else if (node.integer < -kMax || node.integer > kMax) {
    reader.problem(node.place, "is out of range; expected a whole number from -" + std::to_string(kMax) + " to " +
                                   std::to_string(kMax));
  } else {
    return static_cast<int>(node.integer);
  }
  return std::nullopt;
}

void read_weight(Reader& reader, const Node& node) {
  if (const auto weight = read_weight_of(reader, node)) reader.list->weight = *weight;
}

void read_answers(Reader& reader, const Node& node) {
  if (node.kind != Node::Kind::table) {
    return reader.problem(node.place, "found " + node.describe() + ", expected a table such as { \"127.0.0.2\" = 5 }");
  }
  if (node.members.size() > signals::kAnswerRulesMax) {
    return reader.problem(node.place, "names more than " + std::to_string(signals::kAnswerRulesMax) +
                                          " answers; join them, as in \"127.0.0.[2..4;9]\"");
  }
  const std::string outer = reader.key;
  for (const Member& member : node.members) {
    reader.key = outer + "." + printable(member.name, 64);
    const auto pattern = signals::AnswerPattern::parse(member.name);
    const auto weight = read_weight_of(reader, member.value);
    if (!pattern)
      reader.problem(member.place, pattern.error().what);
    else if (weight)
      reader.list->answers.push_back({member.name, *weight});
  }
  reader.key = outer;
}

void read_ipv6(Reader& reader, const Node& node) {
  using signals::Ipv6Query;
  constexpr std::array kValues = {Ipv6Query::net64, Ipv6Query::address, Ipv6Query::off};
  if (const auto chosen = reader.choice(node, {"64", "128", "off"})) reader.list->ipv6 = kValues.at(*chosen);
}

constexpr std::array<std::pair<std::string_view, signals::Subject>, 3> kSubjects{
    {{"rdns", signals::Subject::rdns_name},
     {"helo", signals::Subject::helo},
     {"sender", signals::Subject::sender_domain}}};

// Of a list of domains; who asks one of addresses asks about the client, which goes without saying.
void read_ask(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "\"rdns\", \"helo\" and \"sender\"");
  if (!texts) return;
  reader.list->subjects = 0;
  for (const Reader::Text& text : *texts) {
    const auto* const subject =
        std::ranges::find(kSubjects, text.text, &std::pair<std::string_view, signals::Subject>::first);
    if (subject != kSubjects.end())
      reader.list->subjects |= static_cast<std::uint8_t>(subject->second);
    else if (text.text != "client")
      reader.problem(text.place,
                     quoted(text.text) + " cannot be asked about; expected \"rdns\", \"helo\" or \"sender\"");
    else if (texts->size() > 1)
      reader.problem(text.place, "\"client\" is what lists of addresses are asked about, and no list of domains");
  }
  if (texts->empty()) reader.problem(node.place, "asks about nothing; take the list out, or name what to ask about");
}

void read_full_name(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.list->full_name = *value;
}

void read_list_text(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.list->text = *value;
}

constexpr std::array kKeys = {
    Key{.section = "policy.list",
        .name = "name",
        .doc = "Its name in conditions (`lists has NAME`) and records.",
        .type = "letters, digits, '-' and '_'",
        .fallback = "none: it must be given",
        .read = read_list_name},
    Key{.section = "policy.list",
        .name = "zone",
        .doc = "Where it is published.",
        .type = "domain name",
        .fallback = "none: it must be given",
        .read = read_zone},
    Key{.section = "policy.list",
        .name = "kind",
        .doc =
            "What it lists: addresses of bad senders, addresses of good ones (whose weights count against the score), "
            "or domains of bad ones.",
        .type = "\"address\", \"allow\" or \"domain\"",
        .fallback = "\"address\"",
        .read = read_kind},
    Key{.section = "policy.list",
        .name = "weight",
        .doc =
            "What being listed adds to list_score, where `answers` does not say it; lists of good senders take it off.",
        .type = "whole number from -1000 to 1000",
        .fallback = "1",
        .read = read_weight},
    Key{.section = "policy.list",
        .name = "answers",
        .doc = "The answers that count, each with its weight: { \"127.0.0.2\" = 5, \"127.0.0.[3..5;9]\" = 2, "
               "\"127.0.0.&8\" = "
               "1 }. Others mean not listed. 127.255.255.0/24 is always an error of the list (refused, over quota).",
        .type = "table of weights",
        .fallback = "{}: any answer counts, with weight",
        .read = read_answers},
    Key{.section = "policy.list",
        .name = "ipv6",
        .doc = "What it is asked about an IPv6 client: its /64, its whole address, or nothing.",
        .type = "\"64\", \"128\" or \"off\"",
        .fallback = "\"128\"",
        .read = read_ipv6},
    Key{.section = "policy.list",
        .name = "ask",
        .doc = "What a list of domains is asked about: the client's confirmed reverse name, its HELO name, the domain "
               "of the "
               "reverse-path. Lists of addresses are asked about the client.",
        .type = "list of \"rdns\", \"helo\" and \"sender\"",
        .fallback = "[\"sender\"]",
        .read = read_ask},
    Key{.section = "policy.list",
        .name = "full_name",
        .doc = "Whether a list of domains is asked about the whole name, and not about its organisational domain.",
        .type = "boolean",
        .fallback = "false",
        .read = read_full_name},
    Key{.section = "policy.list",
        .name = "text",
        .doc = "Whether a list that names the sender is asked for its reason (TXT), for the record.",
        .type = "boolean",
        .fallback = "false",
        .read = read_list_text},
};

}  // namespace

std::span<const Key> list_keys() { return kKeys; }

void read_list(Reader& reader, const Section& section, const Node& node) {
  signals::ListOptions list;
  reader.list = &list;
  const bool good = read_repeated(reader, section, node, {"name", "zone"});
  reader.list = nullptr;
  if (!good) return;
  const bool of_domains = list.kind == ListKind::domain;
  if (const auto asked = reader.places.find("policy.list.ask"); asked != reader.places.end()) {
    const bool names = list.subjects != 0;
    if (of_domains != names) {
      return reader.problem_at("policy.list.ask", asked->second,
                               of_domains ? "asks a list of domains about an address; expected \"rdns\", \"helo\" or "
                                            "\"sender\""
                                          : "asks a list of addresses about names; take it out, or write kind = "
                                            "\"domain\"");
    }
  }
  if (!of_domains) list.subjects = signals::ListOptions().subjects;
  if (const auto compiled = signals::Lists::compile({list}); !compiled) {
    return reader.problem_at(section.name, node.place, compiled.error().what);
  }
  if (!has_room(reader, section, node, reader.config.lists.size(), evidence::kListsMax)) return;
  reader.config.policy.lists.push_back(list.name);
  reader.config.lists.push_back(std::move(list));
}

}  // namespace postern::config
