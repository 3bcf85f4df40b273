#include "insight/why.h"

#include <algorithm>

#include "insight/judging.h"
#include "record/session_record.h"

namespace postern::insight {

namespace {

using evidence::Action;
using evidence::Evidence;
using evidence::ListNames;
using evidence::Reason;
using evidence::Signal;
using evidence::Type;
using json::Value;

constexpr std::size_t kChangesMax = 12;

std::int32_t number_of(const Value& value, std::int32_t fallback) {
  const std::int64_t number = value.integer(fallback);
  return number >= -1 && number <= INT32_MAX ? static_cast<std::int32_t>(number) : fallback;
}

std::vector<std::string> strings_of(const json::Value& array) {
  std::vector<std::string> out;
  for (const json::Value& entry : array.array()) out.emplace_back(entry.string());
  return out;
}

// "lists" also where only lists that do not name the sender have answered.
std::string shown(const Evidence& evidence, Signal signal, const ListNames& names) {
  if (signal != Signal::lists) return evidence.show(signal, names);
  std::string clean;
  for (std::size_t i = 0; i < names.size() && i < evidence::kListsMax; ++i) {
    const std::uint32_t bit = 1U << i;
    if ((evidence.lists_answered() & ~evidence.lists_listed() & bit) != 0)
      clean += (clean.empty() ? "" : ", ") + names[i];
  }
  const std::string listed = evidence.show(signal, names);
  return clean.empty() ? listed : listed + " (not " + clean + ")";
}

std::vector<Why::Fact> facts_between(const Evidence& before, const Evidence& after, const ListNames& names) {
  std::vector<Why::Fact> out;
  for (const evidence::SignalInfo& info : evidence::signals()) {
    const bool text = info.type == Type::text;
    const bool same = text ? before.text(info.signal) == after.text(info.signal)
                           : before.number(info.signal) == after.number(info.signal);
    if (!same) out.push_back({info.signal, shown(after, info.signal, names)});
  }
  return out;
}

const Value& recipient_of_decision(const Value& session, const Value& decision) {
  static const Value none;
  const std::int64_t transaction = decision.at("transaction").integer(-1);
  const std::int64_t recipient = decision.at("recipient").integer(-1);
  const auto& transactions = session.at("transactions").array();
  if (transaction < 0 || recipient < 0 || static_cast<std::size_t>(transaction) >= transactions.size()) return none;
  const auto& to = transactions[static_cast<std::size_t>(transaction)].at("to").array();
  return static_cast<std::size_t>(recipient) < to.size() ? to[static_cast<std::size_t>(recipient)] : none;
}

// Tries other values of each signal that the policy asks for, one signal at a time.
class Alternatives {
 public:
  Alternatives(const policy::Policy& policy, policy::Moment moment, const policy::For& whose, const Evidence& evidence,
               const ListNames& names, const std::vector<evidence::CountryCode>& home)
      : policy_(policy), moment_(moment), whose_(whose), evidence_(evidence), names_(names), home_(home) {
    action_ = judge(evidence_);
  }

  std::vector<Why::Change> find() {
    for (const evidence::SignalInfo& info : evidence::signals()) {
      // Postmaster is always reachable: that says nothing of this mail.
      if (!policy_.asks(info.signal) || info.signal == Signal::recipient || out_.size() >= kChangesMax) continue;
      switch (info.type) {
        case Type::category:
          // From 1: that a signal had not been measured is no advice.
          for (std::size_t word = 1; word < info.values.size(); ++word) {
            attempt(info.signal, std::string(info.values[word]),
                    [&](Evidence& other) { other.set_number(info.signal, static_cast<std::int64_t>(word)); });
          }
          break;
        case Type::country:
          for (const evidence::CountryCode code : home_)
            attempt(info.signal, evidence::country_text(code), [&](Evidence& other) { other.set_country(code); });
          break;
        case Type::names:
          for (std::size_t i = 0; i < names_.size() && i < evidence::kListsMax; ++i) {
            const std::uint32_t bit = 1U << i;
            if ((evidence_.lists_listed() & bit) == 0) continue;
            attempt(info.signal, "not " + names_[i], [&](Evidence& other) {
              other.set_lists(evidence_.lists_answered(), evidence_.lists_listed() & ~bit);
            });
          }
          break;
        case Type::number:
          if (!evidence_.is_unknown(info.signal) && evidence_.number(info.signal) != 0)
            attempt(info.signal, "0", [&](Evidence& other) { other.set_number(info.signal, 0); });
          break;
        case Type::text:
          break;
      }
    }
    return std::move(out_);
  }

 private:
  Action judge(const Evidence& evidence) const { return policy_.judge(moment_, evidence, whose_).action; }
  template <class Change>
  void attempt(Signal signal, std::string word, const Change& change) {
    Evidence other = evidence_;
    change(other);
    if (other == evidence_) return;
    const Action action = judge(other);
    if (fate_of(action) != Fate::accepted || fate_of(action_) == Fate::accepted) return;
    if (!out_.empty() && out_.back().signal == signal && out_.back().action == action) {
      out_.back().instead.push_back(std::move(word));
      return;
    }
    out_.push_back(
        {.signal = signal, .value = shown(evidence_, signal, names_), .instead = {std::move(word)}, .action = action});
  }

  const policy::Policy& policy_;
  policy::Moment moment_;
  policy::For whose_;
  const Evidence& evidence_;
  const ListNames& names_;
  const std::vector<evidence::CountryCode>& home_;
  Action action_;
  std::vector<Why::Change> out_;
};

std::string way_out(const json::Value& session, const Why::Decision& decision, const Evidence& evidence) {
  if (fate_of(decision.action) == Fate::accepted) return {};
  // The address, and not the domain: what a sender calls itself can be forged.
  const std::string allow = "`postern allow " + std::string(session.at("client").at("address").string()) + "`";
  const std::int64_t wait = session.at("state").at("greylist_wait_s").integer();
  if (decision.action == Action::greylist) {
    return "a mail server tries again by itself, and is let in" +
           (wait > 0 ? " from " + std::to_string(wait) + " seconds later on" : std::string(" once the delay is over")) +
           "; " + allow + " spares it the wait";
  }
  if (decision.action == Action::throttle) {
    switch (decision.reason) {
      case Reason::budget:
        return "a budget fills up again by itself, and a mail server tries again; " + allow + " spares the sender";
      case Reason::history:
        return "DNS did not say who the sender is: a mail server tries again, and is judged when its reverse DNS and "
               "SPF "
               "answer; their owner can mend them; or " +
               allow;
      default:
        return "a mail server tries again, and is put off for as long as " +
               (decision.rule.empty() ? std::string("the rule") : "the rule " + decision.rule) + " is true; " + allow +
               " spares the sender";
    }
  }
  switch (decision.reason) {
    case Reason::operator_deny:
      return "it is the operator's own word: `postern deny --list` shows it, and " + allow + " takes its place";
    case Reason::tls_required:
      return "the sender must use STARTTLS; or " + allow;
    case Reason::authentication_required:
      return "the sender must log in; or " + allow;
    case Reason::dmarc:
      return "the owner of " + std::string(evidence.text(Signal::author_domain)) +
             " asks for it: the mail must pass SPF or DKIM in its name; or " + allow;
    default:
      break;
  }
  return allow + " lets the sender in from now on; postmaster is reachable for it in any case";
}

void write_explanation(const policy::Explanation& explanation, json::Writer& out) {
  out.key("rules").begin_array();
  for (const policy::Answer& answer : explanation.answers) {
    using Truth = policy::Answer::Truth;
    out.begin_object().field("rule", answer.rule).field("action", evidence::to_string(answer.action));
    out.field("truth", answer.truth == Truth::yes ? "true" : answer.truth == Truth::no ? "false" : "unknown");
    if (answer.shadow) out.field("shadow", true);
    if (!answer.against.empty()) {
      out.key("against").begin_array();
      for (const std::string& comparison : answer.against) out.string(comparison);
      out.end_array();
    }
    out.end_object();
  }
  out.end_array().key("terms").begin_array();
  for (const policy::Term& term : explanation.terms) {
    out.begin_object().field("what", term.what).field("nats", term.nats).field("low", term.low);
    out.field("spam", term.spam).field("ham", term.ham);
    if (term.pinned) out.field("pinned", true);
    out.end_object();
  }
  out.end_array().field("greylist_at", explanation.greylist_at).field("reject_at", explanation.reject_at);
}

}  // namespace

Why explain_session(FoundSession found, const policy::Policy* policy, const ListNames& lists,
                    const std::vector<evidence::CountryCode>& home) {
  Why why;
  why.session = std::move(found.session);
  why.deliveries = std::move(found.deliveries);
  const std::string_view fingerprint = why.session.at("policy").string();
  why.judged = !fingerprint.empty();
  why.same_policy = why.judged && policy != nullptr && policy->fingerprint() == fingerprint;
  Evidence evidence;
  ListNames names = lists;
  Whose whose;
  for (const json::Value& line : why.session.at("decisions").array()) {
    const Evidence before = evidence;
    evidence.apply(line.at("evidence"), names);
    Why::Decision decision;
    decision.ms = static_cast<std::uint32_t>(line.at("ms").integer());
    decision.stage = evidence::parse_stage(line.at("stage").string()).value_or(evidence::Stage::connect);
    const Value& recipient = recipient_of_decision(why.session, line);
    decision.recipient = recipient.at("path").string();
    // Of a recipient whom the record does not list.
    if (decision.recipient.empty() && number_of(line.at("recipient"), -1) >= 0)
      decision.recipient = evidence.text(Signal::recipient_address);
    decision.facts = facts_between(before, evidence, names);
    decision.action = evidence::parse_action(line.at("action").string()).value_or(Action::accept);
    decision.reason = evidence::parse_reason(line.at("reason").string()).value_or(Reason::none);
    decision.rule = line.at("rule").string();
    decision.enforced = line.at("enforced").boolean();
    decision.score = line.at("score").real();
    decision.score_low = line.at("score_low").real();
    decision.tags = strings_of(line.at("tags"));
    decision.shadow = strings_of(line.at("shadow"));
    decision.way_out = way_out(why.session, decision, evidence);
    const policy::For judged_for = whose.next({.stage = decision.stage,
                                               .transaction = number_of(line.at("transaction"), -1),
                                               .recipient = number_of(line.at("recipient"), -1),
                                               .enforced = decision.enforced,
                                               .action = decision.action,
                                               .code = static_cast<std::uint16_t>(number_of(recipient.at("code"), 0))},
                                              evidence);
    if (why.same_policy) {
      const policy::Moment moment = moment_of(decision.stage);
      decision.explanation = policy->explain(moment, evidence, judged_for);
      if (fate_of(decision.action) != Fate::accepted)
        decision.changes = Alternatives(*policy, moment, judged_for, evidence, names, home).find();
    }
    why.decisions.push_back(std::move(decision));
  }
  return why;
}

void append_json(const Why& why, json::Writer& out) {
  out.begin_object().field("judged", why.judged).field("same_policy", why.same_policy);
  out.key("decisions").begin_array();
  for (const Why::Decision& decision : why.decisions) {
    out.begin_object().field("ms", decision.ms).field("stage", evidence::to_string(decision.stage));
    if (!decision.recipient.empty()) out.field("recipient", decision.recipient);
    out.key("facts").begin_object();
    for (const Why::Fact& fact : decision.facts) out.field(evidence::info(fact.signal).name, fact.value);
    out.end_object().field("action", evidence::to_string(decision.action));
    out.field("reason", evidence::to_string(decision.reason)).field("rule", decision.rule);
    out.field("enforced", decision.enforced).field("score", decision.score).field("score_low", decision.score_low);
    const auto words = [&out](std::string_view key, const std::vector<std::string>& list) {
      out.key(key).begin_array();
      for (const std::string& word : list) out.string(word);
      out.end_array();
    };
    words("tags", decision.tags);
    words("shadow", decision.shadow);
    if (decision.explanation) write_explanation(*decision.explanation, out);
    out.key("changes").begin_array();
    for (const Why::Change& change : decision.changes) {
      out.begin_object().field("signal", evidence::info(change.signal).name).field("value", change.value);
      words("instead", change.instead);
      out.field("action", evidence::to_string(change.action)).end_object();
    }
    out.end_array();
    if (!decision.way_out.empty()) out.field("way_out", decision.way_out);
    out.end_object();
  }
  out.end_array().key("deliveries").begin_array();
  for (const json::Value& delivery : why.deliveries) delivery.write(out);
  out.end_array().key("session");
  why.session.write(out);
  out.end_object();
}

}  // namespace postern::insight
