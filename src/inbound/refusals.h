// Every refusal the receiving side speaks by its own decision, as values: reply and reason word. The texts are an
// interface (docs/refusals.md): each is unique, names the reason and says what to do. The id is put behind them by the
// automaton (ServerMachine::tag_refusals). Texts about SMTP syntax and order belong to the automaton itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/receivers.h"
#include "smtp/reply.h"

namespace postern::inbound {

struct Refusal {
  smtp::Reply reply;
  std::string_view reason;  // stable word for records and logs
};

namespace refusals {

[[nodiscard]] Refusal too_many_sessions(std::string_view limit);
[[nodiscard]] Refusal draining();
[[nodiscard]] Refusal command_timeout();
[[nodiscard]] Refusal data_timeout();
[[nodiscard]] Refusal session_timeout();
[[nodiscard]] Refusal unknown_mailbox(std::string_view path);
[[nodiscard]] Refusal relay_denied(std::string_view domain);
[[nodiscard]] Refusal storage_full();
[[nodiscard]] Refusal storage_sick();
[[nodiscard]] Refusal too_much_in_flight();
[[nodiscard]] Refusal tls_unavailable();
[[nodiscard]] Refusal body_fault(smtp::BodyFault fault);
[[nodiscard]] Refusal message_too_large(std::uint64_t limit);
[[nodiscard]] Refusal loop_detected(std::uint32_t received);
[[nodiscard]] Refusal header_too_large();
[[nodiscard]] Refusal too_many_targets();
// [[domain]] before_accept
[[nodiscard]] Refusal other_next_hop();
[[nodiscard]] Refusal next_hop(const smtp::Reply& said);
[[nodiscard]] Refusal next_hop_silent();
[[nodiscard]] Refusal held_too_long();
[[nodiscard]] Refusal held_beyond_deliver_by();
[[nodiscard]] Refusal forged_return_path();
[[nodiscard]] Refusal expired_return_path();

// Of users (inbound/session_submission.cc)
[[nodiscard]] Refusal login_failed();
[[nodiscard]] Refusal login_malformed();
[[nodiscard]] Refusal login_unavailable();
[[nodiscard]] Refusal too_many_failed_logins();
[[nodiscard]] Refusal sender_not_yours(std::string_view address);
[[nodiscard]] Refusal author_not_yours(std::string_view address);
[[nodiscard]] Refusal author_missing();
[[nodiscard]] Refusal author_twice();
[[nodiscard]] Refusal author_malformed();
[[nodiscard]] Refusal too_many_messages_of_yours(std::uint32_t limit, std::string_view period, std::int64_t wait_ms);
[[nodiscard]] Refusal too_many_new_recipients(std::uint32_t limit, std::string_view period, std::int64_t wait_ms);

// From an error of the store: full (limit) or sick (anything else). Never permanent.
[[nodiscard]] Refusal storage(const Error& error);

// One of each, for the generated documentation and the test that no two share a text.
[[nodiscard]] std::vector<Refusal> all();

}  // namespace refusals

}  // namespace postern::inbound
