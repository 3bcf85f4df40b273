// ServerExchange: the server's side of one AUTH, without IO, clock or store: SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC
// 5802, 7677, with the channel binding of RFC 9266), PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login). Lines of
// base64 go in, challenges come out; in between it asks its caller for what it cannot know: the verifier of a name, or
// whether a password is right.
//
// Not here: who may log in, what failures cost (inbound/login), which mechanisms are offered when. Thread rule: one
// exchange, one thread; nothing here takes longer than a few hashes. Memory: one line and what was decoded of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sasl/scram.h"

namespace postern::sasl {

enum class Mechanism : std::uint8_t { plain, login, scram_sha_256, scram_sha_256_plus };

[[nodiscard]] std::string_view to_string(Mechanism mechanism);  // as EHLO lists it
[[nodiscard]] std::optional<Mechanism> parse_mechanism(std::string_view name);

class ServerExchange {
 public:
  struct Options {
    Mechanism mechanism = Mechanism::plain;
    std::string channel_binding;  // what the connection's TLS exports; "": it cannot
    bool plus_offered = false;    // RFC 5802 6: whoever thinks that it was not has been lied to
    std::string nonce;            // ours, printable, new for each exchange
  };
  enum class Want : std::uint8_t {
    response,  // send challenge(), then receive() the client's line
    verifier,  // of name(): then verifier()
    password,  // is password() that of name()? then checked()
    done,      // name() is who it says
    failed,    // problem() says why
  };
  enum class Problem : std::uint8_t {
    none,
    base64,       // a line is no base64: a client that is broken
    malformed,    // not what the mechanism says
    binding,      // another TLS connection than ours, or a client that was told of no binding
    identity,     // wants to act as somebody else
    credentials,  // unknown, or wrong
  };

  explicit ServerExchange(Options options);
  ~ServerExchange();
  ServerExchange(const ServerExchange&) = delete;
  ServerExchange& operator=(const ServerExchange&) = delete;

  // `initial`: the base64 behind the AUTH command, where there was one.
  [[nodiscard]] Want start(std::optional<std::string_view> initial);
  [[nodiscard]] Want receive(std::string_view base64);
  [[nodiscard]] Want verifier(const Verifier& verifier);  // of a decoy where nobody has the name
  [[nodiscard]] Want checked(bool right);

  [[nodiscard]] const std::string& challenge() const { return challenge_; }  // base64
  [[nodiscard]] const std::string& name() const { return name_; }            // lower case ASCII
  [[nodiscard]] const std::string& password() const { return password_; }
  [[nodiscard]] Mechanism mechanism() const { return options_.mechanism; }
  [[nodiscard]] Problem problem() const { return problem_; }

 private:
  enum class State : std::uint8_t { begin, password, first, final, proven, waiting, over };
  Want ask(std::string_view text, State next);
  Want fail(Problem problem);
  Want plain(std::string_view message);
  Want client_first(std::string_view message);
  Want client_final(std::string_view message);
  bool take_name(std::string_view name);

  Options options_;
  State state_ = State::begin;
  Problem problem_ = Problem::none;
  std::string challenge_;
  std::string name_;
  std::string password_;
  Verifier verifier_;
  scram::ClientFirst first_;
  std::string server_first_;
};

}  // namespace postern::sasl
