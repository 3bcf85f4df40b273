// The session's mail transaction: MAIL, RCPT, DATA and the body, what is said to each, and the commit.
#include <algorithm>
#include <utility>

#include "base/counters.h"
#include "base/log.h"
#include "base/text.h"
#include "inbound/demands.h"
#include "inbound/session.h"
#include "message/trace.h"
#include "record/metrics.h"

namespace postern::inbound {

namespace {

Counter messages_accepted_total("postern_messages_accepted_total");
Counter messages_refused_total("postern_messages_refused_total");
Counter recipients_refused_total("postern_recipients_refused_total");

constexpr std::uint64_t kFlightStep = 64 * 1024;  // octets taken from the gate at a time

// RFC 2045 5.1, 5.2: a body whose parts have headers; too often rather than once too few (comments, parameters).
bool has_parts(const message::HeaderSection& header) {
  return std::ranges::any_of(header.all("Content-Type"), [](const message::Field* field) {
    const std::string type = lower(field->body);
    return type.contains("multipart/") || type.contains("message/");
  });
}

}  // namespace

bool Transaction::needs_utf8(const std::vector<spool::Recipient>& to) const {
  if (!params.utf8) return false;
  return utf8_header || (several_parts && header.eight_bit()) || !is_ascii(reverse_path.text()) ||
         std::ranges::any_of(to, [](const spool::Recipient& recipient) {
           return !is_ascii(recipient.forward_path) || !is_ascii(recipient.original);
         });
}

void Session::on_mail(const smtp::Event& event) {
  if (!is_sinkhole()) {
    const auto admitted = context_.store.admit(event.mail.size.value_or(0));
    if (!admitted) {
      refuse(refusals::storage(admitted.error()));
      return;
    }
  }
  const WallMs now = wall_now();
  if (is_submission()) {
    if (const auto refusal = refuse_sender(event.path)) {
      refuse(*refusal);
      return;
    }
  }
  if (auto refusal = check_demands(event.mail, now)) {
    refuse(*refusal);
    return;
  }
  transaction_ = std::make_unique<Transaction>();
  transaction_->asked = now;
  transaction_->reverse_path = event.path;
  transaction_->params = event.mail;
  transaction_->record.reverse_path = clipped(event.path.text());
  transaction_->record.utf8 = event.mail.utf8;
  ++record_.transactions_total;
  if (judgement_) judgement_->mail(event.path);
  begin_authentication();
  machine_.accept();
}

// Clients that may relay are ours: their mail is not judged as a stranger's.
bool Session::is_own_client() const {
  return std::ranges::any_of((*context_.current)->settings.relay_from,
                             [this](const ip::Prefix& prefix) { return prefix.contains(record_.client.address); });
}

const std::string& Session::authserv_id() const {
  return settings().authserv_id.empty() ? settings().hostname : settings().authserv_id;
}

// SPF's look-ups begin while the client still names its recipients.
void Session::begin_authentication() {
  if (!settings().authenticate || context_.authentication.resolver == nullptr || is_own_client() || is_submission())
    return;
  transaction_->authentication = std::make_unique<Authentication>(
      context_.authentication, settings().hostname, authserv_id(),
      mailauth::Envelope{
          .client = record_.client.address, .helo = record_.helo, .mail_from = transaction_->reverse_path.text()});
}

// In a sinkhole whoever is written to is a trap, where the domain is one it takes.
directory::Resolution Session::resolve(const smtp::Mailbox& mailbox) const {
  const Settings& live = (*context_.current)->settings;
  if (!is_sinkhole()) return live.directory->resolve(mailbox, wall_now());
  directory::Resolution found;
  if (settings().listeners[listener_].sinkhole.takes(mailbox.domain)) found.disposition = directory::Disposition::trap;
  return found;
}

void Session::answer_recipient(const smtp::Mailbox& mailbox, const smtp::RcptParams& params) {
  Transaction& transaction = *transaction_;
  directory::Resolution found = resolve(mailbox);
  const std::optional<Refusal> returned = returned_to(mailbox, found);

  std::optional<Refusal> refusal;
  std::vector<spool::Recipient> added;
  record_.facts |= machine_.facts();
  if (judgement_) {
    refusal = judgement_->recipient(mailbox, found, machine_.error_count(), record_.transactions.size(),
                                    transaction.record.recipients.size());
  }
  if (refusal) {
    // The defence has spoken: nobody learns then which mailboxes there are
  } else if (is_sinkhole()) {
    if (found.disposition == directory::Disposition::foreign) refusal = refusals::relay_denied(mailbox.domain.text());
  } else if (returned) {
    refusal = returned;
  } else if (directory::is_nobody(found.disposition)) {
    refusal = refusals::unknown_mailbox(mailbox.text());
    if (found.disposition == directory::Disposition::trap) refusal->reason = "trap";
    if (found.disposition == directory::Disposition::retired) refusal->reason = "retired_user";
  } else if (found.disposition == directory::Disposition::foreign) {
    // What goes to servers of others goes as it was named, once
    if (!is_own_client() && !is_submission()) {
      refusal = refusals::relay_denied(mailbox.domain.text());
    } else {
      spool::Recipient recipient;
      recipient.forward_path = mailbox.text();
      recipient.notify = params.notify;
      recipient.orcpt = params.orcpt;
      const auto same =
          std::ranges::find(transaction.recipients, recipient.forward_path, &spool::Recipient::forward_path);
      if (same == transaction.recipients.end()) added.push_back(std::move(recipient));
    }
  } else {
    const std::string original = mailbox.text();
    // RFC 3461 5.2.7.3: of an alias that stands for several the sender hears that it does, and of failures
    const std::uint8_t several = found.targets.size() > 1 ? spool::kExpanded : std::uint8_t{0};
    for (const directory::Target& target : found.targets) {
      spool::Recipient recipient;
      recipient.forward_path = target.mailbox.text();
      const bool known = std::ranges::any_of(transaction.recipients, [&recipient](const spool::Recipient& other) {
        return other.forward_path == recipient.forward_path;
      });
      if (known) continue;
      if (recipient.forward_path != original) recipient.original = original;
      recipient.notify = static_cast<std::uint8_t>(params.notify | several);
      recipient.orcpt = params.orcpt;
      if (target.transport == nullptr && transaction.forwards_from.empty())
        transaction.forwards_from = mailbox.domain.text();
      added.push_back(std::move(recipient));
    }
  }
  // One reply for the whole message: who waits for a server behind us and who does not come separately
  const bool waits =
      !refusal && !is_sinkhole() && std::ranges::any_of(found.targets, [](const directory::Target& target) {
        return target.transport != nullptr && target.transport->before_accept;
      });
  if (!refusal && !is_sinkhole() && !transaction.recipients.empty() && waits != transaction.before_accept)
    refusal = refusals::other_next_hop();
  if (!refusal && transaction.recipients.size() + added.size() > kTargetsMax) refusal = refusals::too_many_targets();
  if (!refusal && is_submission()) refusal = refuse_new_recipient(mailbox);

  record::RecipientRecord entry;
  entry.path = clipped(mailbox.text());
  if (refusal) {
    entry.code = static_cast<std::uint16_t>(refusal->reply.code);
    entry.enhanced = refusal->reply.enhanced.text();
    entry.reason = refusal->reason;
    if (!is_sinkhole()) recipients_refused_total.add();
    log::info("recipient_refused", {{"id", record_.id.text()},
                                    {"client", record_.client.text()},
                                    {"from", transaction.record.reverse_path},
                                    {"to", entry.path},
                                    {"code", refusal->reply.code},
                                    {"reason", refusal->reason}});
    machine_.refuse(refusal->reply);
  } else {
    transaction.before_accept = waits;
    std::ranges::move(added, std::back_inserter(transaction.recipients));
    if (judgement_) judgement_->recipient_taken();
    entry.code = 250;
    entry.enhanced = "2.1.5";
    entry.reason = "ok";
    machine_.accept();
  }
  ++transaction.record.recipients_total;
  if (transaction.record.recipients.size() < record::kRecipientsMax)
    transaction.record.recipients.push_back(std::move(entry));
  else
    record_.beyond.recipients.add(entry.code, entry.reason);
}

void Session::on_data(const smtp::Event& event) {
  Transaction& transaction = *transaction_;
  transaction.record.chunked = event.chunked;
  if (is_sinkhole()) {
    swallow();
    return;
  }
  auto intake = context_.store.begin(context_.loop);
  if (!intake) {
    const Refusal refusal = refusals::storage(intake.error());
    refuse(refusal);
    end_transaction(refusal.reason, &refusal.reply);
    return;
  }
  if (!context_.gate.take_bytes(record_.client.address, kFlightStep, 0, settings().sessions)) {
    const Refusal refusal = refusals::too_much_in_flight();
    refuse(refusal);
    end_transaction(refusal.reason, &refusal.reply);
    return;
  }
  transaction.in_flight = kFlightStep;
  transaction.intake = std::move(*intake);
  transaction.head.emplace();
  transaction.data_start = Clock::now();
  const WallMs now = wall_now();
  transaction.message = Id::make(now);

  message::ReceivedInfo trace;
  trace.helo = record_.helo;
  trace.client = record_.client.address;
  trace.by = settings().hostname;
  trace.extended = record_.extended;
  trace.authenticated = !record_.login.empty();
  trace.hide_client = trace.authenticated && settings().submission.hide_client;
  trace.tls = stream_->tls() != nullptr;
  trace.utf8 = transaction.params.utf8;
  if (trace.tls) {
    trace.tls_version = record_.tls->version;
    trace.tls_cipher = record_.tls->cipher;
  }
  trace.id = transaction.message;
  // RFC 5321 4.4 and 7.2: "for" only where there is one recipient, so that no blind copy is told
  std::string only;
  if (transaction.record.recipients_total == 1 && transaction.record.recipients.size() == 1) {
    only = transaction.record.recipients[0].path;
    trace.for_path = only;
  }
  trace.time = now;
  const std::string field = message::received_field(trace);
  transaction.trace_octets = field.size();
  transaction.intake->append_now(field);
  machine_.accept();
}

// Looks at octets of the message and tells which are to be stored now: these, or nothing while the header is held back,
// or the header with what came after it. The view is good until the next call.
std::string_view Session::watch_body(std::string_view bytes) {
  if (!transaction_ || bytes.empty()) return {};
  Transaction& transaction = *transaction_;
  // A message that will be refused is read to its end, so that the session stays in step, but kept no longer.
  if (!transaction.spoiled && machine_.oversize()) {
    transaction.spoiled = refusals::message_too_large(settings().limits.message_size);
    transaction.intake.reset();
  }
  if (transaction.spoiled || (!transaction.intake && !transaction.swallowed)) return {};
  transaction.header.see(bytes);
  if (!transaction.head) {
    if (transaction.authentication) transaction.authentication->body(bytes);
    if (transaction.signing) transaction.signing->body(bytes);
    return bytes;
  }
  // Before the fields are looked at one by one, which happens on the loop.
  const bool open = transaction.header.in_header();
  if (header_is_too_large() || !transaction.head->add(bytes, open, settings().header_bytes_max)) {
    transaction.spoiled = refusals::header_too_large();
    transaction.intake.reset();
    return {};
  }
  if (open) return {};
  end_header();
  if (transaction.spoiled) return {};
  return transaction.released;
}

void Session::end_header() {
  Transaction& transaction = *transaction_;
  Head::Parted parted = transaction.head->part(transaction.header.header_octets(), authserv_id(), is_submission());
  transaction.head.reset();
  transaction.results_removed = parted.dropped;
  transaction.tls_optional = says_tls_optional(parted.header);
  transaction.released.clear();
  if (is_submission()) transaction.released = fix_up(parted.header);
  if (transaction.spoiled) {
    transaction.intake.reset();
    return;
  }
  transaction.released += parted.kept;
  transaction.utf8_header = !is_ascii(transaction.released);
  transaction.several_parts = has_parts(parted.header);
  begin_signing(transaction.released);
  if (transaction.signing) transaction.signing->body(parted.body);
  transaction.released += parted.body;
  if (!transaction.authentication) return;
  transaction.header_octets += parted.header.text().size();
  transaction.authentication->header(std::move(parted.header));
  transaction.authentication->body(parted.body);
}

void Session::on_body(std::string_view bytes) {
  const std::string_view octets = watch_body(bytes);
  if (octets.empty()) return;
  if (transaction_->intake) transaction_->intake->append_now(octets);
  std::string().swap(transaction_->released);
}

Task<void> Session::store_chunk(std::string chunk) {
  const std::string_view octets = watch_body(chunk);
  if (transaction_ && transaction_->kept) co_await keep_body(chunk);
  if (!transaction_ || transaction_->spoiled || !transaction_->intake) co_return;
  co_await store(octets);
  if (transaction_) std::string().swap(transaction_->released);
}

// Beyond the first step a message takes room from the gate before it takes memory or disk.
Task<void> Session::store(std::string_view octets) {
  Transaction& transaction = *transaction_;
  const std::uint64_t held = transaction.header_octets + (transaction.head ? transaction.head->held() : 0);
  const std::uint64_t need = transaction.intake->size() + octets.size() + held;
  while (transaction.in_flight < need && !transaction.spoiled) {
    if (!context_.gate.take_bytes(record_.client.address, kFlightStep, transaction.in_flight, settings().sessions))
      transaction.spoiled = refusals::too_much_in_flight();
    else
      transaction.in_flight += kFlightStep;
  }
  if (transaction.spoiled) {
    transaction.intake.reset();
    co_return;
  }
  if (octets.empty()) co_return;
  const auto stored = co_await transaction.intake->append(octets);
  if (!stored) {
    transaction.spoiled = refusals::storage(stored.error());
    transaction.intake.reset();
  }
}

std::optional<Refusal> Session::judge_message() {
  Transaction& transaction = *transaction_;
  if (machine_.oversize()) return refusals::message_too_large(settings().limits.message_size);
  if (machine_.body_fault() != smtp::BodyFault::none) return refusals::body_fault(machine_.body_fault());
  if (transaction.spoiled) return transaction.spoiled;
  // RFC 5321 6.3: at least 100 Received fields before a loop is called one
  if (transaction.header.received() > settings().received_max) {
    return refusals::loop_detected(transaction.header.received());
  }
  if (header_is_too_large()) return refusals::header_too_large();
  return std::nullopt;
}

// Lines that are no fields count as well: who reads fields stops at each of them.
bool Session::header_is_too_large() const {
  const message::HeaderReader& header = transaction_->header;
  return header.header_octets() > settings().header_bytes_max ||
         std::uint64_t{header.fields()} + header.malformed() > settings().header_fields_max;
}

Task<void> Session::finish_message() {
  if (is_sinkhole()) {
    co_await finish_swallowing();
    co_return;
  }
  Transaction& transaction = *transaction_;
  auto received = Clock::now();
  transaction.record.size = machine_.body_size();
  transaction.record.data_ms =
      static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(received - transaction.data_start).count());
  if (transaction.head && transaction.intake && !transaction.spoiled) {  // a header without an end, or nothing at all
    end_header();
    if (!transaction.spoiled) co_await store(transaction.released);
  }
  std::optional<Refusal> refusal = judge_message();
  if (!refusal) {
    spool::Envelope envelope;
    envelope.id = transaction.message;
    envelope.session = record_.id;
    envelope.arrived = wall_now();
    envelope.next_attempt = envelope.arrived;
    envelope.reverse_path = transaction.reverse_path.text();
    envelope.recipients = std::move(transaction.recipients);
    envelope.eight_bit = transaction.header.eight_bit();
    envelope.utf8 = transaction.needs_utf8(envelope.recipients);
    envelope.client = record_.client.text();
    envelope.login = record_.login;
    envelope.origin = origin();
    // RFC 8689 4: who demands TLS in the envelope cannot do without it in the header
    envelope.tls_optional = transaction.tls_optional && !transaction.params.require_tls;
    set_demands(transaction.params, transaction.asked, envelope);
    if (transaction.authentication) {
      co_await authenticate(envelope);
      // The results are cut short then, and the client, which may not hear of an acceptance, sends the message again:
      // taken now it would be there twice (RFC 1047).
      if (drain_ends_) {
        hang_up(refusals::draining(), "drain");
        co_return;
      }
      received = Clock::now();
    }
    if (transaction.signing) co_await sign(envelope);
    if (judgement_) {
      refusal = judgement_->message(transaction.record.authentication ? &*transaction.record.authentication : nullptr,
                                    transaction.record.size, record_.transactions.size());
      envelope.fields_on_top.insert(0, judgement_->tag_field());
    }
    if (!refusal) {
      refusal = co_await commit(std::move(envelope));
    }
  }
  transaction.record.commit_ms =
      static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - received).count());
  if (refusal) {
    messages_refused_total.add();
    log::info("message_refused", {{"id", record_.id.text()},
                                  {"client", record_.client.text()},
                                  {"from", transaction.record.reverse_path},
                                  {"size", transaction.record.size},
                                  {"code", refusal->reply.code},
                                  {"reason", refusal->reason}});
    machine_.refuse(refusal->reply);
    end_transaction(refusal->reason, &refusal->reply);
    co_return;
  }
  messages_accepted_total.add();
  if (judgement_) judgement_->accepted();
  if (is_submission()) note_writing();
  ++record_.accepted;
  transaction.record.message = transaction.message;
  const std::string id = transaction.message.text();
  std::string authentication = "off";
  if (const auto& found = transaction.record.authentication) {
    // The best of several signatures: the record has them all.
    const bool signed_well = std::ranges::any_of(found->dkim, [](const auto& d) { return d.result == "pass"; });
    authentication = "spf=" + (found->spf ? found->spf->result : "none") + " dkim=" +
                     (signed_well           ? "pass"
                      : found->dkim.empty() ? "none"
                                            : found->dkim.front().result) +
                     " dmarc=" + found->dmarc.result + " arc=" + found->arc.result;
  }
  log::info("accepted", {{"id", id},
                         {"session", record_.id.text()},
                         {"client", record_.client.text()},
                         {"from", transaction.record.reverse_path},
                         {"nrcpt", transaction.record.recipients_total},
                         {"size", transaction.record.size},
                         {"tls", record_.tls ? std::string_view(record_.tls->version) : std::string_view()},
                         {"auth", authentication},
                         {"login", record_.login}});
  const smtp::Reply reply(250, {2, 0, 0}, "Ok: queued as " + id);
  machine_.accept(reply);
  end_transaction("accepted", &reply);
}

// The results go above our Received field, with the envelope: they are known only now that the octets are written.
Task<void> Session::authenticate(spool::Envelope& envelope) {
  Transaction& transaction = *transaction_;
  Authentication::Outcome outcome = co_await transaction.authentication->finish(wall_now(), envelope.utf8);
  envelope.fields_on_top = std::move(outcome.field);
  transaction.chain = std::move(outcome.facts.arc);
  outcome.record.results_removed = transaction.results_removed;
  transaction.record.authentication = std::move(outcome.record);
}

void Session::refuse(const Refusal& refusal) {
  log::info("refused", {{"id", record_.id.text()},
                        {"client", record_.client.text()},
                        {"code", refusal.reply.code},
                        {"reason", refusal.reason}});
  machine_.refuse(refusal.reply);
}

void Session::end_transaction(std::string_view reason, const smtp::Reply* reply) {
  if (!transaction_) return;
  if (judgement_) judgement_->end_transaction();
  if (transaction_->in_flight > 0) context_.gate.give_bytes(record_.client.address, transaction_->in_flight);
  record::TransactionRecord entry = std::move(transaction_->record);
  transaction_.reset();
  entry.reason = reason;
  if (reply != nullptr) {
    entry.code = static_cast<std::uint16_t>(reply->code);
    entry.enhanced = reply->enhanced.text();
  }
  if (record_.transactions.size() < record::kTransactionsMax) {
    record_.transactions.push_back(std::move(entry));
  } else {
    record_.beyond.add(entry);
    if (!is_sinkhole()) record::count_commit(entry);
  }
}

}  // namespace postern::inbound
