// ClientExchange: the client's side of one AUTH: SCRAM-SHA-256 (RFC 5802, 7677), PLAIN (RFC 4616) and LOGIN, for mail
// that goes out through a server that wants to know us. Lines of base64 in and out, without IO.
//
//   auto mechanism = choose_mechanism(offer.auth);               // under TLS only: who calls sees to it
//   ClientExchange exchange(*mechanism, {.name = ..., .password = ...}, to_base64(crypto::random_octets(18)));
//   send "AUTH " + to_string(*mechanism) + " " + exchange.initial()        ("AUTH LOGIN" where it is empty)
//   each 334:  POSTERN_TRY(line, exchange.respond(challenge)); send line    (an error: send "*", give up)
//   235:       exchange.finished() must be true, else the server has not proven itself: hang up
//
// Thread rule: one exchange, one thread. The answer to SCRAM's first challenge takes as long as the server's iterations
// ask for (at most kIterationsMax): call respond() where blocking is allowed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sasl/server.h"

namespace postern::sasl {

struct Credentials {
  std::string name, password;
};

// The best of what EHLO offered ("PLAIN LOGIN SCRAM-SHA-256"): SCRAM, else PLAIN, else LOGIN.
[[nodiscard]] std::optional<Mechanism> choose_mechanism(std::string_view offered);

class ClientExchange {
 public:
  // plain, login or scram_sha_256; `nonce` is printable without ",", new for each exchange.
  ClientExchange(Mechanism mechanism, Credentials credentials, std::string nonce);
  ~ClientExchange();
  ClientExchange(const ClientExchange&) = delete;
  ClientExchange& operator=(const ClientExchange&) = delete;

  [[nodiscard]] std::string initial() const;  // base64; "" where the mechanism has no initial response
  // Errors: protocol (not what the mechanism says), refused (the server does not know our password's verifier: it is
  // not who we think).
  [[nodiscard]] Result<std::string> respond(std::string_view base64);
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  Result<std::string> scram_respond(std::string_view message);
  Mechanism mechanism_;
  Credentials credentials_;
  std::string nonce_;
  std::string bare_;
  std::string server_signature_;
  int step_ = 0;
  bool finished_ = false;
};

}  // namespace postern::sasl
