// Remote: mail to servers of others, as the queue sees it. The queue groups the recipients that are not local by the
// way they go, asks how many attempts a destination may have at once, and hands each attempt over; which hosts these
// are, over which family and with which TLS is outbound's (outbound/smtp_remote.h), which stands above delivery.
// Thread rule: the loop of the queue.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/task.h"
#include "delivery/attempt.h"
#include "io/stream.h"
#include "ip/address.h"
#include "smtp/address.h"

namespace postern::delivery {

// Recipients that go the same way.
struct RemoteHop {
  // What groups them and what the queue's fairness counts by: "example.net", "[192.0.2.1]", or the next hop that the
  // operator chose for several domains.
  std::string destination;
  smtp::Domain domain;                   // of the recipients (of the first, where the next hop is the same for several)
  std::optional<ip::Endpoint> endpoint;  // of an `smtp:` transport of a domain of ours
};

class Remote {
 public:
  virtual ~Remote() = default;
  // The destination of a domain that is not ours, which may be an address literal.
  [[nodiscard]] virtual std::string destination(const smtp::Domain& domain) const = 0;
  // Attempts at once, by what the destination said lately; at least 1.
  [[nodiscard]] virtual std::size_t concurrency(const std::string& destination) const = 0;
  // Nothing has been delivered there lately: such destinations share a part of the queue's slots, so that servers that
  // do not answer cannot hold all of them.
  [[nodiscard]] virtual bool doubtful(const std::string& destination) const = 0;
  // One reply for each recipient of the attempt. Broken off by `breaker`, those without a final one have a temporary
  // one.
  [[nodiscard]] virtual Task<Results> deliver(RemoteHop hop, const Attempt& attempt, AttemptNote& note,
                                              io::Breaker& breaker) = 0;
};

}  // namespace postern::delivery
