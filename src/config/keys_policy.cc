// The keys of [policy] and of what may stand several times within it, but for [[policy.list]] (keys_lists.cc). What the
// values mean together is checked by policy::Policy::compile(); config/policy.cc tells what that finds, with the places
// noted here.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/keys.h"

namespace postern::config {

namespace {

constexpr double kThresholdMin = 0.01;  // nats
constexpr double kThresholdMax = 100;   // nats: far beyond any evidence
constexpr double kPinMax = 20;          // nats
constexpr std::size_t kPinsMax = 200;   // [[policy.pin]]

policy::Place place_of(Place place) { return {place.line, place.column}; }

// Of [policy], or of the [[policy.for]] that is being read.
policy::Choices& choices(Reader& reader) {
  return reader.override_of != nullptr ? reader.override_of->choices : reader.config.policy.choices;
}

// ---- what [policy] and [[policy.for]] share

void read_preset(Reader& reader, const Node& node) {
  const std::vector<std::string> presets = {"personal", "organisation", "provider", "strict", "none"};
  if (const auto chosen = reader.choice(node, presets)) choices(reader).preset = presets[*chosen];
}

void read_home(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "countries, such as \"US\" and \"CA\"");
  if (!texts) return;
  std::vector<evidence::CountryCode> home;
  for (const Reader::Text& text : *texts) {
    const evidence::CountryCode code = evidence::parse_country(text.text);
    if (code == evidence::country_code('U', 'K')) {
      reader.problem(text.place, "\"UK\" is not the code of a country (ISO 3166-1); write \"GB\"");
    } else if (code == 0) {
      reader.problem(text.place, quoted(text.text) + " is not the code of a country; write two letters (ISO 3166-1)");
    } else if (std::ranges::find(home, code) != home.end()) {
      reader.problem(text.place, quoted(text.text) + " is given twice; take one of them out");
    } else {
      home.push_back(code);
    }
  }
  choices(reader).home = std::move(home);
}

void read_refuse_abroad(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) choices(reader).refuse_abroad = value;
}

void read_greylist(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) choices(reader).greylist = value;
}

void read_greylist_at(Reader& reader, const Node& node) {
  if (const auto value = reader.real(node, kThresholdMin, kThresholdMax)) choices(reader).greylist_at = value;
}

void read_reject_at(Reader& reader, const Node& node) {
  if (const auto value = reader.real(node, kThresholdMin, kThresholdMax)) choices(reader).reject_at = value;
}

void read_dmarc_reject(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) choices(reader).dmarc_reject = value;
}

void read_dmarc_quarantine(Reader& reader, const Node& node) {
  if (const auto chosen = reader.choice(node, {"tag", "reject"})) {
    choices(reader).dmarc_quarantine = *chosen == 0 ? policy::OnQuarantine::tag : policy::OnQuarantine::reject;
  }
}

void read_require_tls(Reader& reader, const Node& node) {
  using policy::RequireTls;
  constexpr std::array kValues = {RequireTls::no, RequireTls::ipv4, RequireTls::ipv6, RequireTls::both};
  const auto chosen = reader.choice(node, {"no", "ipv4", "ipv6", "both"});
  if (!chosen) return;
  choices(reader).require_tls = kValues.at(*chosen);
  if (*chosen != 0) {
    reader.warning(node.place,
                   "a server that the public sends mail to must not require STARTTLS (RFC 3207 4); mail of senders "
                   "without TLS will be refused with 530 5.7.0");
  }
}

void read_evidence(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the path of a file");
  if (!text) return;
  if (text->empty() || text->find('\0') != std::string::npos) return reader.problem(node.place, "names no file");
  reader.config.evidence_file = reader.path(*text);
}

// ---- [[policy.rule]]

void read_rule_name(Reader& reader, const Node& node) {
  if (auto name = reader.name(node, "windows-abroad")) reader.rule->name = std::move(*name);
}

void read_when(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a condition, such as \"rdns == none and country not in home\"");
  if (!text) return;
  if (text->size() > policy::kExpressionMax) {
    return reader.problem(node.place,
                          "is over " + std::to_string(policy::kExpressionMax) + " octets; make two rules of it");
  }
  reader.rule->when = *text;
  reader.when_string = node.place;
  reader.rule->when_place = place_of(reader.within(node.place, 0));
}

void read_stage(Reader& reader, const Node& node) {
  constexpr std::array kValues = {evidence::Stage::connect, evidence::Stage::helo, evidence::Stage::mail,
                                  evidence::Stage::rcpt, evidence::Stage::data};
  if (const auto chosen = reader.choice(node, {"connect", "helo", "mail", "rcpt", "data"})) {
    reader.rule->stage = kValues.at(*chosen);
  }
}

void read_then(Reader& reader, const Node& node) {
  using evidence::Action;
  constexpr std::array kValues = {Action::accept, Action::greylist, Action::throttle, Action::reject, Action::tag};
  if (node.kind == Node::Kind::string && (node.text == "quarantine" || node.text == "discard")) {
    // design invariant 2
    return reader.problem(node.place, quoted(node.text) +
                                          " would lose mail that nobody is told of; write \"reject\", whose sender is "
                                          "told, or \"tag\"");
  }
  if (const auto chosen = reader.choice(node, {"accept", "greylist", "throttle", "reject", "tag"})) {
    reader.rule->action = kValues.at(*chosen);
  }
}

void read_text(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "a sentence");
  if (!text) return;
  // RFC 5321 4.2: textstring; other octets could break the reply
  const bool plain = std::ranges::all_of(*text, [](char c) { return c >= ' ' && c <= '~'; });
  if (text->empty() || text->size() > policy::kReplyTextMax || !plain) {
    return reader.problem(node.place, "cannot be said in a reply; write one line of 1 to " +
                                          std::to_string(policy::kReplyTextMax) + " ASCII characters");
  }
  reader.rule->text = *text;
}

void read_label(Reader& reader, const Node& node) {
  if (auto name = reader.name(node, "bulk")) reader.rule->label = std::move(*name);
}

// What the reply says where the operator gives no sentence of his own.
void read_reason(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "\"rule\", \"tls_required\" or \"authentication_required\"");
  if (!text) return;
  using evidence::Reason;
  const auto reason = evidence::parse_reason(*text);
  if (reason != Reason::rule && reason != Reason::tls_required && reason != Reason::authentication_required) {
    return reader.problem(node.place, quoted(*text) +
                                          " is no reason that a rule can have; write \"rule\" (550), "
                                          "\"tls_required\" or \"authentication_required\" (530)");
  }
  reader.rule->reason = *reason;
}

void read_shadow(Reader& reader, const Node& node) {
  if (const auto value = reader.boolean(node)) reader.rule->shadow = *value;
}

void read_rule_for(Reader& reader, const Node& node) { reader.rule->recipients = reader.recipients(node); }

// ---- [[policy.for]]

void read_shadows(Reader& reader, const Node& node) {
  const auto texts = reader.strings(node, "names of a preset's rules, such as \"country\"");
  if (!texts) return;
  for (const Reader::Text& text : *texts)
    reader.config.policy.shadow.push_back({.rule = text.text, .place = place_of(text.place)});
}

void read_recipients(Reader& reader, const Node& node) { reader.override_of->recipients = reader.recipients(node); }

// ---- [[policy.pin]]

void read_pin_signal(Reader& reader, const Node& node) {
  const auto text = reader.string(node, "the name of a signal, such as \"rdns\"");
  if (!text) return;
  if (!evidence::find_signal(*text)) {
    std::vector<std::string> names;
    for (const evidence::SignalInfo& info : evidence::signals()) names.emplace_back(info.name);
    const auto near = nearest(*text, names);
    return reader.problem(node.place, quoted(*text) + " is not a signal; " +
                                          (near ? "did you mean " + quoted(*near) + "?" : "docs/policy.md lists them"));
  }
  reader.pin->signal = *text;
}

void read_pin_value(Reader& reader, const Node& node) {
  if (auto text = reader.string(node, "a value of the signal, such as \"generic\""))
    reader.pin->value = std::move(*text);
}

void read_nats(Reader& reader, const Node& node) {
  if (const auto value = reader.real(node, -kPinMax, kPinMax)) reader.pin->nats = *value;
}

#define POSTERN_CHOICES(section_)                                                                                     \
  Key{.section = section_,                                                                                            \
      .name = "preset",                                                                                               \
      .doc = "What kind of site this is: the rules, thresholds and budgets that are not given here.",                 \
      .type = "\"personal\", \"organisation\", \"provider\", \"strict\" or \"none\"",                                 \
      .fallback = "\"organisation\"",                                                                                 \
      .read = read_preset},                                                                                           \
      Key{.section = section_,                                                                                        \
          .name = "home",                                                                                             \
          .doc =                                                                                                      \
              "The countries that mail is expected from (ISO 3166-1). Mail of strangers from elsewhere is refused "   \
              "at RCPT; the word home in conditions means them.",                                                     \
          .type = "list of countries",                                                                                \
          .fallback = "none: mail may come from anywhere",                                                            \
          .read = read_home},                                                                                         \
      Key{.section = section_,                                                                                        \
          .name = "refuse_abroad",                                                                                    \
          .doc =                                                                                                      \
              "Whether mail of strangers from outside of home is refused; where not, home serves conditions and the " \
              "score alone.",                                                                                         \
          .type = "boolean",                                                                                          \
          .fallback = "true",                                                                                         \
          .read = read_refuse_abroad},                                                                                \
      Key{.section = section_,                                                                                        \
          .name = "greylist",                                                                                         \
          .doc = "Whether dubious senders are asked to come again (451); where not, such mail is accepted.",          \
          .type = "boolean",                                                                                          \
          .fallback = "that of the preset",                                                                           \
          .read = read_greylist},                                                                                     \
      Key{.section = section_,                                                                                        \
          .name = "greylist_at",                                                                                      \
          .doc =                                                                                                      \
              "The evidence from which on a sender is asked to come again, in nats: 1 is odds of 2.7 to 1 for "       \
              "spam.",                                                                                                \
          .type = "number from 0.01 to 100",                                                                          \
          .fallback = "that of the preset",                                                                           \
          .read = read_greylist_at},                                                                                  \
      Key{.section = section_,                                                                                        \
          .name = "reject_at",                                                                                        \
          .doc = "The evidence from which on mail is refused, in nats: 5 is odds of 148 to 1 for spam.",              \
          .type = "number from 0.01 to 100",                                                                          \
          .fallback = "that of the preset",                                                                           \
          .read = read_reject_at},                                                                                    \
      Key{.section = section_,                                                                                        \
          .name = "dmarc_reject",                                                                                     \
          .doc = "Whether mail that fails DMARC is refused where the author's domain asks for it (p=reject).",        \
          .type = "boolean",                                                                                          \
          .fallback = "that of the preset",                                                                           \
          .read = read_dmarc_reject},                                                                                 \
      Key{.section = section_,                                                                                        \
          .name = "dmarc_quarantine",                                                                                 \
          .doc =                                                                                                      \
              "What becomes of mail that fails DMARC where the author's domain asks for quarantine: it goes on "      \
              "with a header field that says so, or is refused. There is no quarantine.",                             \
          .type = "\"tag\" or \"reject\"",                                                                            \
          .fallback = "that of the preset",                                                                           \
          .read = read_dmarc_quarantine},                                                                             \
      Key {                                                                                                           \
    .section = section_, .name = "require_tls",                                                                       \
    .doc = "Over which family mail is taken with TLS only (530 5.7.0). RFC 3207 4 forbids it on a public MX.",        \
    .type = "\"no\", \"ipv4\", \"ipv6\" or \"both\"", .fallback = "\"no\"", .read = read_require_tls                  \
  }

constexpr std::array kKeys = {
    POSTERN_CHOICES("policy"),
    Key{.section = "policy",
        .name = "shadow",
        .doc =
            "Rules of the preset that are only recorded, as `shadow` of a [[policy.rule]]: what they would have done "
            "stands in the records and in `postern why`.",
        .type = "list of rules",
        .fallback = "[]",
        .read = read_shadows},
    Key{.section = "policy",
        .name = "evidence",
        .doc =
            "Counts of spam and ham measured here, as `postern signals --write` makes them; they take the place of the "
            "prior ones. The file is read again when the configuration is.",
        .type = "path",
        .fallback = "none: the prior counts alone",
        .read = read_evidence},

    Key{.section = "policy.rule",
        .name = "name",
        .doc = "Its name, in records and in `postern why`.",
        .type = "letters, digits, '-' and '_'",
        .fallback = "none: it must be given",
        .read = read_rule_name},
    Key{.section = "policy.rule",
        .name = "when",
        .doc =
            "The condition (docs/policy.md: language), such as \"os == windows and rdns in [none, generic]\". What is "
            "unknown makes no condition true.",
        .type = "condition",
        .fallback = "none: it must be given",
        .read = read_when},
    Key{.section = "policy.rule",
        .name = "then",
        .doc = "What is done where the condition is true. \"accept\" ends the judging; \"throttle\" is 421 or 451.",
        .type = "\"accept\", \"greylist\", \"throttle\", \"reject\" or \"tag\"",
        .fallback = "none: it must be given",
        .read = read_then},
    Key{.section = "policy.rule",
        .name = "stage",
        .doc = "When it is asked. A refusal waits for RCPT all the same.",
        .type = "\"connect\", \"helo\", \"mail\", \"rcpt\" or \"data\"",
        .fallback = "the earliest at which all that it asks is known",
        .read = read_stage},
    Key{.section = "policy.rule",
        .name = "text",
        .doc = "The sentence of the refusal.",
        .type = "up to 200 ASCII characters",
        .fallback = "that of the reason (refusals.md)",
        .read = read_text},
    Key{.section = "policy.rule",
        .name = "label",
        .doc = "What the header field of a tagged message says.",
        .type = "letters, digits, '-' and '_'",
        .fallback = "the rule's name",
        .read = read_label},
    Key{.section = "policy.rule",
        .name = "reason",
        .doc = "What a refusal says is missing: \"tls_required\" and \"authentication_required\" answer 530 instead of "
               "550. RFC 3207 4 forbids to require TLS on a public MX.",
        .type = "\"rule\", \"tls_required\" or \"authentication_required\"",
        .fallback = "\"rule\"",
        .read = read_reason},
    Key{.section = "policy.rule",
        .name = "shadow",
        .doc = "Whether it is only recorded what it would have done.",
        .type = "boolean",
        .fallback = "false",
        .read = read_shadow},
    Key{.section = "policy.rule",
        .name = "for",
        .doc = "The recipients it holds for: domains and addresses of yours; an address holds for what plus addressing "
               "adds to it.",
        .type = "list of domains and addresses",
        .fallback = "all",
        .read = read_rule_for},

    Key{.section = "policy.for",
        .name = "recipients",
        .doc = "Whom the other choices are for: domains and addresses of yours, what plus addressing adds included. An "
               "address goes before its domain.",
        .type = "list of domains and addresses",
        .fallback = "none: it must be given",
        .read = read_recipients},
    POSTERN_CHOICES("policy.for"),

    Key{.section = "policy.pin",
        .name = "signal",
        .doc = "The signal (docs/policy.md: signals).",
        .type = "name of a signal",
        .fallback = "none: it must be given",
        .read = read_pin_signal},
    Key{.section = "policy.pin",
        .name = "value",
        .doc = "The value that has the weight.",
        .type = "value of the signal",
        .fallback = "none: it must be given",
        .read = read_pin_value},
    Key{.section = "policy.pin",
        .name = "nats",
        .doc = "The weight: more than 0 speaks for spam, less against it.",
        .type = "number from -20 to 20",
        .fallback = "none: it must be given",
        .read = read_nats},
};
#undef POSTERN_CHOICES

void check_thresholds(Reader& reader, const std::string& section, const policy::Choices& choices) {
  if (!choices.greylist_at || !choices.reject_at || *choices.greylist_at <= *choices.reject_at) return;
  reader.problem_at(section + ".reject_at", reader.places[section + ".reject_at"],
                    "is less than greylist_at, so that nobody would ever be asked to come again; raise it");
}

}  // namespace

std::span<const Key> policy_keys() { return kKeys; }

void read_rule(Reader& reader, const Section& section, const Node& node) {
  policy::RuleOptions rule;
  rule.place = place_of(node.place);
  reader.rule = &rule;
  bool good = read_repeated(reader, section, node, {"name", "when", "then"});
  reader.rule = nullptr;
  const auto forbid = [&](const char* key, const char* what) {
    reader.problem_at(key, reader.places[key], what);
    good = false;
  };
  const bool tags = rule.action == evidence::Action::tag;
  const bool speaks = !tags && rule.action != evidence::Action::accept;
  if (good && !rule.label.empty() && !tags) forbid("policy.rule.label", "belongs to rules with then = \"tag\"");
  if (good && !rule.text.empty() && !speaks)
    forbid("policy.rule.text", "is never said by this rule, which refuses nothing");
  if (good && rule.reason != evidence::Reason::rule && rule.action != evidence::Action::reject)
    forbid("policy.rule.reason", "is said by rules with then = \"reject\"");
  if (tags && rule.label.empty()) rule.label = rule.name;
  if (good && has_room(reader, section, node, reader.config.policy.rules.size(), policy::kRulesMax)) {
    reader.config.policy.rules.push_back(std::move(rule));
    reader.when_strings.push_back(reader.when_string);
  }
}

void read_override(Reader& reader, const Section& section, const Node& node) {
  policy::OverrideOptions over;
  over.place = place_of(node.place);
  reader.override_of = &over;
  const bool good = read_repeated(reader, section, node, {"recipients"});
  reader.override_of = nullptr;
  check_thresholds(reader, "policy.for", over.choices);
  if (good && has_room(reader, section, node, reader.config.policy.overrides.size(), policy::kOverridesMax)) {
    reader.config.policy.overrides.push_back(std::move(over));
  }
}

void read_pin(Reader& reader, const Section& section, const Node& node) {
  policy::PinOptions pin;
  pin.place = place_of(node.place);
  reader.pin = &pin;
  const bool good = read_repeated(reader, section, node, {"signal", "value", "nats"});
  reader.pin = nullptr;
  if (good && has_room(reader, section, node, reader.config.policy.pins.size(), kPinsMax)) {
    reader.config.policy.pins.push_back(std::move(pin));
  }
}

void check_policy(Reader& reader) { check_thresholds(reader, "policy", reader.config.policy.choices); }

}  // namespace postern::config
