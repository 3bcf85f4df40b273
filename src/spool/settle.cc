#include "spool/settle.h"

namespace postern::spool {

RecipientCounts count_recipients(const Envelope& envelope) {
  RecipientCounts counts;
  for (const Recipient& recipient : envelope.recipients) {
    counts.pending += recipient.state == RecipientState::pending ? 1 : 0;
    counts.failed += recipient.state == RecipientState::failed ? 1 : 0;
  }
  return counts;
}

Result<std::vector<RecipientChange>> changes_of(const Envelope& envelope, const Settlement& settlement) {
  std::vector<RecipientChange> changes;
  changes.reserve(settlement.outcomes.size());
  for (const RecipientOutcome& outcome : settlement.outcomes) {
    if (outcome.index >= envelope.recipients.size()) {
      return fail(ErrorKind::invalid, "settling message " + envelope.id.text() + ": it has " +
                                          std::to_string(envelope.recipients.size()) + " recipients, none numbered " +
                                          std::to_string(outcome.index));
    }
    changes.push_back({outcome.index, outcome.state, envelope.recipients[outcome.index].attempts + 1,
                       outcome.reply.substr(0, Envelope::kReplyMax), outcome.delay_told});
  }
  return changes;
}

std::vector<RecipientChange> changes_of_retry(const Envelope& envelope) {
  std::vector<RecipientChange> changes;
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    const Recipient& recipient = envelope.recipients[i];
    if (recipient.state != RecipientState::failed) continue;
    changes.push_back({i, RecipientState::pending, recipient.attempts, recipient.last_reply, false});
  }
  return changes;
}

void apply_changes(Envelope& envelope, const std::vector<RecipientChange>& changes) {
  for (const RecipientChange& change : changes) {
    if (change.index >= envelope.recipients.size()) continue;
    Recipient& recipient = envelope.recipients[change.index];
    recipient.state = change.state;
    recipient.attempts = change.attempts;
    recipient.last_reply = change.reply;
    if (change.delay_told) recipient.notify |= kDelayTold;
  }
}

}  // namespace postern::spool
