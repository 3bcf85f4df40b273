#include "inbound/demands.h"

#include <algorithm>

#include "base/text.h"

namespace postern::inbound {

namespace {

// When the message may go, 0 where there is no hold.
WallMs release_time(const smtp::MailParams& params, WallMs asked) {
  if (params.hold_for) return asked + *params.hold_for * 1000;
  return params.hold_until.value_or(0);
}

}  // namespace

std::string future_release_offer(WallMs now) {
  // RFC 4865 3: the date-time without a fraction, in UTC
  std::string until = iso8601(now + kHoldMax * 1000);
  until.resize(std::string_view("2026-11-21T17:00:00").size());
  return std::to_string(kHoldMax) + " " + until + "Z";
}

std::optional<Refusal> check_demands(const smtp::MailParams& params, WallMs now) {
  const WallMs release = release_time(params, now);
  if (release > now + kHoldMax * 1000) return refusals::held_too_long();
  if (params.deliver_by && release > now && release > now + *params.deliver_by * 1000)
    return refusals::held_beyond_deliver_by();
  return std::nullopt;
}

void set_demands(const smtp::MailParams& params, WallMs asked, spool::Envelope& envelope) {
  envelope.envid = params.envid;
  envelope.ret = params.ret;
  envelope.require_tls = params.require_tls;
  envelope.priority = params.priority.value_or(0);
  if (params.deliver_by) {
    // 0 stands for "not asked"; a time before 1970 is as late as one at its start
    envelope.deliver_by = std::max<WallMs>(1, asked + *params.deliver_by * 1000);
    envelope.return_if_late = params.return_if_late;
    envelope.trace_relays = params.trace_relays;
  }
  if (const WallMs release = release_time(params, asked); release > envelope.arrived) {
    envelope.held_until = release;
    envelope.next_attempt = release;
  }
}

bool says_tls_optional(const message::HeaderSection& header) {
  const auto fields = header.all("TLS-Required");
  return fields.size() == 1 && iequals(trim(message::unfolded(fields.front()->body)), "no");
}

}  // namespace postern::inbound
