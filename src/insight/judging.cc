#include "insight/judging.h"

#include "insight/fate.h"

namespace postern::insight {

policy::For Whose::next(const Decided& decided, const evidence::Evidence& evidence) {
  switch (moment_of(decided.stage)) {
    case policy::Moment::connect:
      return {};
    case policy::Moment::data:
      if (decided.transaction != transaction_) return {};
      return {.address = address_, .domain = domain_};
    case policy::Moment::rcpt:
      break;
  }
  const policy::For recipient = recipient_of(evidence);
  const bool taken = decided.enforced && fate_of(decided.action) == Fate::accepted && decided.code < 400;
  if (taken && decided.transaction != transaction_) {
    transaction_ = decided.transaction;
    address_ = recipient.address;
    domain_ = recipient.domain;
  }
  return recipient;
}

}  // namespace postern::insight
