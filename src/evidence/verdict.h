// Verdict: what a policy says of evidence, and why. It has no value that keeps mail and tells nobody: no quarantine, no
// silent discard (design invariant 2). A pure value; what is spoken on the wire is made of it by inbound/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "evidence/signals.h"

namespace postern::evidence {

enum class Action : std::uint8_t {
  accept,
  greylist,  // 451 until the delay is over
  throttle,  // 421 at connect, 451 later; never permanent
  reject,    // 550
  tag,       // goes on, with a header field that names it
};
[[nodiscard]] std::string_view to_string(Action action);
[[nodiscard]] std::optional<Action> parse_action(std::string_view word);

// What the reply says; each has one text in docs/refusals.md. `rule` is the operator's own rule with its own text.
enum class Reason : std::uint8_t {
  none,
  rule,
  operator_allow,
  operator_deny,
  budget,
  country,
  greylisted,
  evidence_score,
  dmarc,
  reverse_dns,
  protocol,  // talked early, HTTP, TLS hello
  forged_helo,
  list,
  tls_required,
  authentication_required,
  trap,
  history,  // a refusal that rests on what is known of the sender waits until that can be told
};
[[nodiscard]] std::string_view to_string(Reason reason);
[[nodiscard]] std::optional<Reason> parse_reason(std::string_view word);

struct Verdict {
  Action action = Action::accept;
  Reason reason = Reason::none;
  // Views into the policy that gave the verdict (which must live): the rule's name, "score" or "default".
  std::string_view rule = "default";
  std::string_view text;                 // the operator's own sentence; empty: that of the reason
  float score = 0;                       // nats, of the evidence; 0 where it was not asked
  float score_low = 0;                   // the sum of the bounds nearest to zero
  std::uint64_t matched = 0;             // bits: which rules (by number, up to 64) were true, shadow ones too
  std::vector<std::string_view> tags;    // labels of tag rules that were true
  std::vector<std::string_view> shadow;  // names of shadow rules that would have decided
};

}  // namespace postern::evidence
