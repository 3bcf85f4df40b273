// ServerMachine: the receiving side of SMTP (RFC 5321 and its extensions) as an automaton without IO, clock or policy.
// Octets go in through step(); events come out; the caller decides each and answers; replies gather in output(), in
// order, whatever was pipelined. It does by itself what needs no decision: NOOP, HELP, VRFY (252), RSET, QUIT, unknown
// commands, wrong order, wrong syntax, the counting of errors and commands, the swallowing of refused bodies.
//
// Not here: sockets, timeouts, TLS itself, who may relay, which mailbox exists, storage (inbound does all of that).
// Thread rule: one session, one thread. Memory: within Limits; idle, it holds no buffer.
// RFCs: 5321, 1870 (SIZE), 2034 (ENHANCEDSTATUSCODES), 2920 (PIPELINING), 3030 (CHUNKING), 3207 (STARTTLS), 6152
// (8BITMIME), 6531 (SMTPUTF8), 9422 (LIMITS), 4954 (AUTH, offered when the caller says so), 3461 (DSN), 8689
// (REQUIRETLS, under TLS); for submitters 2852 (DELIVERBY), 4865 (FUTURERELEASE), 6710 (MT-PRIORITY).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "smtp/address.h"
#include "smtp/receivers.h"
#include "smtp/reply.h"

namespace postern::smtp {

// Each limit with its reason; inbound fills them from the configuration. One object is shared by all sessions of a
// listener.
struct ServerLimits {
  std::size_t command_line = 2048;  // octets with CRLF; RFC 5321 4.5.3.1.4 says 512, extensions add (SMTPUTF8, AUTH)
  std::size_t text_line = 65536;    // octets of a message line; RFC 5321 4.5.3.1.6 says 1000, real senders exceed it
  std::uint64_t message_size = 52428800;   // octets, announced by SIZE
  std::uint32_t recipients = 1000;         // per transaction; RFC 5321 4.5.3.1.8 says at least 100
  std::uint32_t commands = 5000;           // per session
  std::uint32_t empty_commands = 100;      // NOOP, RSET, VRFY, HELP, EHLO without a transaction between them
  std::uint32_t errors = 10;               // 5xx for syntax, order, unknown commands; then 421
  std::uint32_t refused_recipients = 100;  // 4xx/5xx to RCPT per session; then 421
  std::uint32_t transactions = 1000;       // MAIL per session (LIMITS MAILMAX)
};

struct ServerOptions {
  std::string hostname;  // in the greeting and EHLO
  bool starttls = true;  // offer STARTTLS (until TLS is up)
  bool chunking = true;
  bool smtputf8 = true;
  bool dsn = true;
  std::string auth;            // mechanisms offered after TLS, e.g. "SCRAM-SHA-256 PLAIN LOGIN"; empty = none
  bool auth_required = false;  // RFC 6409 4.3: no mail without AUTH, 530
  bool keep_errors = false;    // the text of commands that were in error, for sinkholes: errors_kept()
  ServerLimits limits;
};

// What a stranger did that says something about him. Recorded, never judged here.
enum class Fact : std::uint32_t {
  spoke_before_greeting = 1U << 0,
  pipelined_before_ehlo = 1U << 1,      // sent further commands before the offer was read (also with HELO only)
  pipelined_across_starttls = 1U << 2,  // RFC 3207 4.2: octets after STARTTLS in the clear; discarded
  bare_line_feed_in_command = 1U << 3,
  bare_carriage_return_in_command = 1U << 4,
  nul_in_command = 1U << 5,
  non_smtp_http = 1U << 6,  // GET / POST / HTTP/1.
  non_smtp_tls = 1U << 7,   // a TLS ClientHello in the clear
  helo_twice = 1U << 8,
  eight_bit_command = 1U << 9,             // non-ASCII without SMTPUTF8
  pipelined_before_data_reply = 1U << 10,  // body octets sent before 354
  unknown_command = 1U << 11,
  command_line_too_long = 1U << 12,
};

enum class BodyType : std::uint8_t { unspecified, seven_bit, eight_bit };

struct MailParams {
  std::optional<std::uint64_t> size;  // SIZE=
  BodyType body = BodyType::unspecified;
  bool utf8 = false;  // SMTPUTF8
  // Each only where it was offered
  std::string auth;                        // AUTH=
  std::string ret, envid;                  // DSN: "FULL" or "HDRS"; decoded
  bool require_tls = false;                // REQUIRETLS
  std::optional<std::int64_t> deliver_by;  // BY=: seconds from now, which may have passed
  bool return_if_late = false;             // its mode R
  bool trace_relays = false;               // its trace T
  std::optional<std::int64_t> hold_for;    // HOLDFOR=: seconds
  std::optional<WallMs> hold_until;        // HOLDUNTIL=
  std::optional<std::int8_t> priority;     // MT-PRIORITY=: -9 to 9
};

struct RcptParams {  // DSN
  static constexpr std::uint8_t kSuccess = 1, kFailure = 2, kDelay = 4, kNever = 8;
  std::uint8_t notify = 0;  // NOTIFY=; 0: not given
  std::string orcpt;        // ORCPT=, decoded: "rfc822;bob@example.org" (smtp/dsn_address.h)
};

enum class EventKind : std::uint8_t {
  none,   // feed more octets (flush output() first)
  hello,  // HELO or EHLO: `name`, `extended`. Answer: accept_hello() or refuse()
  mail,   // MAIL FROM: `path`, `mail`. Answer: accept() or refuse()
  rcpt,   // RCPT TO: `path`, `rcpt`. Answer: accept() or refuse()
  data,   // DATA, or the first BDAT of a transaction: may the body come? Answer: accept() (354 for DATA) or refuse()
  body,   // `bytes` of the message; no answer, valid until the next step()
  message_end,  // the message is complete. Answer: accept(reply) or refuse(reply), the one reply to DATA/BDAT LAST
  starttls,     // Answer: accept(), flush, do the handshake, then tls_started(); or refuse()
  auth,         // AUTH `name` with initial response `bytes` ('=' decoded to empty, absent: has_initial=false)
  auth_line,    // a client response inside AUTH; answer: challenge(), accept() or refuse()
  reset,        // the transaction ended without a message (RSET, EHLO, refused body...), or AUTH did (`why`
                // "auth_cancelled", "auth_failed"). No answer
  quit,         // 221 is in output(): flush and close. No answer
  close,        // 421 is in output() (limits): flush and close. `why` names the limit. No answer
};

struct Event {
  EventKind kind = EventKind::none;
  std::size_t consumed = 0;  // octets of the input this step took
  bool extended = false;     // hello: EHLO
  bool chunked = false;      // data: by BDAT
  bool has_initial = false;  // auth
  std::string_view name;     // hello: as the client wrote it (validate with parse_domain); auth: mechanism, upper case
  std::string_view bytes;    // body, auth, auth_line
  Path path;                 // mail, rcpt
  MailParams mail;           // mail
  RcptParams rcpt;           // rcpt
  std::string_view why;  // close (the text), reset (a word: rset, hello, too_large, no_recipients, starttls, auth_...)
};

// One command and what it was answered, for the session record's outline.
struct Exchange {
  char verb =
      '?';  // H=HELO E=EHLO M=MAIL R=RCPT D=DATA B=BDAT S=STARTTLS A=AUTH Q=QUIT N=NOOP T=RSET V=VRFY P=HELP X=unknown
  std::uint16_t code = 0;
};

class ServerMachine {
 public:
  // `options` must outlive the machine; one object serves every session of a listener.
  explicit ServerMachine(const ServerOptions& options);
  ServerMachine(ServerMachine&&) noexcept;
  ServerMachine& operator=(ServerMachine&&) noexcept;
  ~ServerMachine();

  // From now on " [tag]" stands behind the text of every 4xx and 5xx reply, the automaton's own and the caller's
  // (design invariant 8: the id by which `postern why` finds the session). Call once, before greet().
  void tag_refusals(std::string_view tag);
  // The client may submit mail to the world: DELIVERBY, FUTURERELEASE and MT-PRIORITY are offered from the next EHLO
  // on. `future_release`: the parameters of that keyword, "SECONDS TIME" (RFC 4865 3).
  void offer_to_submitter(std::string_view future_release);

  // Puts the greeting (or a 4xx/5xx refusal of the connection) in output(). Input stepped before is a fact.
  void greet(const Reply& greeting);

  // Takes octets up to the next event. Returns kind none when the input is used up (consumed == input.size()), or when
  // the replies in output() have passed kOutputMax: flush them, then step on with the rest.
  // While an event that wants an answer is pending, step() must not be called.
  [[nodiscard]] Event step(std::string_view input);

  // Answers. accept() without a reply says the usual (250 2.1.0 Ok, 354 ...). Refusals carry the caller's reply and
  // leave the machine in step: a refused DATA goes on, a refused BDAT is swallowed chunk by chunk, each answered.
  void accept();
  void accept(const Reply& reply);
  void refuse(const Reply& reply);
  void accept_hello();                      // EHLO: the extension list; HELO: 250 hostname
  void challenge(std::string_view base64);  // 334
  // After accept() of message_end or any end of the transaction the machine has reset itself: no MAIL, no RCPT.

  // RFC 3207 4.2: call when the handshake is done. Forgets EHLO, MAIL, AUTH and all buffered input. Before greet()
  // where the connection began with one (RFC 8314 3).
  void tls_started();
  void authenticated();  // AUTH succeeded: 235 was given by accept(reply)
  // Offers these in the place of ServerOptions::auth from the next EHLO on: a connection may not be able to do all of
  // them. `mechanisms` must outlive the machine.
  void offer_auth(std::string_view mechanisms);
  // 421 with this reply: drain, timeout, budget. Goes in output(); the session is over.
  void shut_down(const Reply& reply);

  [[nodiscard]] std::string& output();                         // flush and clear()
  [[nodiscard]] std::uint32_t facts() const;                   // Fact bits
  [[nodiscard]] const std::vector<Exchange>& outline() const;  // capped at kOutlineMax; the count goes on
  [[nodiscard]] std::uint32_t command_count() const;
  [[nodiscard]] std::uint32_t error_count() const;
  // The first kErrorsKept commands that were in error, of each at most kErrorText octets, as they came: binary. Of AUTH
  // the mechanism alone, since the rest may be somebody's password.
  [[nodiscard]] const std::vector<std::string>& errors_kept() const;
  [[nodiscard]] bool tls() const;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] bool in_body() const;             // body octets are expected: the data timeout applies
  [[nodiscard]] bool smtputf8() const;            // of the current transaction
  [[nodiscard]] BodyFault body_fault() const;     // at message_end; inbound refuses such a message
  [[nodiscard]] std::uint64_t body_size() const;  // octets so far, beyond the limit too (they are swallowed)
  [[nodiscard]] bool oversize() const;            // limits.message_size was passed: refuse with 552 5.3.4

  // Octets this session holds here, beside the ServerMachine itself.
  [[nodiscard]] std::size_t memory() const;

  static constexpr std::size_t kOutlineMax = 256;
  static constexpr std::size_t kErrorsKept = 8;
  static constexpr std::size_t kErrorText = 128;
  static constexpr std::size_t kOutputMax = 16 * 1024;  // so that who sends commands and reads nothing costs no more

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::smtp
