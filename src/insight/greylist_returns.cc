#include "insight/greylist_returns.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

namespace postern::insight {

using record::DecisionView;
using record::RecipientView;
using record::SessionView;
using record::TransactionView;

namespace {

std::span<const RecipientView> recipients_of(const SessionView& session, const TransactionView& transaction) {
  return std::span(session.recipients)
      .subspan(transaction.recipients_begin, transaction.recipients_end - transaction.recipients_begin);
}

std::uint64_t mixed(std::uint64_t key, std::string_view text) {
  return (key ^ std::hash<std::string_view>{}(text)) * 0x9E3779B97F4A7C15ULL;
}

}  // namespace

void GreylistReturns::note(const SessionView& session, const TransactionView& transaction,
                           const RecipientView& recipient, Kind kind) {
  if (events_.size() >= most_) {
    ++not_held_;
    return;
  }
  std::uint64_t key = mixed(1, session.identity.empty() ? session.client : session.identity);
  key = mixed(mixed(key, transaction.reverse_path), recipient.path);
  const auto ms = static_cast<std::uint64_t>(std::max<WallMs>(session.start, 0));
  events_.push_back({key, ms << 2U | (kind == kTold ? 2U : 0U) | (session.ipv6 ? 1U : 0U)});
}

void GreylistReturns::add(const SessionView& session, bool asked) {
  for (const DecisionView& decision : session.decisions) {
    if (decision.action != evidence::Action::greylist || !decision.enforced || decision.transaction < 0) continue;
    const auto number = static_cast<std::size_t>(decision.transaction);
    if (number >= session.transactions.size()) continue;
    const TransactionView& transaction = session.transactions[number];
    const auto recipients = recipients_of(session, transaction);
    if (decision.recipient < 0) {  // the message: of those who were accepted until then
      for (const RecipientView& recipient : recipients)
        if (recipient.code == 250) note(session, transaction, recipient, kTold);
    } else if (static_cast<std::size_t>(decision.recipient) < recipients.size()) {
      note(session, transaction, recipients[static_cast<std::size_t>(decision.recipient)], kTold);
    }
  }
  if (!asked || session.accepted == 0) return;
  for (const TransactionView& transaction : session.transactions) {
    if (transaction.code != 250) continue;
    for (const RecipientView& recipient : recipients_of(session, transaction))
      if (recipient.code == 250) note(session, transaction, recipient, kAccepted);
  }
}

void GreylistReturns::merge(GreylistReturns&& other) {
  const std::size_t room = most_ - std::min(most_, events_.size());
  const std::size_t taken = std::min(room, other.events_.size());
  events_.insert(events_.end(), other.events_.begin(), other.events_.begin() + static_cast<std::ptrdiff_t>(taken));
  not_held_ += other.not_held_ + (other.events_.size() - taken);
  other = GreylistReturns(other.most_);
}

GreylistReturns::Report GreylistReturns::report() const {
  Report out;
  out.not_held = not_held_;
  std::vector<Event> events = events_;
  std::ranges::sort(events, {}, [](const Event& event) { return std::pair(event.key, event.when); });
  const Event* since = nullptr;  // the first word to come again of the case that is open
  std::uint64_t key = 0;
  for (const Event& event : events) {
    if (event.key != key) since = nullptr;
    key = event.key;
    if (event.kind() == kTold) {
      Family& family = out.families.at(event.family());
      ++family.told;
      if (since != nullptr) continue;
      ++family.cases;
      since = &event;
    } else if (since != nullptr) {
      Family& family = out.families.at(since->family());
      ++family.returned;
      family.delay.add(event.ms() - since->ms());
      since = nullptr;
    }
  }
  return out;
}

}  // namespace postern::insight
