#include "inbound/refusals.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "inbound/policy_refusals.h"
#include "srs/rewriter.h"

namespace postern::inbound::refusals {

using smtp::Reply;

Refusal too_many_sessions(std::string_view limit) {
  return {Reply(421, {4, 7, 0},
                "Too many open sessions (limit " + std::string(limit) + "); close some or try again in a minute"),
          "too_many_sessions"};
}
Refusal draining() { return {Reply(421, {4, 3, 2}, "Server is restarting; try again in a minute"), "drain"}; }
Refusal command_timeout() {
  return {Reply(421, {4, 4, 2}, "No command came in time; connect again when there is mail"), "timeout"};
}
Refusal data_timeout() {
  return {Reply(421, {4, 4, 2}, "The message stopped arriving; nothing was accepted, send it again"), "data_timeout"};
}
Refusal session_timeout() {
  return {Reply(421, {4, 4, 2}, "The session took too long; connect again to go on"), "session_timeout"};
}
Refusal unknown_mailbox(std::string_view path) {
  return {Reply(550, {5, 1, 1}, "<" + printable(path, 256) + ">: no such mailbox here; check the address"),
          "unknown_user"};
}
Refusal relay_denied(std::string_view domain) {
  return {Reply(550, {5, 7, 1},
                "Relaying to " + printable(domain, 255) +
                    " denied: it is not a domain of ours; send to its own MX, or submit with authentication"),
          "relay_denied"};
}
Refusal storage_full() {
  return {Reply(452, {4, 3, 1}, "Mail storage is full; try again later, the operator has been told"), "storage_full"};
}
Refusal storage_sick() {
  return {Reply(451, {4, 3, 0}, "Mail storage failed, nothing was accepted; try again later"), "storage"};
}
Refusal too_much_in_flight() {
  return {Reply(452, {4, 3, 1}, "Too much mail is arriving at once; try again in a few minutes"), "bytes_in_flight"};
}
Refusal tls_unavailable() {
  return {Reply(454, {4, 7, 0}, "TLS is not available at the moment; try again later"), "tls_unavailable"};
}

Refusal body_fault(smtp::BodyFault fault) {
  // RFC 5321 2.3.8 and 4.1.1.4: only CRLF ends a line; accepting less invites SMTP smuggling
  switch (fault) {
    case smtp::BodyFault::bare_cr:
      return {Reply(550, {5, 6, 0}, "Message has a bare CR, which ends no line (RFC 5321 2.3.8); send CRLF line ends"),
              "bare_carriage_return"};
    case smtp::BodyFault::bare_lf:
      return {Reply(550, {5, 6, 0}, "Message has a bare LF, which ends no line (RFC 5321 2.3.8); send CRLF line ends"),
              "bare_line_feed"};
    case smtp::BodyFault::nul:
      return {Reply(550, {5, 6, 0}, "Message has a NUL octet (RFC 5321 4.1.1.4 allows none); encode the body"), "nul"};
    case smtp::BodyFault::line_too_long:
      return {Reply(550, {5, 6, 0}, "Message has a line longer than this server takes; use base64 or quoted-printable"),
              "line_too_long"};
    case smtp::BodyFault::none:
      break;
  }
  return storage_sick();
}

Refusal message_too_large(std::uint64_t limit) {
  return {Reply(552, {5, 3, 4},
                "Message is larger than " + human_bytes(limit) + " (" + std::to_string(limit) +
                    " octets); send a smaller one or a link"),
          "too_large"};
}
Refusal loop_detected(std::uint32_t received) {
  return {Reply(554, {5, 4, 6},
                "Mail loop: message has " + std::to_string(received) +
                    " Received fields (RFC 5321 6.3); check forwarding and MX records"),
          "loop"};
}
Refusal header_too_large() {
  return {Reply(552, {5, 3, 4}, "Message header is too large or has too many fields; send fewer or shorter fields"),
          "header_too_large"};
}
Refusal too_many_targets() {
  return {Reply(452, {4, 5, 3}, "Recipients of this message expand to too many mailboxes; send the rest separately"),
          "too_many_recipients"};
}

Refusal other_next_hop() {
  return {Reply(452, {4, 5, 3}, "Another server answers for this recipient; send to it separately"), "other_next_hop"};
}
Refusal next_hop(const Reply& said) {
  return {
      Reply(said.code, said.enhanced, "Refused by the server of this mailbox; it says: " + printable(said.text, 400)),
      "next_hop"};
}
Refusal next_hop_silent() {
  return {Reply(451, {4, 4, 1}, "The server of this mailbox has not answered in time; try again later"),
          "next_hop_silent"};
}

Refusal held_too_long() {
  return {Reply(501, {5, 5, 4}, "HOLDFOR or HOLDUNTIL is beyond what EHLO offers with FUTURERELEASE; ask for less"),
          "hold_too_long"};
}
Refusal held_beyond_deliver_by() {
  return {
      Reply(501, {5, 5, 4}, "The message would be held beyond its BY time (RFC 4865 5.2.2); ask for one of the two"),
      "hold_beyond_by"};
}
Refusal forged_return_path() {
  return {Reply(550, {5, 1, 1},
                "This rewritten return path (SRS) was not made here, or was changed on its way; write to the sender "
                "himself"),
          "srs_forged"};
}
Refusal expired_return_path() {
  return {Reply(550, {5, 1, 1},
                "This rewritten return path (SRS) has expired after " + std::to_string(srs::kDaysMax) +
                    " days; write to the sender himself"),
          "srs_expired"};
}
// RFC 4954 6: one reply for a user who is not there and a password that is wrong
Refusal login_failed() {
  return {Reply(535, {5, 7, 8}, "Authentication failed; check user name and password"), "login_failed"};
}
Refusal login_malformed() {
  return {Reply(501, {5, 5, 2}, "AUTH response is not base64 (RFC 4954 4); mend the client"), "login_malformed"};
}
Refusal login_unavailable() {
  return {Reply(454, {4, 7, 0}, "Passwords cannot be checked at the moment; try again in a minute"),
          "login_unavailable"};
}
Refusal too_many_failed_logins() {
  return {Reply(454, {4, 7, 0}, "Too much went wrong from your network of late; correct the password, and wait"),
          "login_budget"};
}
Refusal sender_not_yours(std::string_view address) {
  return {Reply(553, {5, 7, 1},
                "<" + printable(address, 256) +
                    ">: not a sender address of your account; use your own, or ask the operator for this one"),
          "sender_not_yours"};
}
Refusal author_not_yours(std::string_view address) {
  return {Reply(550, {5, 7, 1},
                "From or Sender names <" + printable(address, 256) +
                    ">, which is not an address of your account; write as yourself"),
          "author_not_yours"};
}
Refusal author_missing() {
  return {Reply(550, {5, 7, 1}, "The message names no author; put your address in its From field"), "author_missing"};
}
Refusal author_twice() {
  return {Reply(550, {5, 7, 1}, "The message has several From fields (RFC 5322 3.6 allows one); mend the client"),
          "author_twice"};
}
Refusal author_malformed() {
  return {Reply(550, {5, 7, 1}, "From or Sender is no list of addresses (RFC 5322 3.4); mend the client"),
          "author_malformed"};
}
Refusal too_many_messages_of_yours(std::uint32_t limit, std::string_view period, std::int64_t wait_ms) {
  return {Reply(450, {4, 7, 1},
                "Your account may send " + std::to_string(limit) + " messages " + std::string(period) + "; go on in " +
                    human_duration(std::max<std::int64_t>(wait_ms / 1000, 1) * 1000)),
          "user_messages"};
}
Refusal too_many_new_recipients(std::uint32_t limit, std::string_view period, std::int64_t wait_ms) {
  return {Reply(450, {4, 7, 1},
                "Your account may write to " + std::to_string(limit) + " new recipients " + std::string(period) +
                    "; go on in " + human_duration(std::max<std::int64_t>(wait_ms / 1000, 1) * 1000)),
          "user_recipients"};
}

Refusal storage(const Error& error) { return error.kind == ErrorKind::limit ? storage_full() : storage_sick(); }

std::vector<Refusal> all() {
  std::vector<Refusal> list;
  list.push_back(too_many_sessions("v6_64"));
  list.push_back(draining());
  list.push_back(command_timeout());
  list.push_back(data_timeout());
  list.push_back(session_timeout());
  list.push_back(unknown_mailbox("nobody@example.org"));
  list.push_back(relay_denied("example.net"));
  list.push_back(storage_full());
  list.push_back(storage_sick());
  list.push_back(too_much_in_flight());
  list.push_back(tls_unavailable());
  list.push_back(body_fault(smtp::BodyFault::bare_cr));
  list.push_back(body_fault(smtp::BodyFault::bare_lf));
  list.push_back(body_fault(smtp::BodyFault::nul));
  list.push_back(body_fault(smtp::BodyFault::line_too_long));
  list.push_back(message_too_large(52428800));
  list.push_back(loop_detected(101));
  list.push_back(header_too_large());
  list.push_back(too_many_targets());
  list.push_back(other_next_hop());
  list.push_back(next_hop({550, {5, 7, 1}, "no"}));
  list.push_back(next_hop_silent());
  list.push_back(held_too_long());
  list.push_back(held_beyond_deliver_by());
  list.push_back(forged_return_path());
  list.push_back(expired_return_path());
  list.push_back(login_failed());
  list.push_back(login_malformed());
  list.push_back(login_unavailable());
  list.push_back(too_many_failed_logins());
  list.push_back(sender_not_yours("bob@example.org"));
  list.push_back(author_not_yours("bob@example.org"));
  list.push_back(author_missing());
  list.push_back(author_twice());
  list.push_back(author_malformed());
  list.push_back(too_many_messages_of_yours(200, "an hour", 60000));
  list.push_back(too_many_new_recipients(100, "a day", 60000));
  for (Refusal& refusal : of_policy()) list.push_back(std::move(refusal));
  return list;
}

}  // namespace postern::inbound::refusals
