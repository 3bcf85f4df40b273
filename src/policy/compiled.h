// The compiled policy, behind Policy: rules with their programs, the profiles that overrides make, the score.
// compile.cc fills it, judge.cc judges with it, explain.cc says why. Thread rule: immutable once compiled.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "policy/expression.h"
#include "policy/policy.h"
#include "policy/presets.h"
#include "policy/program.h"
#include "policy/scopes.h"
#include "policy/score.h"
#include "policy/truth.h"

namespace postern::policy {

struct Rule {
  std::size_t number = 0;  // in the order of judging
  std::string name, text, label;
  evidence::Stage stage = evidence::Stage::connect;
  evidence::Action action = evidence::Action::accept;
  evidence::Reason reason = evidence::Reason::rule;
  bool shadow = false;
  bool asks_known = false, asks_budget = false;
  std::optional<std::size_t> limited;  // number of the rule among those for some recipients only
  Expression expression;
  Program program;

  [[nodiscard]] bool applies(const Scopes::Found& scopes) const { return !limited || scopes.has(*limited); }
  // At connect only budgets speak (design invariant 4): what stands before one may spare it.
  [[nodiscard]] bool judges_at(Moment moment) const;
};

// What is decided for some recipients: the first one is everybody's.
struct Profile {
  Decided decided;
  Setting setting;
  std::vector<const Rule*> at_connect, at_rcpt, at_data;
  bool scored = false;
  std::vector<const Rule*> earlier;  // of RCPT, that matter at the end of DATA: what accepts, what delays

  [[nodiscard]] bool judges_at_data() const { return scored || !earlier.empty() || !at_data.empty(); }
  [[nodiscard]] const std::vector<const Rule*>& rules(Moment moment) const {
    return moment == Moment::connect ? at_connect : moment == Moment::rcpt ? at_rcpt : at_data;
  }
};

class Compiled final : public Policy {
 public:
  explicit Compiled(Score score) : score_(std::move(score)) {}

  [[nodiscard]] evidence::Verdict judge(Moment moment, const evidence::Evidence& evidence,
                                        const For& recipient) const override;
  [[nodiscard]] Explanation explain(Moment moment, const evidence::Evidence& evidence,
                                    const For& recipient) const override;
  [[nodiscard]] bool same_at_data(const For& one, const For& other) const override;
  [[nodiscard]] bool asks(evidence::Signal signal) const override {
    return asked_.test(static_cast<std::size_t>(signal));
  }
  [[nodiscard]] std::string_view fingerprint() const override { return fingerprint_; }
  [[nodiscard]] std::vector<std::string_view> rule_names() const override;
  [[nodiscard]] std::vector<Problem> warnings() const override;

 private:
  friend class Compiler;

  // Whether what a greylist rule or the score would delay has to wait, at this moment.
  [[nodiscard]] bool waits(Moment moment, const evidence::Evidence& evidence, const Profile& profile) const;
  // What the rules of RCPT mean for the end of DATA.
  struct Earlier {
    bool vouched = false;          // one of them accepted the recipient
    const Rule* delays = nullptr;  // one would have delayed, but for the null reverse-path
  };
  [[nodiscard]] Earlier earlier(const evidence::Evidence& evidence, const Profile& profile,
                                const Scopes::Found& scopes) const;
  void judge_score(Moment moment, const evidence::Evidence& evidence, const Profile& profile,
                   evidence::Verdict& verdict) const;
  void find_asked();

  std::vector<Rule> rules_;  // never grows once profiles point into it
  std::vector<Profile> profiles_;
  Scopes scopes_;
  Score score_;
  std::bitset<evidence::kSignals> asked_;
  std::vector<std::size_t> limited_at_data_;  // numbers of the limited rules that matter at the end of DATA
  bool recipient_matters_at_data_ = false;
  std::string fingerprint_;
  std::vector<Problem> doubts_;  // of single rules
};

}  // namespace postern::policy
