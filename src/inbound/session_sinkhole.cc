// The session's mail transaction where the listener is a sinkhole: the message is looked at as any other, and goes
// nowhere. The operator wrote that down (design invariant 2); who sends is told what a mail server says.
#include "base/counters.h"
#include "base/log.h"
#include "inbound/session.h"

namespace postern::inbound {

namespace {

Counter swallowed_total("postern_sinkhole_messages_total");

// A sinkhole keeps a header and a piece of the body in memory at most.
constexpr std::uint64_t kSinkholeFlight = 256 * 1024;

}  // namespace

// DATA or the first BDAT.
void Session::swallow() {
  Transaction& transaction = *transaction_;
  if (!context_.gate.take_bytes(record_.client.address, kSinkholeFlight, 0, settings().sessions)) {
    const Refusal refusal = refusals::too_much_in_flight();
    refuse(refusal);
    end_transaction(refusal.reason, &refusal.reply);
    return;
  }
  transaction.in_flight = kSinkholeFlight;
  transaction.swallowed = true;
  transaction.head.emplace();
  transaction.data_start = Clock::now();
  const WallMs now = wall_now();
  transaction.message = Id::make(now);
  if (settings().listeners[listener_].sinkhole.keep_bodies && context_.sinkhole != nullptr)
    transaction.kept = context_.sinkhole->begin(transaction.message, now);
  machine_.accept();
}

// A body that cannot be kept is no reason to tell the sender anything.
Task<void> Session::keep_body(std::string_view octets) {
  if (machine_.oversize()) {  // one message may not push out all others
    transaction_->kept.reset();
    co_return;
  }
  const auto kept = co_await transaction_->kept->append(octets);
  if (kept) co_return;
  log::warning("sinkhole_body_lost", {{"id", record_.id.text()}, {"why", kept.error().what}});
  transaction_->kept.reset();
}

Task<void> Session::finish_swallowing() {
  Transaction& transaction = *transaction_;
  transaction.record.size = machine_.body_size();
  transaction.record.data_ms = static_cast<std::uint32_t>(
      std::chrono::duration_cast<milliseconds>(Clock::now() - transaction.data_start).count());
  if (transaction.head && !transaction.spoiled) end_header();
  if (transaction.authentication && !transaction.spoiled) {
    Authentication::Outcome outcome = co_await transaction.authentication->finish(wall_now(), transaction.params.utf8);
    outcome.record.results_removed = transaction.results_removed;
    transaction.record.authentication = std::move(outcome.record);
  }
  if (judgement_) {
    const auto nothing =
        judgement_->message(transaction.record.authentication ? &*transaction.record.authentication : nullptr,
                            transaction.record.size, record_.transactions.size());
    POSTERN_CHECK(!nothing);
  }
  if (transaction.kept) {
    const auto path = co_await transaction.kept->finish();
    if (path) transaction.record.message = transaction.message;
  }
  swallowed_total.add();
  log::info("swallowed", {{"id", transaction.message.text()},
                          {"session", record_.id.text()},
                          {"client", record_.client.text()},
                          {"from", transaction.record.reverse_path},
                          {"nrcpt", transaction.record.recipients_total},
                          {"size", transaction.record.size}});
  const smtp::Reply reply(250, {2, 0, 0}, "Ok: queued as " + transaction.message.text());
  machine_.accept(reply);
  end_transaction("sinkhole", &reply);
}

}  // namespace postern::inbound
