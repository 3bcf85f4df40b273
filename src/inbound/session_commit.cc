// The end of a message that was judged good: it is made durable, and where the server behind us decides
// ([[domain]] before_accept) its answer is waited for.
#include <utility>

#include "inbound/session.h"

namespace postern::inbound {

namespace {

// RFC 5321 4.5.3.2.6: the client waits for 10 minutes
constexpr std::chrono::minutes kNextHopWait{5};
constexpr std::chrono::seconds kOnItsWay{10};  // an answer that another thread has given already

}  // namespace

// Durable; and where the server behind us decides, taken by that server.
Task<std::optional<Refusal>> Session::commit(spool::Envelope envelope) {
  struct Ending {
    explicit Ending(io::Loop& loop) : signal(loop) {}
    io::Signal signal;
    bool known = false;
    std::optional<smtp::Reply> refusal;
  };
  // RFC 4865: what is held is not tried before its time, which no client waits for. It is the queue's from here on.
  const bool waits = transaction_->before_accept && envelope.held_until == 0 && context_.expect;
  const std::shared_ptr<Ending> ending = waits ? std::make_shared<Ending>(context_.loop) : nullptr;
  if (ending) {
    context_.expect(envelope.id, [ending, loop = &context_.loop](std::optional<smtp::Reply> refusal) {
      loop->post([ending, refusal = std::move(refusal)]() mutable {
        ending->known = true;
        ending->refusal = std::move(refusal);
        ending->signal.notify();
      });
    });
  }
  const auto stored = co_await transaction_->intake->commit(std::move(envelope));
  if (!stored) {
    if (ending) context_.expect(transaction_->message, {});
    co_return refusals::storage(stored.error());
  }
  if (!ending) co_return std::nullopt;
  const Deadline deadline = Deadline::after(kNextHopWait);
  next_hop_answers_ = &ending->signal;  // which a drain rings too
  while (!ending->known && !drain_ends_) {
    const bool rung = co_await ending->signal.wait(deadline);
    if (!rung) break;
  }
  next_hop_answers_ = nullptr;
  if (!ending->known && context_.give_up && context_.give_up(transaction_->message)) {
    const Deadline soon = Deadline::after(kOnItsWay);
    while (!ending->known) {
      const bool rung = co_await ending->signal.wait(soon);
      if (!rung) break;
    }
  }
  // What an attempt that runs brings through all the same comes twice then: who sends it hears of no acceptance
  // (RFC 1047)
  if (!ending->known) co_return refusals::next_hop_silent();
  if (!ending->refusal) co_return std::nullopt;
  co_return refusals::next_hop(*ending->refusal);
}

}  // namespace postern::inbound
