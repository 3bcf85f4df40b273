#include "policy/presets.h"

#include <algorithm>
#include <array>
#include <limits>

namespace postern::policy {

namespace {

using evidence::Action;
using evidence::Reason;

constexpr double kNever = std::numeric_limits<double>::infinity();

enum class If : std::uint8_t { always, abroad, dmarc_reject, quarantine_reject, tls_ipv4, tls_ipv6 };

struct Conditional {
  If when;
  std::string_view name, condition;
  Action action;
  Reason reason;
  std::string_view label;
};

// Whoever has a history here is spared where a fact may be an accident. A signal that is unknown spares everybody.
// The known have budgets of their own, and wide ones (inbound::kKnownMultiple); the answer to one of ours always comes
// in.
constexpr Conditional kBudget{If::always,       "budget",       "budget == over and known != replied_to",
                              Action::throttle, Reason::budget, ""};
constexpr Conditional kTls4{If::tls_ipv4,   "tls-ipv4",           "family == ipv4 and tls in [plain, failed]",
                            Action::reject, Reason::tls_required, ""};
constexpr Conditional kTls6{If::tls_ipv6,   "tls-ipv6",           "family == ipv6 and tls in [plain, failed]",
                            Action::reject, Reason::tls_required, ""};
constexpr Conditional kNotSmtp{If::always, "not-smtp", "protocol in [http, tls]", Action::reject, Reason::protocol, ""};
// RFC 5321 4.3.1: the client waits for the greeting.
constexpr Conditional kEarlyTalk{
    If::always,     "early-talk",     "early_talk == yes and known not in [known, replied_to]",
    Action::reject, Reason::protocol, ""};
constexpr Conditional kForgedHelo{If::always, "forged-helo", "helo == own", Action::reject, Reason::forged_helo, ""};
// A history says nothing of a session that has named one: it may be another's at the same provider, or a stolen
// account. Whom one of ours wrote to is spared, who answers with the address of a trap among the others.
constexpr Conditional kTrap{If::always,     "trap",       "trap == yes and known != replied_to",
                            Action::reject, Reason::trap, ""};
constexpr Conditional kCountry{
    If::abroad,     "country",       "country not in home and known not in [known, replied_to]",
    Action::reject, Reason::country, ""};
// What a list says is newer than any history: known senders are broken into, and lists are the first to tell.
constexpr Conditional kLists{If::always,     "lists",      "list_score >= 5 and known != replied_to",
                             Action::reject, Reason::list, ""};
constexpr Conditional kListsDelay{
    If::always,       "lists-delay",      "list_score >= 2 and known not in [known, replied_to]",
    Action::greylist, Reason::greylisted, ""};
// A history alone may be that of a network; what speaks for the sender himself must agree with it.
constexpr Conditional kWindows{
    If::always,
    "windows",
    "os == windows and not (known in [known, replied_to] and (spf == pass or rdns in [confirmed, mail]))",
    Action::greylist,
    Reason::greylisted,
    ""};
// RFC 9989 7.4: no refusal on p=reject alone. A forwarder with a history here whose ARC chain holds is let through.
constexpr Conditional kDmarcReject{
    If::dmarc_reject,
    "dmarc-reject",
    "dmarc == fail and dmarc_policy == reject and not (arc == pass and known in [known, replied_to])",
    Action::reject,
    Reason::dmarc,
    ""};
constexpr Conditional kDmarcQuarantine{
    If::quarantine_reject,
    "dmarc-quarantine",
    "dmarc == fail and dmarc_policy == quarantine and not (arc == pass and known in [known, replied_to])",
    Action::reject,
    Reason::dmarc,
    ""};
constexpr Conditional kDmarcTag{If::always,  "dmarc-tag",  "dmarc == fail and dmarc_policy in [quarantine, reject]",
                                Action::tag, Reason::none, "dmarc-fail"};

// The order of each: budgets; hard facts, which refuse; what the operator expects of senders; delays; the message.
constexpr std::array kPersonal{
    kBudget,
    kTls4,
    kTls6,
    kNotSmtp,
    kEarlyTalk,
    kForgedHelo,
    kTrap,
    kCountry,
    Conditional{If::always, "lists", "list_score >= 4 and known != replied_to", Action::reject, Reason::list, ""},
    kListsDelay,
    kWindows,
    Conditional{If::always, "reverse-dns", "rdns in [none, unconfirmed, generic] and known not in [known, replied_to]",
                Action::greylist, Reason::greylisted, ""},
    kDmarcReject,
    kDmarcQuarantine,
    kDmarcTag,
};

constexpr std::array kOrganisation{
    kBudget,
    kTls4,
    kTls6,
    kNotSmtp,
    kEarlyTalk,
    kForgedHelo,
    kTrap,
    kCountry,
    kLists,
    kListsDelay,
    kWindows,
    Conditional{If::always, "reverse-dns", "rdns in [none, generic] and known not in [known, replied_to]",
                Action::greylist, Reason::greylisted, ""},
    kDmarcReject,
    kDmarcQuarantine,
    kDmarcTag,
};

// Hard facts alone.
constexpr std::array kProvider{
    kBudget,  kTls4,  kTls6,        kNotSmtp,         kEarlyTalk, kForgedHelo,
    kCountry, kLists, kDmarcReject, kDmarcQuarantine, kDmarcTag,
};

// A history spares nobody but those that were written to, and outside of the countries expected also others.
constexpr std::array kStrict{
    Conditional{If::always, "budget", "budget == over", Action::throttle, Reason::budget, ""},
    kTls4,
    kTls6,
    kNotSmtp,
    Conditional{If::always, "early-talk", "early_talk == yes", Action::reject, Reason::protocol, ""},
    kForgedHelo,
    kTrap,
    kCountry,
    Conditional{If::always, "lists", "list_score >= 3 and known != replied_to", Action::reject, Reason::list, ""},
    Conditional{If::always, "lists-delay", "list_score >= 1 and known != replied_to", Action::greylist,
                Reason::greylisted, ""},
    Conditional{If::always, "windows", "os == windows", Action::greylist, Reason::greylisted, ""},
    Conditional{If::always, "reverse-dns", "rdns in [none, unconfirmed, generic] and known != replied_to",
                Action::greylist, Reason::greylisted, ""},
    Conditional{If::always, "helo",
                "helo in [unqualified, wrong_literal, bare_address, localhost, invalid] and known != replied_to",
                Action::greylist, Reason::greylisted, ""},
    Conditional{If::dmarc_reject, "dmarc-reject", "dmarc == fail and dmarc_policy == reject", Action::reject,
                Reason::dmarc, ""},
    Conditional{If::quarantine_reject, "dmarc-quarantine", "dmarc == fail and dmarc_policy == quarantine",
                Action::reject, Reason::dmarc, ""},
    kDmarcTag,
};

// Nothing of its own; what [policy] asks for in words is still done.
constexpr std::array kNone{kTls4, kTls6, kCountry, kDmarcReject, kDmarcQuarantine};

struct Preset {
  std::string_view name;
  std::span<const Conditional> rules;
  bool refuse_abroad, greylist;
  double greylist_at, reject_at;
  bool dmarc_reject;
  OnQuarantine dmarc_quarantine;
};

constexpr std::array kPresets{
    Preset{"personal", kPersonal, true, true, 0.5, 5, true, OnQuarantine::tag},
    Preset{"organisation", kOrganisation, true, true, 1, 5, true, OnQuarantine::tag},
    Preset{"provider", kProvider, true, false, kNever, kNever, true, OnQuarantine::tag},
    Preset{"strict", kStrict, true, true, 0.5, 4, true, OnQuarantine::reject},
    Preset{"none", kNone, false, true, kNever, kNever, false, OnQuarantine::tag},
};

constexpr std::array<std::string_view, kPresets.size()> kNames{kPresets[0].name, kPresets[1].name, kPresets[2].name,
                                                               kPresets[3].name, kPresets[4].name};

const Preset& preset(std::string_view name) {
  const auto* const found = std::ranges::find(kPresets, name, &Preset::name);
  return found != kPresets.end() ? *found : kPresets[1];
}

bool applies(If when, const Decided& decided) {
  switch (when) {
    case If::always:
      return true;
    case If::abroad:
      return decided.refuse_abroad && !decided.home.empty();
    case If::dmarc_reject:
      return decided.dmarc_reject;
    case If::quarantine_reject:
      return decided.dmarc_quarantine == OnQuarantine::reject;
    case If::tls_ipv4:
      return decided.require_tls == RequireTls::ipv4 || decided.require_tls == RequireTls::both;
    case If::tls_ipv6:
      break;
  }
  return decided.require_tls == RequireTls::ipv6 || decided.require_tls == RequireTls::both;
}

}  // namespace

std::span<const std::string_view> preset_names() { return kNames; }

Decided decide(const Choices& choices, const Choices* over) {
  const auto chosen = [&](auto member) -> const auto& {
    const auto& own = choices.*member;
    return over != nullptr && (over->*member).has_value() ? over->*member : own;
  };
  const Preset& base = preset(chosen(&Choices::preset).value_or(std::string(kDefaultPreset)));
  return {.preset = base.name,
          .home = chosen(&Choices::home).value_or(std::vector<evidence::CountryCode>()),
          .refuse_abroad = chosen(&Choices::refuse_abroad).value_or(base.refuse_abroad),
          .greylist = chosen(&Choices::greylist).value_or(base.greylist),
          .greylist_at = chosen(&Choices::greylist_at).value_or(base.greylist_at),
          .reject_at = chosen(&Choices::reject_at).value_or(base.reject_at),
          .dmarc_reject = chosen(&Choices::dmarc_reject).value_or(base.dmarc_reject),
          .dmarc_quarantine = chosen(&Choices::dmarc_quarantine).value_or(base.dmarc_quarantine),
          .require_tls = chosen(&Choices::require_tls).value_or(RequireTls::no)};
}

bool means(std::string_view name, std::string_view rule) {
  return name == rule || name == rule.substr(rule.find('/') + 1);
}

std::vector<PresetRule> rules_of(const Decided& decided) {
  std::vector<PresetRule> rules;
  for (const Conditional& one : preset(decided.preset).rules) {
    if (!applies(one.when, decided)) continue;
    rules.push_back({.name = std::string(decided.preset) + "/" + std::string(one.name),
                     .when = one.condition,
                     .action = one.action,
                     .reason = one.reason,
                     .label = one.label});
  }
  return rules;
}

}  // namespace postern::policy
