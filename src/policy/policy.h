// Policy: the rules and the weights, compiled. Pure: evidence in, verdict out; no clock, no network, no state (design
// invariant 5), so that replay reproduces each verdict from a record.
//
// A comparison with an unknown value is itself unknown, and a rule acts only where its condition is true (Kleene's
// logic): what could not be measured never counts against a sender. Order of judging at RCPT: the role accounts, the
// operator's own word, the configured rules of the stages connect to rcpt, those of the preset, the evidence score. At
// the end of DATA: the rules of that stage, DMARC, the score with what the message added. `accept` ends the judging of
// its moment; where a rule accepted the recipient, the score is not asked at the end of DATA either. A spoken refusal
// waits for RCPT whatever its stage; at connect there are `throttle` alone and the `accept` rules that stand before it.
// Verdict::rule is the rule's name ("organisation/country" of a preset), or "role", "operator", "score", "default".
// Thread rule: immutable; shared by all threads. Evaluation does not allocate where nothing is tagged and no shadow
// rule is true.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.h"
#include "evidence/verdict.h"
#include "policy/options.h"

namespace postern::policy {

// When a verdict is asked for.
enum class Moment : std::uint8_t { connect, rcpt, data };

// Whose verdict: overrides and rules may name recipients. At connect both are empty.
struct For {
  std::string_view address;  // "bob@example.org", as the directory knows it
  std::string_view domain;
};

// What stands behind one rule's answer, for `why`.
struct Answer {
  std::string_view rule;
  evidence::Action action;
  bool shadow = false;
  enum class Truth : std::uint8_t { no, yes, unknown } truth = Truth::no;
  bool settled = false;  // true, but of a greylist rule whose delay is over, or does not apply
  // Where it is not true: the comparisons that would have to change, as they stand in the expression.
  std::vector<std::string> against;
};
// One term of the score.
struct Term {
  std::string what;  // "os=windows rdns=generic country=abroad known=stranger", "tls=plain"
  double nats = 0, low = 0;
  double spam = 0, ham = 0;  // counts it rests on, priors included
  bool pinned = false;
};
struct Explanation {
  std::vector<Answer> answers;
  std::vector<Term> terms;
  double greylist_at = 0, reject_at = 0;
};

class Policy {
 public:
  // Null where there are problems. Checked: names and words of signals, countries, stages, unused or doubled names, a
  // rule that can never fire (contradiction, or always decided by one before it), limits.
  [[nodiscard]] static std::shared_ptr<const Policy> compile(const Options& options, std::vector<Problem>& problems);
  virtual ~Policy() = default;

  [[nodiscard]] virtual evidence::Verdict judge(Moment moment, const evidence::Evidence& evidence,
                                                const For& recipient) const = 0;
  // The same with its reasons; slow.
  [[nodiscard]] virtual Explanation explain(Moment moment, const evidence::Evidence& evidence,
                                            const For& recipient) const = 0;
  // Whether two recipients are judged alike at the end of DATA: one reply serves both. The greylist is that of the
  // transaction then, and makes no difference.
  [[nodiscard]] virtual bool same_at_data(const For& one, const For& other) const = 0;
  // Whether anything asks for this signal: what nobody asks need not be looked up.
  [[nodiscard]] virtual bool asks(evidence::Signal signal) const = 0;
  // 16 hex digits over all that decides; the same options give the same, in every version that judges alike.
  [[nodiscard]] virtual std::string_view fingerprint() const = 0;
  // In the order of judging; bits of Verdict::matched count these.
  [[nodiscard]] virtual std::vector<std::string_view> rule_names() const = 0;
  // What is allowed and should be known: TLS that RFC 3207 section 4 forbids to require; with a rule's name and place,
  // a condition that does not mean what it seems to.
  [[nodiscard]] virtual std::vector<Problem> warnings() const { return {}; }
};

}  // namespace postern::policy
