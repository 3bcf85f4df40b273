// How a recorded decision is put to a policy: which moment it was, and whose verdict. The session that judges and every
// tool that judges anew do it by these, or the one would not reproduce the other. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>

#include "evidence/evidence.h"
#include "evidence/verdict.h"
#include "policy/policy.h"
#include "record/session_record.h"

namespace postern::insight {

// Sessions judge at connect, at RCPT and at the end of DATA.
[[nodiscard]] constexpr policy::Moment moment_of(evidence::Stage stage) {
  switch (stage) {
    case evidence::Stage::connect:
      return policy::Moment::connect;
    case evidence::Stage::data:
      return policy::Moment::data;
    case evidence::Stage::helo:
    case evidence::Stage::mail:
    case evidence::Stage::rcpt:
      break;
  }
  return policy::Moment::rcpt;
}

// The recipient at RCPT is in the evidence.
[[nodiscard]] inline policy::For recipient_of(const evidence::Evidence& evidence) {
  return {.address = evidence.text(evidence::Signal::recipient_address),
          .domain = evidence.text(evidence::Signal::recipient_domain)};
}

// Whether a decision at RCPT surely is the first of its transaction. Transactions that a record does not list all have
// the number of the first such one, so that it alone tells nothing of them.
[[nodiscard]] constexpr bool begins_transaction(std::int32_t transaction, std::int32_t recipient) {
  return transaction >= static_cast<std::int32_t>(record::kTransactionsMax) && recipient == 0;
}

// Whose verdict each decision of a session was: at RCPT the recipient's, at the end of DATA that of the first recipient
// who was taken, at connect nobody's. The evidence of the end of DATA has him; where it does not, he is looked for
// among the decisions before it. One session after the other.
class Whose {
 public:
  struct Decided {
    evidence::Stage stage{};
    std::int32_t transaction = -1, recipient = -1;
    bool enforced = false;
    evidence::Action action{};  // as recorded
    std::uint16_t code = 0;     // that the recipient was answered; 0 where it is not listed
  };
  void begin() { transaction_ = kNone; }
  // In the order of the record. Views into `evidence` and into this.
  [[nodiscard]] policy::For next(const Decided& decided, const evidence::Evidence& evidence);

 private:
  static constexpr std::int32_t kNone = -2;
  std::int32_t transaction_ = kNone;  // that the two below are of
  std::string address_, domain_;
};

}  // namespace postern::insight
