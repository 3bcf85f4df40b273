// How a recorded decision is put to a policy: which moment it was, and whose verdict. The session that judges and every
// tool that judges anew do it by these, or the one would not reproduce the other. Thread rule: pure.
#pragma once

#include "evidence/evidence.h"
#include "policy/policy.h"

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

// The recipient is in the evidence; at connect there is none.
[[nodiscard]] inline policy::For recipient_of(const evidence::Evidence& evidence) {
  return {.address = evidence.text(evidence::Signal::recipient_address),
          .domain = evidence.text(evidence::Signal::recipient_domain)};
}

}  // namespace postern::insight
