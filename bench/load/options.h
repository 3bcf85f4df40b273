// What smtpload was asked to do.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <optional>
#include <string>

namespace smtpload {

enum class Mode {
  send,     // EHLO, (MAIL, RCPT, DATA) as often as `messages` says, QUIT
  reject,   // EHLO, MAIL, RCPT that must be refused, QUIT
  connect,  // EHLO, QUIT
  hold,     // EHLO, and then nothing until standard input ends
};
enum class Tls { off, full, resumed };

struct Options {
  Mode mode = Mode::send;
  Tls tls = Tls::off;
  long sessions = 1000;
  long concurrency = 20;
  long messages = 1;  // per session
  std::size_t size = 4096;
  long proxy = 0;    // above 0: each session begins with a PROXY header and one of this many client addresses
  long domains = 0;  // above 0: the messages go round that many numbers, which take the place of '%' in `to`
  std::string from = "sender@example.org";
  std::string to = "user@example.com";
  double limit_seconds = 120;
  sockaddr_storage target{};
  socklen_t target_size = 0;
};

// Nullopt after a complaint on stderr. A target that is not loopback is refused: this is no tool to aim at others.
std::optional<Options> parse_options(int argc, char** argv);

}  // namespace smtpload
