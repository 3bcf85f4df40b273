#include "insight/judging.h"

#include "insight/fate.h"

namespace postern::insight {

policy::For Whose::next(const Decided& decided, const evidence::Evidence& evidence) {
  const policy::For recipient = recipient_of(evidence);
  switch (moment_of(decided.stage)) {
    case policy::Moment::connect:
      return {};
    case policy::Moment::data: {
      const bool remembered = decided.transaction == transaction_;
      transaction_ = kNone;  // the message ends it
      if (!recipient.address.empty()) return recipient;
      if (!remembered) return {};
      return {.address = address_, .domain = domain_};
    }
    case policy::Moment::rcpt:
      break;
  }
  if (begins_transaction(decided.transaction, decided.recipient)) transaction_ = kNone;
  const bool taken = decided.enforced && fate_of(decided.action) == Fate::accepted && decided.code < 400;
  if (taken && decided.transaction != transaction_) {
    transaction_ = decided.transaction;
    address_ = recipient.address;
    domain_ = recipient.domain;
  }
  return recipient;
}

}  // namespace postern::insight
