#include "insight/fate.h"

#include "base/result.h"
#include "insight/judging.h"

namespace postern::insight {

namespace {

using evidence::Stage;
using record::DecisionView;
using record::SessionView;

// Refused by somebody else than the policy: the directory, a limit.
bool refused_otherwise(const SessionView& session, const DecisionView& decision) {
  return fate_of(decision.action) == Fate::accepted && code_of(session, decision) >= 400;
}

// The decision at the end of DATA that was about this recipient; the number of decisions where there was none.
std::size_t data_decision(const SessionView& session, std::size_t from) {
  const DecisionView& at_rcpt = session.decisions[from];
  // Beyond the transactions that are listed all have one number. There the next message is this one's only where no
  // other transaction began before it; and where decisions are missing nobody can say.
  const bool listed = at_rcpt.transaction < static_cast<std::int32_t>(record::kTransactionsMax);
  if (!listed && session.decisions_total > session.decisions.size()) return session.decisions.size();
  for (std::size_t i = from + 1; i < session.decisions.size(); ++i) {
    const DecisionView& decision = session.decisions[i];
    if (decision.stage != Stage::data && begins_transaction(decision.transaction, decision.recipient)) break;
    if (decision.stage == Stage::data && decision.transaction == at_rcpt.transaction && decision.enforced &&
        (decision.recipient < 0 || decision.recipient == at_rcpt.recipient)) {
      return i;
    }
  }
  return session.decisions.size();
}

Delivery at_connect(std::size_t index, Fate before, Fate after) {
  return {.before = before,
          .after = after,
          .decided_before = index,
          .decided_after = index,
          .unfinished = before != Fate::accepted && after == Fate::accepted};
}

}  // namespace

std::string_view to_string(Fate fate) {
  switch (fate) {
    case Fate::delayed:
      return "delayed";
    case Fate::refused:
      return "refused";
    case Fate::accepted:
      break;
  }
  return "accepted";
}

const record::TransactionView* transaction_of(const SessionView& session, const DecisionView& decision) {
  if (decision.transaction < 0) return nullptr;
  const auto at = static_cast<std::size_t>(decision.transaction);
  return at < session.transactions.size() ? &session.transactions[at] : nullptr;
}

std::uint16_t code_of(const SessionView& session, const DecisionView& decision) {
  const record::TransactionView* const of = transaction_of(session, decision);
  if (of == nullptr || decision.recipient < 0) return 0;
  const std::size_t at = of->recipients_begin + static_cast<std::size_t>(decision.recipient);
  return at < of->recipients_end ? session.recipients[at].code : std::uint16_t{0};
}

void deliveries_of(const SessionView& session, std::span<const evidence::Action> after, std::vector<Delivery>& out) {
  POSTERN_CHECK(after.size() == session.decisions.size());
  out.clear();
  // What the other policy says at connect holds for the whole session.
  Fate connect_after = Fate::accepted;
  std::size_t connect_index = 0;
  for (std::size_t i = 0; i < session.decisions.size(); ++i) {
    const DecisionView& decision = session.decisions[i];
    if (!decision.enforced) continue;
    const Fate before = fate_of(decision.action);
    const Fate now = fate_of(after[i]);
    if (decision.stage == Stage::connect) {
      if (before != Fate::accepted) out.push_back(at_connect(i, before, now));
      if (now != Fate::accepted && connect_after == Fate::accepted) {
        connect_after = now;
        connect_index = i;
      }
      continue;
    }
    if (decision.stage == Stage::data || refused_otherwise(session, decision)) continue;
    Delivery delivery{.before = before, .after = now, .decided_before = i, .decided_after = i};
    const std::size_t at_data = data_decision(session, i);
    const bool has_data = at_data < session.decisions.size();
    if (before == Fate::accepted && has_data) {
      delivery.before = fate_of(session.decisions[at_data].action);
      delivery.decided_before = at_data;
    }
    if (now == Fate::accepted) {
      // The message of a transaction in which this recipient was refused may have come all the same, for others.
      if (has_data) {
        delivery.after = fate_of(after[at_data]);
        delivery.decided_after = at_data;
      } else {
        delivery.unfinished = before != Fate::accepted;
      }
    }
    if (connect_after != Fate::accepted) {
      delivery.after = connect_after;
      delivery.decided_after = connect_index;
    }
    out.push_back(delivery);
  }
}

}  // namespace postern::insight
