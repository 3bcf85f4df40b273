// TlsLayer: one OpenSSL connection on a non-blocking descriptor that somebody else owns and waits on. Each call does
// what can be done now and says what it waits for. Internal to io; no OpenSSL header is needed to use it. Thread rule:
// its stream's thread.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/stream.h"
#include "io/tls.h"

namespace postern::io {

enum class TlsStatus : std::uint8_t { done, want_read, want_write, closed, failed };

struct TlsStep {
  TlsStatus status = TlsStatus::failed;
  std::size_t octets = 0;  // done: how many were read or written
};

class TlsLayer {
 public:
  // `early`: octets of the handshake that were read from the socket already.
  [[nodiscard]] static std::unique_ptr<TlsLayer> server(std::shared_ptr<TlsServerContext> context, int fd,
                                                        std::string early = {});
  [[nodiscard]] static std::unique_ptr<TlsLayer> client(std::shared_ptr<TlsClientContext> context,
                                                        const TlsExpect& expect, int fd);
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  TlsStep handshake();
  [[nodiscard]] bool begin_again();       // a client's: the next handshake() is one more; false: OpenSSL will not
  void give_up(ErrorKind why);            // the handshake will not go on
  TlsStep read(std::span<char> out);      // closed: close_notify
  TlsStep write(std::string_view bytes);  // possibly fewer than all; not empty
  void say_goodbye();                     // close_notify, if it can be sent now
  [[nodiscard]] bool pending() const;     // octets were read from the socket and not given out yet
  // What the last read from the socket told: it filled less than it could (unless the peer has hung up since, the next
  // one would only say EAGAIN), or it said EAGAIN.
  [[nodiscard]] bool drained() const;
  [[nodiscard]] bool would_block() const;
  // After failed: the connection's end without close_notify, a reset, or a violation of the protocol.
  [[nodiscard]] Error error() const;
  [[nodiscard]] const TlsFacts& facts() const;  // complete once the handshake is done, or has failed
  void forget_client_hello();
  [[nodiscard]] std::string channel_binding() const;  // RFC 9266; empty where there is none

  struct Impl;

 private:
  explicit TlsLayer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::io
