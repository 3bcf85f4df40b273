// A mail server on loopback that says what a test wrote for it, octet by octet: one thread, one connection after the
// other, each with the script of its turn (the last one again for further connections).
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "unit/tls_authority.h"

namespace postern::check::test {

class Connection {
 public:
  explicit Connection(int fd, const std::atomic<bool>& stop) : fd_(fd), stop_(stop) {}
  ~Connection() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void say(std::string_view bytes) {
    if (ssl_ != nullptr) {
      SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
      return;
    }
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // One octet a packet.
  void say_split(std::string_view bytes) {
    for (const char c : bytes) say({&c, 1});
  }
  // Without CRLF; empty at the end.
  std::string line() {
    for (;;) {
      const auto end = pending_.find("\r\n");
      if (end != std::string::npos) {
        std::string out = pending_.substr(0, end);
        pending_.erase(0, end + 2);
        return out;
      }
      if (!more()) return {};
    }
  }
  bool more() {
    std::array<char, 4096> buffer{};
    long n = 0;
    if (ssl_ != nullptr) {
      n = SSL_read(ssl_, buffer.data(), buffer.size());
    } else {
      if (!wait_readable()) return false;
      n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    }
    if (n <= 0) return false;
    pending_.append(buffer.data(), static_cast<std::size_t>(n));
    return true;
  }
  bool tls(SSL_CTX* context) {
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, fd_);
    return SSL_accept(ssl_) == 1;
  }
  void forget() { pending_.clear(); }
  // Until the client has gone, or the test is over.
  void stay_silent() {
    while (more()) {
    }
  }
  [[nodiscard]] std::string& pending() { return pending_; }

 private:
  bool wait_readable() {
    while (!stop_) {
      pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&one, 1, 50) > 0) return true;
    }
    return false;
  }
  int fd_;
  const std::atomic<bool>& stop_;
  SSL* ssl_ = nullptr;
  std::string pending_;
};

class FakeServer {
 public:
  using Script = std::function<void(Connection&)>;
  // `address`: "127.0.0.1", "::1"; port 0: any.
  FakeServer(const std::string& address, std::uint16_t port, std::vector<Script> scripts)
      : scripts_(std::move(scripts)) {
    const bool six = address.find(':') != std::string::npos;
    fd_ = ::socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage at{};
    socklen_t size = 0;
    if (six) {
      auto& in = reinterpret_cast<sockaddr_in6&>(at);
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(port);
      ::inet_pton(AF_INET6, address.c_str(), &in.sin6_addr);
      size = sizeof in;
    } else {
      auto& in = reinterpret_cast<sockaddr_in&>(at);
      in.sin_family = AF_INET;
      in.sin_port = htons(port);
      ::inet_pton(AF_INET, address.c_str(), &in.sin_addr);
      size = sizeof in;
    }
    postern::test::must(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size) == 0, "bind");
    postern::test::must(::listen(fd_, 100) == 0, "listen");
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(six ? reinterpret_cast<sockaddr_in6&>(at).sin6_port : reinterpret_cast<sockaddr_in&>(at).sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeServer() {
    stop_ = true;
    thread_.join();
    ::close(fd_);
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::size_t connections() const { return connections_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&one, 1, 50) <= 0) continue;
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      Connection connection(fd, stop_);
      const std::size_t number = connections_++;
      if (!scripts_.empty()) scripts_[std::min(number, scripts_.size() - 1)](connection);
    }
  }
  std::vector<Script> scripts_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> connections_ = 0;
  std::thread thread_;
};

}  // namespace postern::check::test
