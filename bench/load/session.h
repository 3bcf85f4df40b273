// One SMTP client session: a dialogue driven by readiness, one command at a time (no pipelining, so that what is
// measured is the server's answer to each).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/options.h"
#include "load/tls_client.h"

namespace smtpload {

using Clock = std::chrono::steady_clock;

struct Totals {
  long sessions = 0, failed = 0, accepted = 0, refused = 0;
  long tls_full = 0, tls_resumed = 0, tickets_offered = 0;
  std::vector<float> final_ms;    // from the first octet of the message to the reply to its final dot
  std::vector<float> session_ms;  // from connect to the end
  std::string first_error;
};

class Session {
 public:
  enum class Progress { want_read, want_write, held, ended };

  // `data`: the message with its final dot. All references outlive the session.
  Session(const Options& options, TlsClient* tls, const std::string& data, Totals& totals);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  // Goes as far as the socket allows.
  Progress advance();

 private:
  enum class State { connecting, greeting, ehlo, starttls, handshake, ehlo_tls, mail, rcpt, data, message, held, quit };

  Progress finish_connect();
  Progress handshake();
  bool flush();  // false: no more can be written now, or the session has failed
  bool fill();   // likewise
  bool take_reply(int& code);
  void on_reply(int code);
  void say(std::string_view text) { output_ += text; }
  void greeted();
  void fail(std::string_view what, int code = 0);
  void finish();

  const Options& options_;
  TlsClient* tls_;
  const std::string& data_;
  Totals& totals_;
  int fd_ = -1;
  SslPtr ssl_;
  State state_ = State::connecting;
  std::string output_;
  std::string input_;  // at most kInputMax
  bool ended_ = false;
  bool wants_write_ = false;
  long sent_messages_ = 0;
  Clock::time_point began_ = Clock::now();
  Clock::time_point message_began_;
};

inline constexpr std::size_t kInputMax = 16 * 1024;

}  // namespace smtpload
