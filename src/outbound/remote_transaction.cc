// RemoteAttempt's other half: what is said over a connection, and what the replies mean for each recipient.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "outbound/remote_attempt.h"
#include "outbound/replies.h"
#include "smtp/dsn_address.h"
#include "smtp/line_check.h"

namespace postern::outbound {

namespace {

using State = smtp::ClientMachine::State;

constexpr std::size_t kBlock = 64 * 1024;
// RFC 5321 4.5.3.1.8: every server takes as many
constexpr std::size_t kRecipientsAtOnce = 100;

std::string notify_text(std::uint8_t bits) {
  if ((bits & spool::kNotifyNever) != 0) return "NEVER";
  // RFC 3461 5.2.7.3: of an alias that stands for several the sender hears that it does, and not who they are
  const bool expanded = (bits & spool::kExpanded) != 0;
  if (expanded && (bits & (spool::kNotifyFailure | spool::kNotifyDelay)) == 0 && (bits & spool::kNotifySuccess) != 0)
    return "NEVER";
  std::string out;
  const auto add = [&](std::uint8_t bit, std::string_view word) {
    if ((bits & bit) == 0) return;
    if (!out.empty()) out += ',';
    out += word;
  };
  if (!expanded) add(spool::kNotifySuccess, "SUCCESS");
  add(spool::kNotifyFailure, "FAILURE");
  add(spool::kNotifyDelay, "DELAY");
  return out;
}

// RFC 5321 4.5.3.1.10: the transaction has room for no more; the others may come in the next one.
bool too_many(const smtp::Reply& reply) {
  return reply.code == 452 && (!reply.enhanced.present() || reply.enhanced == smtp::EnhancedCode{4, 5, 3});
}

}  // namespace

// The first block is read before anything is said: a message that cannot be sent as it is costs no connection.
std::optional<smtp::Reply> RemoteAttempt::check_body() {
  auto block = attempt_.body->read(0, kBlock);
  if (!block) return smtp::Reply(451, {4, 3, 0}, "reading the message from the spool: " + block.error().what);
  smtp::LineCheck lines;
  const bool whole = block->size() == attempt_.body->size();
  if (!lines.add(*block) || (whole && !lines.finish())) {
    return smtp::Reply(554, {5, 6, 0}, "the stored message has a bare CR or LF, which is sent to nobody");
  }
  first_block_ = std::move(*block);
  return std::nullopt;
}

std::vector<std::size_t> RemoteAttempt::pending() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (!results_[i]) out.push_back(i);
  }
  return out;
}

bool RemoteAttempt::other_family_left(ip::Family family) const {
  return std::ranges::any_of(levels_, [&](const std::vector<Candidate>& level) {
    return std::ranges::any_of(level,
                               [&](const Candidate& one) { return !one.done && one.address.family() != family; });
  });
}

// What a reply says of how fast we may be.
void RemoteAttempt::hear(const smtp::Reply& reply) {
  if (reply.code == 421) shared_.pace.strained(hop_.destination);
  if (!asks_to_slow_down(reply) || note_.rest.count() > 0) return;
  const seconds rest = shared_.pace.slow_down(hop_.destination);
  note_.rest = rest;
  log::warning("destination_rests", {{"destination", hop_.destination},
                                     {"seconds", rest.count()},
                                     {"reply", reply.line()},
                                     {"why", "the server asks for less mail; nothing is sent to it meanwhile"}});
}

smtp::ClientMessage RemoteAttempt::message_for(const std::vector<std::size_t>& chunk) const {
  const spool::Envelope& envelope = *attempt_.envelope;
  smtp::ClientMessage message;
  message.reverse_path = attempt_.reverse_path;
  message.size = attempt_.body->size();
  message.eight_bit = envelope.eight_bit;
  message.utf8 = envelope.utf8;
  message.strict = true;
  message.envid = smtp::to_xtext(envelope.envid);  // decoded in the envelope
  message.ret = envelope.ret;
  message.require_tls = envelope.require_tls;
  message.priority = envelope.priority;  // NOLINT(bugprone-signed-char-misuse): -9 to 9, no character
  if (envelope.deliver_by != 0) {
    message.deliver_by = smtp::DeliverBy{.seconds = (envelope.deliver_by - wall_now()) / 1000,
                                         .return_if_late = envelope.return_if_late,
                                         .trace = envelope.trace_relays};
  }
  for (const std::size_t position : chunk) {
    const spool::Recipient& recipient = envelope.recipients.at(attempt_.recipients[position]);
    message.forward_paths.push_back(recipient.forward_path);
    std::string original = recipient.orcpt.empty() ? std::string() : smtp::orcpt_value(recipient.orcpt, envelope.utf8);
    message.parameters.push_back({notify_text(recipient.notify), std::move(original)});
  }
  return message;
}

void RemoteAttempt::settle(std::size_t position, smtp::Reply reply, const Connection& connection) {
  const ip::Family family = connection.family();
  if (blames_family(reply)) {
    shared_.memory.note_refusal(hop_.destination, family, wall_now());
    if (!only_ && !blamed_[position]) {
      if (reply.temporary()) {
        put_off_over_ = family;
        put_off_words_ = reply.line();
      }
      blamed_[position] = std::move(reply);
      return;
    }
  }
  // What one family calls temporary the other must not make permanent: its "no" may be about another thing
  if (reply.permanent() && put_off_over_ && *put_off_over_ != family) {
    reply = smtp::Reply(
        451, {4, reply.enhanced.subject, reply.enhanced.detail},
        reply.line() + "; kept for now, because over the other family the server had said: " + put_off_words_);
  }
  if (reply.code / 100 == 2) {
    if (note_.dsn_passed.empty()) note_.dsn_passed.assign(results_.size(), false);
    note_.dsn_passed[position] = connection.conversation->machine().dsn_passed();
  }
  hear(reply);
  results_[position] = std::move(reply);
}

// Whoever has no answer has the reason why there was no connection, or the refusal that the other family was to mend.
// What was broken off has none of these: there was more to try, and a refusal until then is not the last word.
void RemoteAttempt::settle_rest() {
  const bool broken_off = breaker_.cancelled();
  const smtp::Reply lost(451, {4, 4, 2}, broken_off ? "broken off" : "no server could be talked to");
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (results_[i]) continue;
    if (broken_off) {
      results_[i] = lost;
    } else if (!blamed_[i]) {
      results_[i] = failure_ ? *failure_ : lost;
    } else if (failure_ && failure_->temporary()) {
      results_[i] = smtp::Reply(451, {4, 7, blamed_[i]->enhanced.detail},
                                blamed_[i]->line() + "; to be tried over the other family, where " + failure_->text);
    } else {
      results_[i] = *blamed_[i];
    }
  }
  if (greeted_ || broken_off || !failure_ || failure_->permanent()) return;
  shared_.pace.unreachable(hop_.destination);
  note_.unreachable = true;
  note_.text = failure_->text;
}

void RemoteAttempt::come_again(const ip::Endpoint& endpoint) {
  for (std::vector<Candidate>& level : levels_) {
    for (Candidate& one : level) {
      if (ip::Endpoint{one.address, port_} == endpoint) one.done = false;
    }
  }
}

Task<void> RemoteAttempt::use(Connection connection) {
  note_.host = connection.endpoint.text();
  note_.host_name = connection.host_name;
  note_.family = connection.family();
  note_.tls = connection.tls;
  note_.tls_cipher = connection.tls_cipher;
  note_.tls_verified = connection.tls_verified;
  note_.tls_policy = connection.tls_policy;
  greeted_ = true;
  breaker_.watch(&connection.conversation->stream());
  const smtp::ServerOffer& offer = connection.conversation->machine().offer();
  const std::size_t most =
      offer.recipients_max == 0 ? kRecipientsAtOnce : std::min<std::size_t>(kRecipientsAtOnce, offer.recipients_max);
  std::uint64_t messages = options_->messages_per_connection;
  if (offer.messages_max != 0) messages = std::min(messages, offer.messages_max);
  Then then = Then::go_on;
  while (then == Then::go_on) {
    std::vector<std::size_t> chunk = pending();
    std::erase_if(chunk, [&](std::size_t i) { return blamed_[i] && !only_; });
    if (chunk.empty()) break;
    // RFC 9422 4.1: a further one needs a new connection, for which nothing speaks against the same address
    if (connection.messages >= messages) {
      come_again(connection.endpoint);
      break;
    }
    if (chunk.size() > most) chunk.resize(most);
    then = co_await transact(connection, std::move(chunk));
  }
  breaker_.watch(nullptr);
  const bool ready = connection.conversation->machine().state() == State::ready;
  if (then != Then::come_back && std::ranges::any_of(blamed_, [](const auto& reply) { return reply.has_value(); })) {
    // Once over the other family, for those whose refusal named this one
    if (!only_) {
      only_ = connection.family() == ip::Family::v6 ? ip::Family::v4 : ip::Family::v6;
      may_reuse_ = false;
      failure_.reset();  // of the family that refused
      failure_rank_ = -1;
      if (connection.reused && !std::exchange(looked_up_, true)) co_await find_hosts();
    }
  }
  if (then == Then::go_on && ready && !breaker_.cancelled() && connection.messages < messages) {
    shared_.pool.give(key_, std::move(connection));
  } else {
    shared_.pool.dismiss(std::move(connection));
  }
}

Task<RemoteAttempt::Then> RemoteAttempt::transact(Connection& connection, std::vector<std::size_t> chunk) {
  ++connection.messages;
  spool::Body* const body = attempt_.body;
  const std::string* const first = &first_block_;
  const auto source = [body, first](std::uint64_t offset) -> Result<std::string> {
    if (offset >= body->size()) return std::string();
    if (offset == 0) return *first;
    auto bytes = body->read(offset, kBlock);
    if (bytes && bytes->empty()) return fail(ErrorKind::storage, "the message in the spool is cut short");
    return bytes;
  };
  const auto sent = co_await connection.conversation->send(message_for(chunk), source);
  co_return judge(connection, chunk, sent);
}

RemoteAttempt::Then RemoteAttempt::judge(Connection& connection, const std::vector<std::size_t>& chunk,
                                         const Result<void>& sent) {
  const smtp::ClientMachine& machine = connection.conversation->machine();
  const bool ready = machine.state() == State::ready;
  std::vector<smtp::Reply> replies = machine.results();
  if (!ready && connection.reused && !machine.mail_answered()) {
    // It had been closed while it was idle, with or without 421: nobody has heard of the message
    may_reuse_ = false;
    return Then::come_back;
  }
  if (machine.mail_refused() && replies.front().temporary()) {
    // The next address at once, once
    session_refused(replies.front(), connection.family());
    shared_.pace.strained(hop_.destination);
    may_reuse_ = false;
    if (!std::exchange(retried_session_, true) && note_.rest.count() == 0) {
      no_connection(replies.front(), true);
      if (connection.reused) refused_at_ = connection.endpoint;
      return Then::hang_up;
    }
  }
  if (!machine.mail_answered() && ready && attempt_.envelope->require_tls) {
    // RFC 8689 4.2.1: another host may offer it
    no_connection(replies.front(), true);
    if (connection.reused) refused_at_ = connection.endpoint;
    may_reuse_ = false;
    return Then::hang_up;
  }
  const bool some_taken = std::ranges::any_of(replies, [](const smtp::Reply& r) { return r.positive(); });
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    smtp::Reply& reply = replies[i];
    if (some_taken && too_many(reply)) continue;  // with the next transaction
    if (!sent && reply.code == 451 && reply.enhanced == smtp::EnhancedCode{4, 4, 2}) {
      reply.text = connection.endpoint.text() + ": " + sent.error().what;
    }
    settle(chunk[i], std::move(reply), connection);
  }
  if (some_taken) {
    shared_.pace.delivered(hop_.destination, Clock::now());
    shared_.memory.note_delivery(hop_.destination, connection.family());
  } else if (!sent) {
    shared_.pace.strained(hop_.destination);
    // Commands pass and the message does not: a path that loses large packets without a word (RFC 8201 1), over IPv6
    // above all, looks like this and stays like this. The next attempt begins with the other family
    if (sent.error().kind == ErrorKind::timeout && machine.mail_answered()) {
      shared_.memory.note_refusal(hop_.destination, connection.family(), wall_now());
    }
  }
  return ready && sent ? Then::go_on : Then::hang_up;
}

}  // namespace postern::outbound
