// What a reply means for a recipient of the queue: delivered, deferred until when, or failed; and how that is told in
// the log and in the delivery record. Pure but for the log line and the jitter.
#pragma once

#include <string>
#include <string_view>

#include "delivery/queue.h"

namespace postern::delivery {

struct Verdict {
  spool::RecipientOutcome outcome;
  std::string_view word;      // "delivered", "deferred", "failed"
  std::int64_t delay_ms = 0;  // deferred: until the next attempt
  std::uint32_t attempt = 0;
};

// Of one attempt: what its recipients' verdicts have in common. The references must outlive it.
struct Judgement {
  const QueueOptions& options;
  const spool::Envelope& envelope;
  const directory::Transport* transport;  // nullptr: there is no way to the recipient
  WallMs start = 0;
  std::uint32_t duration_ms = 0;
  const AttemptNote* note = nullptr;  // where there was an attempt

  [[nodiscard]] Verdict verdict(std::uint32_t index, const smtp::Reply& reply) const;
  [[nodiscard]] record::DeliveryRecord record() const;  // without outcomes
  void log(const Verdict& verdict) const;               // `delivered`, `deferred` or `failed`
  [[nodiscard]] std::uint32_t queued_ms() const;
};

// Up to an eighth longer, so that what was deferred together does not come back together.
[[nodiscard]] std::int64_t jittered(std::int64_t ms);

[[nodiscard]] smtp::Reply sink_reply();
// For a recipient whose address is unreadable, or whose mail would have to go out by SMTP where nothing does that.
[[nodiscard]] smtp::Reply no_way_reply(std::string_view forward_path, bool readable,
                                       const directory::Transport* transport);

}  // namespace postern::delivery
