// Conversation: a ClientMachine joined to a Stream, with a deadline on every wait. What LMTP delivery and the test
// client have in common. Thread rule: the stream's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "io/stream.h"
#include "smtp/client_machine.h"

namespace postern::delivery {

struct ClientTimeouts {  // RFC 5321 4.5.3.2, each at least
  std::chrono::milliseconds greeting = std::chrono::minutes(5);
  std::chrono::milliseconds command = std::chrono::minutes(5);  // MAIL, RCPT; more than DATA's 2 minutes
  std::chrono::milliseconds block = std::chrono::minutes(3);
  std::chrono::milliseconds final_reply = std::chrono::minutes(10);
};

// Octets of the message from `offset` on, empty at the end.
using BodySource = std::function<Result<std::string>(std::uint64_t offset)>;
// What went over the wire, for a transcript.
using Watcher = std::function<void(bool sent, std::string_view bytes)>;

class Conversation {
 public:
  Conversation(std::unique_ptr<io::Stream> stream, smtp::ClientMachine machine, ClientTimeouts timeouts = {},
               Watcher watcher = {});

  // Until the server has greeted, and nothing is said yet: greet() goes on from there.
  [[nodiscard]] Task<Result<void>> hear_greeting();
  // Until the machine is ready: greeting and EHLO or LHLO, also those after start_tls(). Errors: the connection broke,
  // the server refused or is out of step.
  [[nodiscard]] Task<Result<void>> greet();
  // STARTTLS (asked for and granted), handshake, and EHLO anew. `refused` leaves the connection ready, in clear.
  [[nodiscard]] Task<Result<void>> start_tls(std::shared_ptr<io::TlsClientContext> context, io::TlsExpect expect);
  // TLS from the first octet.
  [[nodiscard]] Task<Result<void>> start_tls_at_once(std::shared_ptr<io::TlsClientContext> context,
                                                     io::TlsExpect expect);
  // AUTH and what answers a challenge: until the server has asked for more (state auth, last_reply() 334) or decided
  // (state ready).
  [[nodiscard]] Task<Result<void>> auth(std::string mechanism, std::string initial_base64);
  [[nodiscard]] Task<Result<void>> auth_response(std::string base64);
  // One message. Whatever the outcome, machine().results() has a reply for each recipient. An error means that the
  // connection is of no use any more; that of `body` is passed on, and the message then ends without its dot.
  [[nodiscard]] Task<Result<void>> send(smtp::ClientMessage message, BodySource body);
  [[nodiscard]] Task<void> quit();

  [[nodiscard]] smtp::ClientMachine& machine() { return machine_; }
  [[nodiscard]] io::Stream& stream() { return *stream_; }

 private:
  [[nodiscard]] Task<Result<void>> auth_reply();
  [[nodiscard]] Task<Result<void>> flush();
  [[nodiscard]] Task<Result<void>> take(Deadline deadline);  // flushes, then what the server says next
  [[nodiscard]] Deadline deadline() const;

  std::unique_ptr<io::Stream> stream_;
  smtp::ClientMachine machine_;
  ClientTimeouts timeouts_;
  Watcher watcher_;
};

}  // namespace postern::delivery
