// The client's side of TLS: one context, and the tickets that servers gave, each offered once while there are others.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <deque>
#include <memory>

namespace smtpload {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

class TlsClient {
 public:
  explicit TlsClient(bool resume);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  // A client connection on `fd`; `offered` tells whether it carries a ticket.
  SslPtr start(int fd, bool& offered);

 private:
  static int keep_ticket(SSL* ssl, SSL_SESSION* session);
  SSL_CTX* context_;
  bool resume_;
  std::deque<SSL_SESSION*> tickets_;  // owned; at most kTicketsMax
};

inline constexpr std::size_t kTicketsMax = 4096;

}  // namespace smtpload
