// ClientMachine: the sending side of SMTP and LMTP for one connection, without IO, clock or policy. The caller moves
// octets (input to receive(), output() to the wire) and drives a message through it with send_message(); the machine
// greets, says EHLO or LHLO, pipelines MAIL/RCPT/DATA where the server offers it, dot-stuffs, and gathers one result
// per recipient. RFC 5321, 2033 (LMTP: one reply per accepted recipient after the dot), 2920, 1870, 3207, 6152, 6531,
// 3461, 3030, 9422, and the parameters that smtp/client_commands.h knows.
//
// A strict message (for servers of others) goes as it is or not at all: 8-bit text needs 8BITMIME, and a bare CR or LF
// in it ends the connection before the octet is sent (554 5.6.0). It goes by BDAT where CHUNKING and PIPELINING are
// offered, which spares a round trip and the dots.
//
// A path or name that could break a command line (control characters, an unquoted '<', '>' or blank, over 998 octets)
// is never sent: its recipients fail locally. At most kPipelineMax commands wait for their replies, so that neither
// side's socket buffer fills while both are writing (RFC 2920 3.1).
//
// Not here: which host to try, TLS policy, retries (delivery, outbound). Thread rule: one connection, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/reply.h"

namespace postern::smtp {

inline constexpr std::size_t kPipelineMax = 100;  // commands without a reply yet

// For a test client: how far the dialogue goes. The replies up to there are read, then quit() (after `data`: hang up).
enum class ClientStage : std::uint8_t { greeting, hello, mail, rcpt, data, all };

enum class ClientDialect : std::uint8_t { smtp, lmtp };

struct RecipientParameters {  // RFC 3461, each in its wire form; left out where it is empty or would break the line
  std::string notify;         // "SUCCESS,FAILURE"
  std::string orcpt;          // "rfc822;bob@example.org"
};

struct DeliverBy {  // RFC 2852
  std::int64_t seconds = 0;
  bool return_if_late = false;  // by-mode R: fails locally where it is not offered
  bool trace = false;
};

struct ClientMessage {
  std::string reverse_path;                // "" for the null path
  std::vector<std::string> forward_paths;  // at least one
  std::uint64_t size = 0;                  // octets of the message with CRLF: for SIZE=, and for BDAT exactly
  bool eight_bit = false;                  // BODY=8BITMIME where offered
  bool utf8 = false;                       // SMTPUTF8; refused locally (5.6.7) where not offered
  bool strict = false;                     // nothing of it may be lost or changed: see above
  // What the sender asked for, passed on where it is offered.
  std::vector<RecipientParameters> parameters;  // empty, or one for each forward-path
  std::string envid, ret;                       // RFC 3461 4.3, 4.4; wire form
  bool require_tls = false;                     // refused locally (5.7.30) where REQUIRETLS is not offered
  int priority = 0;                             // RFC 6710
  std::optional<DeliverBy> deliver_by;
};

struct ServerOffer {  // what EHLO or LHLO listed
  bool starttls = false, pipelining = false, eight_bit = false, smtputf8 = false, chunking = false, dsn = false;
  bool require_tls = false, priority = false;
  std::optional<std::uint64_t> size;        // 0 = no limit stated
  std::optional<std::uint64_t> deliver_by;  // the least by-time it takes, in seconds; 0 = none stated
  // RFC 9422; 0 = not stated
  std::uint64_t recipients_max = 0, messages_max = 0;
  std::string auth;                // mechanisms
  std::vector<std::string> lines;  // as sent, without code
};

class ClientMachine {
 public:
  enum class State : std::uint8_t {
    greeting,  // waiting for the server's 220
    hello,     // EHLO/LHLO sent (HELO after 5xx to EHLO, SMTP only)
    ready,     // a message may be sent, STARTTLS or QUIT asked for
    starttls,  // STARTTLS sent
    tls,       // 220 to STARTTLS received: the caller does the handshake now, then tls_started()
    auth,  // inside AUTH: last_reply() is 334 once a challenge is there, then auth_response(); back to ready at its end
    envelope,     // MAIL and RCPT (or RSET) on their way
    body,         // 354 received: the caller calls body() until the message is done, then end_body()
    final_reply,  // after the dot
    quitting,
    closed,  // 221 received, or the connection is unusable: see error()
  };

  ClientMachine(ClientDialect dialect, std::string hello_name);
  ClientMachine(ClientMachine&&) noexcept;
  ClientMachine& operator=(ClientMachine&&) noexcept;
  ~ClientMachine();

  // Before the first octet. Switches the use of PIPELINING off; ends the dialogue early.
  void forgo_pipelining();
  void stop_after(ClientStage stage);

  // Gives everything received. Errors: protocol (unintelligible or unasked reply, octets behind the 220 to STARTTLS),
  // refused (4xx/5xx greeting or EHLO: see last_reply()). A 421 in the middle is no error: closed, and it is the result
  // of every recipient that has none.
  [[nodiscard]] Result<void> receive(std::string_view input);
  [[nodiscard]] std::string& output();  // to be written, then clear()
  [[nodiscard]] State state() const;
  [[nodiscard]] const ServerOffer& offer() const;
  [[nodiscard]] const Reply& last_reply() const;
  [[nodiscard]] const std::optional<Error>& error() const;  // why it is closed; none after QUIT
  [[nodiscard]] bool pipelining() const;                    // in use

  void starttls();  // in ready
  // After the handshake; fails (protocol) if the server had sent octets after its 220 (response injection).
  [[nodiscard]] Result<void> tls_started();
  void auth(std::string_view mechanism, std::string_view initial_base64);
  void auth_response(std::string_view base64);  // answers last_reply() 334
  // In ready: starts the transaction. Fails (refused) without any octet sent where the server cannot take it (SIZE,
  // SMTPUTF8).
  [[nodiscard]] Result<void> send_message(const ClientMessage& message);
  void body(std::string_view bytes);  // any split; CRLF lines; dot-stuffed here (RFC 5321 4.5.2) at every buffer border
  void end_body();
  void quit();
  void reset();  // RSET, back to ready

  // After the message (state ready or closed again): one reply per forward-path of the message, in order. While it is
  // on its way, or after the connection broke, recipients without a final reply have 451 4.4.2.
  [[nodiscard]] const std::vector<Reply>& results() const;
  // Of that message: its DSN parameters went along, so that the server sends the notifications (RFC 3461 5.2).
  [[nodiscard]] bool dsn_passed() const;
  // Of that message: the server answered one of its commands. False where the connection had gone away before.
  [[nodiscard]] bool mail_answered() const;
  [[nodiscard]] bool mail_refused() const;  // MAIL itself: the results are its reply

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::smtp
