#include "delivery/notices.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "smtp/address.h"

namespace postern::delivery {

using message::DsnAction;
using spool::RecipientState;

namespace {

constexpr std::uint8_t kOfTheWire =
    spool::kNotifySuccess | spool::kNotifyFailure | spool::kNotifyDelay | spool::kNotifyNever;

bool has(const spool::Recipient& recipient, std::uint8_t bit) { return (recipient.notify & bit) != 0; }

}  // namespace

bool wants(const spool::Envelope& envelope, const spool::Recipient& recipient, DsnAction action) {
  if (envelope.reverse_path.empty()) return false;  // RFC 5321 4.5.5
  const auto asked = static_cast<std::uint8_t>(recipient.notify & kOfTheWire);
  switch (action) {
    case DsnAction::failed:
      return asked == 0 || has(recipient, spool::kNotifyFailure);
    case DsnAction::delayed:
      // RFC 3461 4.1: without NOTIFY a server may tell of delays
      return asked == 0 || has(recipient, spool::kNotifyDelay);
    default:
      return has(recipient, spool::kNotifySuccess);
  }
}

WallMs late_at(const NoticeOptions& options, const spool::Envelope& envelope, const spool::Recipient& recipient) {
  if (has(recipient, spool::kDelayTold) || !wants(envelope, recipient, DsnAction::delayed)) return 0;
  // RFC 2852 4.1.3: with mode N the sender said himself what is late
  if (envelope.deliver_by != 0 && !envelope.return_if_late) return envelope.deliver_by;
  return options.delay_after_ms > 0 ? envelope.sending_since() + options.delay_after_ms : 0;
}

bool is_too_late(const spool::Envelope& envelope, WallMs now) {
  return envelope.return_if_late && envelope.deliver_by != 0 && now >= envelope.deliver_by;
}

std::optional<DsnAction> action_of(const NoticeOptions& options, const spool::Envelope& envelope,
                                   const spool::Recipient& recipient, const Became& became) {
  std::optional<DsnAction> action;
  switch (became.state) {
    case RecipientState::failed:
      action = DsnAction::failed;
      break;
    case RecipientState::pending: {
      const WallMs late = late_at(options, envelope, recipient);
      if (late == 0 || became.now < late) return std::nullopt;
      action = DsnAction::delayed;
      break;
    }
    case RecipientState::delivered:
      // RFC 2852 4.1.4: by-trace, where anything may be told at all
      if (!became.local && envelope.trace_relays && !envelope.reverse_path.empty() &&
          !has(recipient, spool::kNotifyNever)) {
        return DsnAction::relayed;
      }
      // RFC 3461 5.2.7.3: of an alias that stands for several, only that it does
      if (became.passed_on || has(recipient, spool::kExpanded)) return std::nullopt;
      action = became.local ? DsnAction::delivered : DsnAction::relayed;
      break;
    default:
      return std::nullopt;
  }
  return wants(envelope, recipient, *action) ? action : std::nullopt;
}

std::vector<Told> expanded(const spool::Envelope& envelope) {
  std::vector<Told> out;
  if (envelope.attempts > 0) return out;
  std::vector<std::string_view> seen;
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    const spool::Recipient& recipient = envelope.recipients[i];
    if (!has(recipient, spool::kExpanded) || !wants(envelope, recipient, DsnAction::expanded)) continue;
    if (std::ranges::find(seen, recipient.original) != seen.end()) continue;
    seen.push_back(recipient.original);
    out.push_back({.index = i, .action = DsnAction::expanded, .status = "2.0.0", .remote_mta = {}, .diagnostic = {}});
  }
  return out;
}

std::vector<spool::Recipient> return_recipients(const std::string& reverse_path, const directory::Directory& directory,
                                                const srs::Rewriter* rewriter, WallMs now) {
  const auto mailbox = smtp::parse_mailbox(reverse_path, true);
  if (!mailbox) return {};
  const auto to = [](std::string path) {
    spool::Recipient recipient;
    recipient.forward_path = std::move(path);
    return recipient;
  };
  if (directory.transport(*mailbox) == nullptr) return {to(mailbox->text())};
  if (rewriter != nullptr) {
    const srs::Reversed reversed = rewriter->reverse(*mailbox, now);
    if (reversed.state == srs::State::good) return {to(reversed.sender.text())};
  }
  std::vector<spool::Recipient> out;
  for (const directory::Target& target : directory.resolve(*mailbox, now).targets) {
    out.push_back(to(target.mailbox.text()));
    if (out.back().forward_path != reverse_path) out.back().original = reverse_path;
  }
  return out;
}

std::string sender_of_attempt(const spool::Envelope& envelope, bool foreign, const directory::Directory& directory,
                              const srs::Rewriter* rewriter, WallMs now) {
  if (!foreign || rewriter == nullptr || envelope.origin != spool::Origin::stranger || envelope.reverse_path.empty())
    return envelope.reverse_path;
  const auto sender = smtp::parse_mailbox(envelope.reverse_path, true);
  if (!sender || directory.transport(*sender) != nullptr) return envelope.reverse_path;
  return rewriter->forward(*sender, now);
}

std::vector<message::DsnReport> make_reports(const spool::Envelope& envelope, const std::vector<Told>& told,
                                             WallMs retry_until, WallMs now) {
  std::vector<message::DsnReport> out;
  std::map<DsnAction, std::size_t> open;  // of each action, the report that takes more
  for (const Told& one : told) {
    const auto [at, fresh] = open.try_emplace(one.action, out.size());
    if (fresh || out[at->second].recipients.size() >= message::kDsnRecipientsMax) {
      at->second = out.size();
      message::DsnReport report;
      report.to = envelope.reverse_path;
      report.original = envelope.id;
      report.envid = envelope.envid;
      report.now = now;
      report.arrived = envelope.arrived;
      report.deliver_by = envelope.deliver_by;
      report.held_until = envelope.held_until;
      report.utf8 = envelope.utf8;
      out.push_back(std::move(report));
    }
    const spool::Recipient& recipient = envelope.recipients.at(one.index);
    message::DsnRecipient entry;
    entry.address =
        one.action == DsnAction::expanded && !recipient.original.empty() ? recipient.original : recipient.forward_path;
    if (recipient.original != entry.address) entry.written = recipient.original;
    entry.original = recipient.orcpt;  // RFC 3461 6.3: nothing where the sender gave none
    entry.action = one.action;
    entry.status = one.status;
    entry.remote_mta = one.remote_mta;
    entry.diagnostic = one.diagnostic;
    entry.last_attempt = one.action == DsnAction::expanded ? 0 : now;
    if (one.action == DsnAction::delayed) entry.will_retry_until = retry_until;
    out[at->second].recipients.push_back(std::move(entry));
  }
  return out;
}

}  // namespace postern::delivery
