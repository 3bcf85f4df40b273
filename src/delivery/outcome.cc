#include "delivery/outcome.h"

#include <algorithm>
#include <random>

#include "base/log.h"
#include "base/text.h"

namespace postern::delivery {

namespace {

using Kind = directory::Transport::Kind;

std::string_view kind_name(const directory::Transport* transport) {
  if (transport == nullptr) return "none";
  switch (transport->kind) {
    case Kind::maildir:
      return "maildir";
    case Kind::lmtp_tcp:
    case Kind::lmtp_unix:
      return "lmtp";
    case Kind::smtp:
      return "smtp";
    case Kind::sink:
      break;
  }
  return "sink";
}

std::string status_of(const smtp::Reply& reply) {
  const int klass = reply.code / 100;
  // The class is the code's: a server that says "450 5.1.1" means to be asked again
  if (reply.enhanced.present())
    return std::to_string(klass) + "." + std::to_string(reply.enhanced.subject) + "." +
           std::to_string(reply.enhanced.detail);
  return std::to_string(klass) + ".0.0";
}

std::string short_line(const smtp::Reply& reply) {
  std::string line = reply.all_lines();
  if (line.size() > spool::Envelope::kReplyMax) line.resize(spool::Envelope::kReplyMax);
  return line;
}

}  // namespace

std::int64_t jittered(std::int64_t ms) {
  // Spread only, nothing secret hangs on it
  thread_local std::minstd_rand random{std::random_device{}()};
  return ms + std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(0, ms / 8))(random);
}

smtp::Reply sink_reply() { return {250, {2, 0, 0}, "discarded, as the domain's sink: transport says"}; }

smtp::Reply too_late_reply() {
  return {554, {5, 4, 7}, "it was not delivered by the time that the sender had set, and is not tried any more"};
}

smtp::Reply no_way_reply(std::string_view forward_path, bool readable, const directory::Transport* transport) {
  const std::string to = printable(forward_path, 128);
  if (!readable)
    return {451, {4, 1, 3}, "recipient address " + to + " cannot be read; drop the message or wait for its expiry"};
  if (transport == nullptr) {
    return {451,
            {4, 3, 5},
            "the domain of " + to +
                " is not one of ours, and outbound mail is not configured; add the domain "
                "to the configuration, or drop the message"};
  }
  return {451,
          {4, 3, 5},
          "mail for " + to + " would go to " + transport->text() +
              ", but outbound mail is not configured; give the domain a maildir: or lmtp: transport"};
}

std::optional<smtp::Reply> local_refusal(const spool::Envelope& envelope, std::uint32_t index,
                                         const Result<smtp::Mailbox>& mailbox, const directory::Directory& directory,
                                         WallMs now) {
  const spool::Recipient& recipient = envelope.recipients.at(index);
  if (envelope.origin != spool::Origin::local) return std::nullopt;
  if (recipient.attempts == 0 && !recipient.last_reply.empty()) {
    smtp::ReplyReader reader;
    if (reader.feed(recipient.last_reply + "\r\n") && reader.complete()) return reader.take();
  }
  if (!mailbox) return smtp::Reply(550, {5, 1, 3}, "that is no mail address");
  if (directory::is_nobody(directory.resolve(*mailbox, now).disposition))
    return smtp::Reply(550, {5, 1, 1}, "no such mailbox here");
  return std::nullopt;
}

Verdict Judgement::verdict(std::uint32_t index, const smtp::Reply& reply) const {
  const spool::Recipient& recipient = envelope.recipients.at(index);
  Verdict verdict;
  verdict.attempt = recipient.attempts + 1;
  verdict.outcome.index = index;
  verdict.outcome.reply = short_line(reply);
  verdict.status = status_of(reply);
  if (reply.code / 100 == 2) {
    verdict.outcome.state = spool::RecipientState::delivered;
    verdict.word = "delivered";
    return verdict;
  }
  const WallMs expires = envelope.sending_since() + options.expire_after_ms;
  if (!reply.permanent() && start < expires) {
    verdict.outcome.state = spool::RecipientState::pending;
    verdict.word = "deferred";
    // The last attempt is made at the expiry, not after it
    verdict.delay_ms =
        std::min(jittered(backoff_ms(options, verdict.attempt)), std::max<std::int64_t>(1, expires - start));
    // Nor later than the sender is to be told of it, or the time he set is over
    for (const WallMs moment : {late_at(options.notices, envelope, recipient), envelope.deliver_by}) {
      if (moment > start) verdict.delay_ms = std::min(verdict.delay_ms, moment - start);
    }
    return verdict;
  }
  verdict.outcome.state = spool::RecipientState::failed;
  verdict.word = "failed";
  if (!reply.permanent()) {
    // RFC 3463 X.4.7: delivery time expired
    verdict.status = "5.4.7";
    verdict.outcome.reply = short_line(
        {554,
         {5, 4, 7},
         "expired after " + human_duration(options.expire_after_ms) + "; the last reply was: " + reply.all_lines()});
  }
  return verdict;
}

std::optional<Told> Judgement::tell(Verdict& verdict, std::size_t position) const {
  using spool::RecipientState;
  const spool::Recipient& recipient = envelope.recipients.at(verdict.outcome.index);
  Became became{.state = verdict.outcome.state, .now = start + duration_ms};
  became.local = transport != nullptr && transport->kind != Kind::smtp;
  became.passed_on = note != nullptr && position < note->dsn_passed.size() && note->dsn_passed[position];
  const auto action = action_of(options.notices, envelope, recipient, became);
  // A null reverse-path: what cannot be delivered is the operator's to see
  if (verdict.outcome.state == RecipientState::failed && !envelope.reverse_path.empty())
    verdict.outcome.state = RecipientState::bounced;
  if (!action) return std::nullopt;
  verdict.outcome.delay_told = *action == message::DsnAction::delayed;
  Told told;
  told.index = verdict.outcome.index;
  told.action = *action;
  told.status = verdict.status;
  // RFC 2852 4.1.3
  if (*action == message::DsnAction::delayed && envelope.deliver_by != 0) told.status = "4.4.7";
  // What was said by somebody, and by whom; where a unix socket is, is nobody's business
  const bool spoken = note != nullptr && !note->unreachable && verdict.status != "5.4.7";
  if (spoken && !note->host_name.empty())
    told.remote_mta = note->host_name;
  else if (spoken && !note->host.empty())
    told.remote_mta = note->host;
  else if (spoken && transport != nullptr && transport->kind == Kind::lmtp_tcp)
    told.remote_mta = transport->target;
  if (became.state != RecipientState::delivered || !told.remote_mta.empty()) told.diagnostic = verdict.outcome.reply;
  return told;
}

std::uint32_t Judgement::queued_ms() const {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(start + duration_ms - envelope.arrived, 0, UINT32_MAX));
}

record::DeliveryRecord Judgement::record() const {
  record::DeliveryRecord record;
  record.id = Id::make(start);
  record.message = envelope.id;
  record.start = start;
  record.duration_ms = duration_ms;
  record.transport = kind_name(transport);
  if (transport != nullptr) record.host = transport->target;
  if (transport != nullptr && transport->kind == Kind::smtp) record.destination = transport->target;
  if (note != nullptr && !note->host.empty()) {
    record.host = note->host;
    record.host_name = note->host_name;
    record.tls = note->tls;
    record.tls_cipher = note->tls_cipher;
    record.tls_verified = note->tls_verified;
    record.tls_policy = note->tls_policy;
    record.family = !note->family ? "" : *note->family == ip::Family::v6 ? "ipv6" : "ipv4";
  }
  record.size = envelope.size;
  record.queued_ms = queued_ms();
  return record;
}

void Judgement::log(const Verdict& verdict) const {
  // A failure after our 250 is the one thing the operator must see
  const postern::log::Level level =
      verdict.outcome.state == spool::RecipientState::delivered ? postern::log::Level::info
      : verdict.outcome.state == spool::RecipientState::pending ? postern::log::Level::warning
                                                                : postern::log::Level::error;
  if (!postern::log::enabled(level)) return;
  const std::string from = "<" + envelope.reverse_path + ">";
  const std::string to = "<" + envelope.recipients.at(verdict.outcome.index).forward_path + ">";
  const std::string_view target = transport == nullptr ? std::string_view("none") : std::string_view(transport->target);
  if (note == nullptr || note->host.empty()) {
    postern::log::write(level, verdict.word,
                        {{"id", envelope.id.text()},
                         {"from", from},
                         {"to", to},
                         {"transport", kind_name(transport)},
                         {"host", target},
                         {"reply", verdict.outcome.reply},
                         {"attempt", verdict.attempt},
                         {"queued_ms", queued_ms()}});
    return;
  }
  postern::log::write(level, verdict.word,
                      {{"id", envelope.id.text()},
                       {"from", from},
                       {"to", to},
                       {"transport", kind_name(transport)},
                       {"host", note->host},
                       {"name", note->host_name},
                       {"tls", note->tls.empty() ? "none" : note->tls},
                       {"reply", verdict.outcome.reply},
                       {"attempt", verdict.attempt},
                       {"queued_ms", queued_ms()}});
}

}  // namespace postern::delivery
