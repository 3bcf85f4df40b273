// Logins: who may log in, and the exchange that finds it out: against the verifiers of data_dir/users, or by way of
// Dovecot's auth socket. One for the process; sessions ask it.
//
// Nothing tells an unknown user from a wrong password: both are worked on alike, against a decoy's verifier
// (sasl::decoy), and answered alike. Checking a password takes some ten milliseconds and happens on the pool, at most
// kChecksAtOnce at a time; beyond that the answer is "later". Thread rule: Logins from any thread, an attempt on the
// loop that began it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/task.h"
#include "inbound/submission_options.h"
#include "inbound/user_limits.h"
#include "io/loop.h"
#include "ip/address.h"
#include "sasl/server.h"
#include "sasl/users.h"

namespace postern::inbound {

struct LoginStep {
  enum class Kind : std::uint8_t {
    challenge,  // `text` is its base64
    passed,     // `text` is who logged in
    refused,    // unknown, or wrong password, or not allowed: all the same to the client
    malformed,  // no exchange that the mechanism knows
    later,      // nobody can tell now
  };
  Kind kind = Kind::refused;
  std::string text;
  std::string why;  // for the log
};

class LoginAttempt {
 public:
  virtual ~LoginAttempt() = default;
  // `initial`: base64 behind AUTH, where there was one.
  [[nodiscard]] virtual Task<LoginStep> start(std::optional<std::string> initial) = 0;
  [[nodiscard]] virtual Task<LoginStep> receive(std::string line) = 0;
  [[nodiscard]] virtual std::string_view name() const = 0;  // who the client says it is; "" where that is not known
  virtual void cancel() {}                                  // what waits ends with `later`
};

struct LoginRequest {
  sasl::Mechanism mechanism = sasl::Mechanism::plain;
  std::string channel_binding;
  bool plus_offered = false;
  ip::Endpoint client, server;
};

class Logins {
 public:
  static constexpr int kChecksAtOnce = 64;
  // `secret`: of sasl::UserFile. `pool` outlives it.
  Logins(io::BlockingPool& pool, std::string secret);
  ~Logins();
  Logins(const Logins&) = delete;
  Logins& operator=(const Logins&) = delete;

  void set_users(std::shared_ptr<const sasl::Users> users) { users_.store(std::move(users)); }
  [[nodiscard]] std::shared_ptr<const sasl::Users> users() const { return users_.load(); }
  [[nodiscard]] std::unique_ptr<LoginAttempt> begin(const SubmissionOptions& options, io::Loop& loop,
                                                    LoginRequest request);
  [[nodiscard]] UserLimits& limits() { return limits_; }

 private:
  friend class LocalAttempt;
  io::BlockingPool& pool_;
  std::string secret_;
  std::atomic<std::shared_ptr<const sasl::Users>> users_;
  std::atomic<int> checks_{0};
  UserLimits limits_;
};

// The mechanisms that EHLO offers, best first: "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN".
[[nodiscard]] std::string offered_mechanisms(const SubmissionOptions& options, bool with_binding);

}  // namespace postern::inbound
