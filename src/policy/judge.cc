#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "policy/compiled.h"

namespace postern::policy {

namespace {

using evidence::Action;
using evidence::Evidence;
using evidence::Reason;
using evidence::Signal;
using evidence::Stage;
using evidence::Verdict;
namespace value = evidence::value;

constexpr std::size_t kMatchedMax = 64;  // bits of Verdict::matched

bool has_history(const Evidence& evidence) {
  const auto known = evidence.get<value::Known>(Signal::known);
  return known == value::Known::known || known == value::Known::replied_to;
}

// What would be refused for want of a history alone is put off while nobody can tell whether there is one (design
// invariant 6: a look-up that failed never counts against a sender). Whose zone is always broken is put off always.
bool history_is_undecided(const Evidence& evidence) {
  return evidence.get<value::Known>(Signal::known) == value::Known::undecided;
}
Evidence with_history(const Evidence& evidence) {
  Evidence out = evidence;
  out.set(Signal::known, value::Known::replied_to);
  return out;
}

// Of RFC 5321 4.5.1 and RFC 2142: always reachable (design invariant 4).
bool is_role(std::string_view address) {
  const std::string_view local = address.substr(0, address.find('@'));
  return iequals(local, "postmaster") || iequals(local, "abuse");
}

}  // namespace

bool Rule::judges_at(Moment moment) const {
  switch (moment) {
    case Moment::connect:
      return stage == Stage::connect && !limited &&
             ((action == Action::throttle && asks_budget) || action == Action::accept);
    case Moment::rcpt:
      return stage != Stage::data;
    case Moment::data:
      break;
  }
  return stage == Stage::data;
}

Verdict Compiled::judge(Moment moment, const Evidence& evidence, const For& recipient) const {
  Verdict verdict;
  const auto decide = [&verdict](Action action, Reason reason, std::string_view rule) {
    verdict.action = action;
    verdict.reason = reason;
    verdict.rule = rule;
  };
  if (moment != Moment::connect && evidence.get<value::Recipient>(Signal::recipient) == value::Recipient::role) {
    decide(Action::accept, Reason::none, "role");
    return verdict;
  }
  const auto word_of_operator = evidence.get<value::Operator>(Signal::verdict_of_operator);
  if (word_of_operator == value::Operator::allow) {
    decide(Action::accept, Reason::operator_allow, "operator");
    return verdict;
  }
  if (word_of_operator == value::Operator::deny && moment != Moment::connect) {
    decide(Action::reject, Reason::operator_deny, "operator");
    return verdict;
  }
  const Scopes::Found scopes = moment == Moment::connect ? Scopes::Found() : scopes_.find(recipient);
  const Profile& profile = profiles_[scopes.profile()];
  for (const Rule* const rule : profile.rules(moment)) {
    if (!rule->applies(scopes) || !rule->program.holds(evidence, profile.setting)) continue;
    if (rule->number < kMatchedMax) verdict.matched |= std::uint64_t{1} << rule->number;
    if (rule->action == Action::greylist && !waits(moment, evidence, profile)) continue;
    if (rule->shadow) {
      verdict.shadow.push_back(rule->name);
      continue;
    }
    if (rule->action == Action::tag) {
      verdict.tags.push_back(rule->label);
      continue;
    }
    // A trap is answered as a mailbox that does not exist, at any time: another answer would tell what it is
    if (rule->action == Action::reject && rule->reason != Reason::trap && rule->asks_known &&
        history_is_undecided(evidence) && !rule->program.holds(with_history(evidence), profile.setting)) {
      decide(Action::throttle, Reason::history, rule->name);
      return verdict;
    }
    decide(rule->action, rule->action == Action::accept ? Reason::none : rule->reason, rule->name);
    verdict.text = rule->text;
    return verdict;
  }
  if (moment == Moment::data && !profile.earlier.empty()) {
    const auto [vouched, delays] = earlier(evidence, profile, scopes);
    if (vouched) return verdict;
    if (delays != nullptr) {
      if (delays->number < kMatchedMax) verdict.matched |= std::uint64_t{1} << delays->number;
      decide(Action::greylist, delays->reason, delays->name);
      verdict.text = delays->text;
      return verdict;
    }
  }
  if (moment != Moment::connect && profile.scored) judge_score(moment, evidence, profile, verdict);
  return verdict;
}

void Compiled::judge_score(Moment moment, const Evidence& evidence, const Profile& profile, Verdict& verdict) const {
  const Sum sum = score_.at(moment, evidence, profile.setting);
  verdict.score = static_cast<float>(sum.mean);
  verdict.score_low = static_cast<float>(sum.low);
  if (std::min(sum.mean, sum.low) > profile.decided.reject_at) {
    const auto refused = [&](const Sum& with) { return std::min(with.mean, with.low) > profile.decided.reject_at; };
    const bool waits =
        history_is_undecided(evidence) && !refused(score_.at(moment, with_history(evidence), profile.setting));
    verdict.action = waits ? Action::throttle : Action::reject;
    verdict.reason = waits ? Reason::history : Reason::evidence_score;
    verdict.rule = "score";
  } else if (sum.mean > profile.decided.greylist_at && !has_history(evidence) && waits(moment, evidence, profile)) {
    verdict.action = Action::greylist;
    verdict.reason = Reason::greylisted;
    verdict.rule = "score";
  }
}

bool Compiled::waits(Moment moment, const Evidence& evidence, const Profile& profile) const {
  if (!profile.decided.greylist) return false;
  // RFC 5321 4.5.5: notifications have the null reverse-path, and those who verify senders stop before DATA
  if (moment != Moment::data && evidence.get<value::Sender>(Signal::sender) == value::Sender::null) return false;
  switch (evidence.get<value::Greylist>(Signal::greylist)) {
    case value::Greylist::first:
    case value::Greylist::early:
      return true;
    case value::Greylist::weak:
      break;
    case value::Greylist::unknown:  // no table: mail flows
    case value::Greylist::due:
      return false;
  }
  // Sender and recipient alone have waited, which a botnet can do as well as a pool of servers.
  if (evidence.get<value::Os>(Signal::os) == value::Os::windows ||
      evidence.get<value::Rdns>(Signal::rdns) == value::Rdns::generic) {
    return true;
  }
  if (!profile.scored) return false;
  const double mildly = (profile.decided.greylist_at + profile.decided.reject_at) / 2;
  return score_.at(moment, evidence, profile.setting).mean > mildly;
}

Compiled::Earlier Compiled::earlier(const Evidence& evidence, const Profile& profile,
                                    const Scopes::Found& scopes) const {
  const bool null_sender = evidence.get<value::Sender>(Signal::sender) == value::Sender::null;
  for (const Rule* const rule : profile.earlier) {
    const bool delay = rule->action == Action::greylist;
    if (delay && !null_sender) continue;  // it has spoken at RCPT
    if (!rule->applies(scopes) || !rule->program.holds(evidence, profile.setting)) continue;
    if (!delay) return {.vouched = true};
    if (waits(Moment::data, evidence, profile)) return {.delays = rule};
  }
  return {};
}

bool Compiled::same_at_data(const For& one, const For& other) const {
  const Scopes::Found found = scopes_.find(one);
  const Scopes::Found others = scopes_.find(other);
  const Profile& profile = profiles_[found.profile()];
  const Profile& others_profile = profiles_[others.profile()];
  if (!profile.judges_at_data() && !others_profile.judges_at_data()) return true;
  if (is_role(one.address) != is_role(other.address)) return false;
  if (is_role(one.address)) return true;
  if (recipient_matters_at_data_ && (!iequals(one.address, other.address) || !iequals(one.domain, other.domain)))
    return false;
  if (std::ranges::any_of(limited_at_data_,
                          [&](std::size_t number) { return found.has(number) != others.has(number); })) {
    return false;
  }
  if (&profile == &others_profile) return true;
  const Decided& a = profile.decided;
  const Decided& b = others_profile.decided;
  if (profile.at_data != others_profile.at_data || profile.setting.home != others_profile.setting.home) return false;
  if (profile.scored != others_profile.scored || a.greylist != b.greylist) return false;
  if (profile.earlier != others_profile.earlier) return false;
  return !profile.scored || (a.greylist_at == b.greylist_at && a.reject_at == b.reject_at);
}

std::vector<std::string_view> Compiled::rule_names() const {
  std::vector<std::string_view> names;
  for (const Rule& rule : rules_) names.emplace_back(rule.name);
  return names;
}

}  // namespace postern::policy
