#include "load/session.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace smtpload {
namespace {

float milliseconds_since(Clock::time_point then) {
  return std::chrono::duration<float, std::milli>(Clock::now() - then).count();
}

// Client addresses far apart: each has a /48 of its own, and 65,536 of them share no more than a /32. The range is one
// that nobody was ever given (IANA has reserved 1000::/4).
std::string proxy_header(std::uint64_t number) {
  std::array<char, 96> line{};
  const auto size = std::snprintf(line.data(), line.size(), "PROXY TCP6 1000:%x:%x::25 1000::1 40000 25\r\n",
                                  static_cast<unsigned>(number * 40503 % 65521), static_cast<unsigned>(number >> 16U));
  return {line.data(), static_cast<std::size_t>(size)};
}

// With --domains each message goes to the next domain: its number, all of the same width, takes the place of '%'.
std::string recipient(const Options& options) {
  if (options.domains == 0) return options.to;
  static long messages = 0;  // of the process
  std::string to = options.to;
  const std::size_t at = to.find('%');
  if (at == std::string::npos) return to;
  const std::string number = std::to_string(messages++ % options.domains);
  const std::size_t width = std::to_string(options.domains - 1).size();
  return to.replace(at, 1, std::string(width - number.size(), '0') + number);
}

}  // namespace

Session::Session(const Options& options, TlsClient* tls, const std::string& data, Totals& totals)
    : options_(options), tls_(tls), data_(data), totals_(totals) {
  fd_ = socket(options.target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    fail(std::string("socket: ") + std::strerror(errno));
    return;
  }
  if (options.proxy > 0) {
    static std::uint64_t sessions = 0;  // of the process: addresses go round
    output_ = proxy_header(sessions++ % static_cast<std::uint64_t>(options.proxy));
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&options.target), options.target_size) != 0 &&
      errno != EINPROGRESS)
    fail(std::string("connect: ") + std::strerror(errno));
}

Session::~Session() {
  ssl_.reset();
  if (fd_ >= 0) close(fd_);
}

Session::Progress Session::advance() {
  if (ended_) return Progress::ended;
  if (state_ == State::connecting) {
    const Progress progress = finish_connect();
    if (state_ == State::connecting || ended_) return progress;
  }
  for (;;) {
    if (state_ == State::handshake) {
      const Progress progress = handshake();
      if (state_ == State::handshake || ended_) return progress;
    }
    if (!output_.empty() && !flush()) return ended_ ? Progress::ended : Progress::want_write;
    int code = 0;
    while (!ended_ && state_ != State::handshake && output_.empty() && take_reply(code)) on_reply(code);
    if (ended_) return Progress::ended;
    if (state_ == State::handshake || !output_.empty()) continue;
    if (!fill()) {
      if (ended_) return Progress::ended;
      return state_ == State::held ? Progress::held : wants_write_ ? Progress::want_write : Progress::want_read;
    }
  }
}

Session::Progress Session::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    fail(std::string("connect: ") + std::strerror(error));
    return Progress::ended;
  }
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return Progress::want_write;
  state_ = State::greeting;
  return Progress::want_read;
}

Session::Progress Session::handshake() {
  ERR_clear_error();
  const int result = SSL_connect(ssl_.get());
  if (result == 1) {
    (SSL_session_reused(ssl_.get()) != 0 ? totals_.tls_resumed : totals_.tls_full) += 1;
    state_ = State::ehlo_tls;
    say("EHLO load.example.net\r\n");
    return Progress::want_write;
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Progress::want_read;
    case SSL_ERROR_WANT_WRITE:
      return Progress::want_write;
    default:
      fail("TLS handshake");
      return Progress::ended;
  }
}

bool Session::flush() {
  while (!output_.empty()) {
    long written = 0;
    if (ssl_) {
      ERR_clear_error();
      written = SSL_write(ssl_.get(), output_.data(), static_cast<int>(std::min<std::size_t>(output_.size(), 1 << 20)));
      if (written <= 0) {
        const int error = SSL_get_error(ssl_.get(), static_cast<int>(written));
        if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) fail("TLS write");
        return false;
      }
    } else {
      written = send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (written < 0) {
        if (errno != EAGAIN) fail(std::string("write: ") + std::strerror(errno));
        return false;
      }
    }
    output_.erase(0, static_cast<std::size_t>(written));
  }
  return true;
}

bool Session::fill() {
  std::array<char, 4096> buffer;
  long got = 0;
  wants_write_ = false;
  if (ssl_) {
    ERR_clear_error();
    got = SSL_read(ssl_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      const int error = SSL_get_error(ssl_.get(), static_cast<int>(got));
      if (error == SSL_ERROR_WANT_READ) return false;
      if (error == SSL_ERROR_WANT_WRITE) return wants_write_ = true, false;
      fail("TLS read");
      return false;
    }
  } else {
    got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {
      fail(got == 0 ? std::string("closed by the server") : std::string("read: ") + std::strerror(errno));
      return false;
    }
  }
  input_.append(buffer.data(), static_cast<std::size_t>(got));
  if (input_.size() > kInputMax) {
    fail("a reply without end");
    return false;
  }
  return true;
}

// RFC 5321 4.2: the last line of a reply has a space, or nothing, after its code.
bool Session::take_reply(int& code) {
  const std::string_view text = input_;
  std::size_t at = 0;
  for (;;) {
    const std::size_t end = text.find("\r\n", at);
    if (end == std::string_view::npos) return false;
    const std::string_view line = text.substr(at, end - at);
    at = end + 2;
    if (line.size() > 3 && line[3] == '-') continue;
    code = 0;
    const std::string_view digits = line.substr(0, 3);
    std::from_chars(digits.begin(), digits.end(), code);
    input_.erase(0, at);
    return true;
  }
}

void Session::on_reply(int code) {
  switch (state_) {
    case State::greeting:
      if (code != 220) return fail("greeting", code);
      state_ = State::ehlo;
      return say("EHLO load.example.net\r\n");
    case State::ehlo:
      if (code != 250) return fail("EHLO", code);
      if (tls_ == nullptr) return greeted();
      state_ = State::starttls;
      return say("STARTTLS\r\n");
    case State::starttls: {
      if (code != 220) return fail("STARTTLS", code);
      bool offered = false;
      ssl_ = tls_->start(fd_, offered);
      if (offered) ++totals_.tickets_offered;
      state_ = State::handshake;
      return;
    }
    case State::ehlo_tls:
      if (code != 250) return fail("EHLO after STARTTLS", code);
      return greeted();
    case State::mail:
      if (code != 250) return fail("MAIL", code);
      state_ = State::rcpt;
      return say("RCPT TO:<" + recipient(options_) + ">\r\n");
    case State::rcpt:
      if (options_.mode == Mode::reject) {
        if (code < 500) return fail("RCPT should have been refused", code);
        ++totals_.refused;
        state_ = State::quit;
        return say("QUIT\r\n");
      }
      if (code != 250) return fail("RCPT", code);
      state_ = State::data;
      return say("DATA\r\n");
    case State::data:
      if (code != 354) return fail("DATA", code);
      state_ = State::message;
      message_began_ = Clock::now();
      return say(data_);
    case State::message:
      if (code != 250) return fail("end of the message", code);
      ++totals_.accepted;
      totals_.final_ms.push_back(milliseconds_since(message_began_));
      ++sent_messages_;
      return greeted();
    case State::held:
      return fail("ended while it was held", code);
    case State::quit:
      if (code != 221) return fail("QUIT", code);
      return finish();
    case State::connecting:
    case State::handshake:
      return fail("a reply out of turn", code);
  }
}

// After the greeting, and after each message: what next?
void Session::greeted() {
  if (options_.mode == Mode::hold) {
    state_ = State::held;
    return;
  }
  if (options_.mode == Mode::connect || sent_messages_ == options_.messages) {
    state_ = State::quit;
    return say("QUIT\r\n");
  }
  state_ = State::mail;
  say("MAIL FROM:<" + options_.from + ">\r\n");
}

void Session::fail(std::string_view what, int code) {
  if (ended_) return;
  ended_ = true;
  ++totals_.failed;
  if (!totals_.first_error.empty()) return;
  totals_.first_error = what;
  if (code != 0) totals_.first_error += ": answered " + std::to_string(code);
}

void Session::finish() {
  ended_ = true;
  ++totals_.sessions;
  totals_.session_ms.push_back(milliseconds_since(began_));
  // Without a proper end OpenSSL holds the session's tickets for bad and would not offer them.
  if (ssl_) SSL_shutdown(ssl_.get());
}

}  // namespace smtpload
