// What a reply means for a recipient of the queue: delivered, deferred until when, or failed; and how that is told in
// the log and in the delivery record. Pure but for the log line and the jitter.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "delivery/queue.h"

namespace postern::delivery {

struct Verdict {
  spool::RecipientOutcome outcome;
  std::string_view word;      // "delivered", "deferred", "failed"
  std::string status;         // RFC 3463: "4.2.2"
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
  // What the sender is to be told of the verdict on the recipient at `position` of the attempt. Sets in the outcome
  // what is to be remembered of it: who is told of a failure, or does not want to be, keeps no message in the queue.
  [[nodiscard]] std::optional<Told> tell(Verdict& verdict, std::size_t position) const;
};

// Up to an eighth longer, so that what was deferred together does not come back together.
[[nodiscard]] std::int64_t jittered(std::int64_t ms);

[[nodiscard]] smtp::Reply sink_reply();
// RFC 2852 4.1.3: mode R, and its time has passed.
[[nodiscard]] smtp::Reply too_late_reply();
// For a recipient whose address is unreadable, or whose mail would have to go out by SMTP where nothing does that.
[[nodiscard]] smtp::Reply no_way_reply(std::string_view forward_path, bool readable,
                                       const directory::Transport* transport);
// What a recipient of a program of this machine is refused for without an attempt: nobody could be told when the
// message was picked up. `mailbox` is an error where the address cannot be read.
[[nodiscard]] std::optional<smtp::Reply> local_refusal(const spool::Envelope& envelope, std::uint32_t index,
                                                       const Result<smtp::Mailbox>& mailbox,
                                                       const directory::Directory& directory, WallMs now);

}  // namespace postern::delivery
