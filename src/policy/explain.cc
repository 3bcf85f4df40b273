#include "policy/compiled.h"

namespace postern::policy {

Explanation Compiled::explain(Moment moment, const evidence::Evidence& evidence, const For& recipient) const {
  Explanation explanation;
  const Scopes::Found scopes = moment == Moment::connect ? Scopes::Found() : scopes_.find(recipient);
  const Profile& profile = profiles_[scopes.profile()];
  std::vector<const Rule*> rules = profile.rules(moment);
  if (moment == Moment::data &&
      evidence.get<evidence::value::Sender>(evidence::Signal::sender) == evidence::value::Sender::null) {
    // what did not speak at RCPT speaks now
    for (const Rule* const rule : profile.at_rcpt)
      if (rule->action == evidence::Action::greylist) rules.push_back(rule);
  }
  for (const Rule* const rule : rules) {
    if (!rule->applies(scopes)) continue;
    Answer answer{.rule = rule->name, .action = rule->action, .shadow = rule->shadow};
    answer.truth = truth_of(rule->expression, evidence, profile.setting);
    answer.settled =
        answer.truth == Truth::yes && rule->action == evidence::Action::greylist && !waits(moment, evidence, profile);
    answer.against = against(rule->expression, evidence, profile.setting);
    explanation.answers.push_back(std::move(answer));
  }
  explanation.greylist_at = profile.decided.greylist_at;
  explanation.reject_at = profile.decided.reject_at;
  if (moment != Moment::connect && profile.scored) explanation.terms = score_.terms(moment, evidence, profile.setting);
  return explanation;
}

}  // namespace postern::policy
