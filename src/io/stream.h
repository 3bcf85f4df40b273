// Stream: a connected byte stream (TCP or unix socket, in clear or under TLS) on one Loop, with a deadline on every
// wait. A stream owns its descriptor. One receive() and one send() may be pending at a time. After an error other than
// timeout the stream is good for nothing but destruction. Deadlines are kept to about a tenth of a second (one timer
// wheel a loop, no timer per connection), late rather than early.
//
// Errors: closed (reset, or EOF inside TLS without close_notify), timeout, cancelled (cancel() was called), network.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "io/loop.h"
#include "io/tls.h"
#include "ip/address.h"

namespace postern::io {

// What is known of the TLS layer after a handshake, for Received, records and statistics. After one that failed there
// are `failure` and the ClientHello, as far as it came.
struct TlsFacts {
  std::string version;  // "TLSv1.3"
  std::string cipher;   // "TLS_AES_256_GCM_SHA384"
  std::string group;    // "X25519"; empty where OpenSSL does not tell
  std::string sni;
  std::string alpn;
  int bits = 0;
  bool resumed = false;
  // Server side: the ClientHello as a handshake message, for fingerprints, until forget_client_hello(). Empty where the
  // context does not keep it, where none came, and where it is over 16 KiB.
  std::string client_hello;
  // Why the handshake failed; empty where it did not. alert_NAME is the client's alert (RFC 8446 6: alert_unknown_ca,
  // alert_bad_certificate, alert_protocol_version, ...). Ours: no_shared_cipher, no_shared_group, no_shared_signature,
  // no_application_protocol, unsupported_protocol, inappropriate_fallback, certificate, not_tls, bad_record, malformed,
  // unexpected_message, eof, reset, timeout, cancelled, other. A client's proof that failed, as RFC 8460 4.3 spells it:
  // certificate-expired, certificate-host-mismatch, certificate-not-trusted, validation-failure.
  std::string_view failure;
  // client side
  bool verified = false;     // by the proof that was demanded; without one, by a chain to a trusted root and the name
  std::string verify_error;  // why not, in words; also of a handshake that failed for it
  std::string proof;         // what verified it: "pkix", or "dane 3 1 1"; empty where nothing did
  std::string peer_subject;
  std::vector<std::string> peer_chain;  // DER, as sent, the server's own first; only where the context keeps it
  std::string signature_hash;  // of the server's signature in the handshake: "SHA256"; empty with EdDSA and RSA
  int dh_bits = 0;             // of a finite-field key exchange
  bool extended_master_secret = false;  // RFC 7627; TLS 1.3 has it by nature
  bool secure_renegotiation = false;    // RFC 5746; TLS 1.3 has no renegotiation
  bool compression = false;
  std::string ocsp;  // what the server stapled, DER; empty where it did not, and where it was not asked
  // Of TLS 1.3, where the context keeps the chain: tickets come behind the handshake, and are known once something was
  // received. RFC 8446 4.2.10: a ticket that allows early data.
  bool ticket = false;
  std::uint32_t early_data = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;
  // What arrived next, at most one scratch buffer; empty = orderly end. The view lies in the loop's scratch buffer and
  // is valid until the caller suspends again: use it at once or copy what is left.
  [[nodiscard]] virtual Task<Result<std::string_view>> receive(Deadline deadline) = 0;
  // All of it, or an error. `bytes` must stay valid until done.
  [[nodiscard]] virtual Task<Result<void>> send(std::string_view bytes, Deadline deadline) = 0;
  // Handshakes. The caller has made sure that no octet in clear is left unread on its side (RFC 3207 4.2).
  [[nodiscard]] virtual Task<Result<void>> start_tls_server(std::shared_ptr<TlsServerContext> context,
                                                            Deadline deadline) = 0;
  // A handshake whose proof fails is an error of kind network, and TlsFacts::verify_error says why.
  [[nodiscard]] virtual Task<Result<void>> start_tls_client(std::shared_ptr<TlsClientContext> context, TlsExpect expect,
                                                            Deadline deadline) = 0;
  // A client's handshake on top of the one that there is (RFC 5246 7.4.1.1), for who wants to know whether a server
  // allows it; its context has `renegotiate`. An error: refused, or not answered in time.
  [[nodiscard]] virtual Task<Result<void>> renegotiate(Deadline deadline);
  // close_notify where TLS is up, then FIN; waits for the peer's FIN until the deadline, so that the last reply
  // arrives.
  [[nodiscard]] virtual Task<void> close(Deadline deadline) = 0;
  // For a peer that has said it is done (QUIT): close_notify where TLS is up, and no waiting; then destroy the stream.
  virtual void part() = 0;
  // Ends pending and later operations with `cancelled`. On the loop's thread.
  virtual void cancel() = 0;
  // Ends a pending receive() with `cancelled`, once; nothing where none is pending. The stream stays good, also for
  // sending: a drain uses it to say 421 to a client that is silent. On the loop's thread.
  virtual void interrupt() = 0;
  // True when octets are waiting (in the socket, or decrypted): who talks before being spoken to. Takes nothing.
  [[nodiscard]] virtual bool readable() = 0;
  [[nodiscard]] virtual const TlsFacts* tls() const = 0;  // nullptr in clear
  // Of the handshake that was tried, also where it failed; nullptr where none was.
  [[nodiscard]] virtual const TlsFacts* tls_attempt() const { return tls(); }
  // This end's address; nullopt where it has none (a unix socket, a stream of tests).
  [[nodiscard]] virtual std::optional<ip::Address> local_address() const { return std::nullopt; }
  // Frees what is kept of the ClientHello. For who has looked at it: an idle session needs it no more.
  virtual void forget_client_hello() {}
  // The channel binding tls-exporter (RFC 9266) of this connection; empty in clear, and where TLS can give none that is
  // its own (TLS 1.2 without the extended master secret, RFC 9266 4.2).
  [[nodiscard]] virtual std::string channel_binding() { return {}; }
  // Gives back octets that were received in clear and belong to the handshake that comes next: a PROXY header and a
  // ClientHello may have come as one.
  virtual void put_back(std::string bytes) { static_cast<void>(bytes); }
  [[nodiscard]] virtual Loop& loop() = 0;
};

// The hold that another task of the same loop has on a connection, from the attempt to connect on: cancel() ends what
// the connection waits for with `cancelled`. Who gave it to connect() takes it off (watch(nullptr)) before the stream
// goes.
class Breaker {
 public:
  void cancel() {
    cancelled_ = true;
    if (stream_ != nullptr) stream_->cancel();
    if (also_) std::exchange(also_, {})();
  }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  // What else cancel() ends: a look-up, several connections at once. One thing at a time; empty takes it off. Called at
  // once where cancel() came before.
  void also(std::move_only_function<void()> what) {
    also_ = std::move(what);
    if (cancelled_ && also_) std::exchange(also_, {})();
  }
  void watch(Stream* stream) {
    stream_ = stream;
    if (cancelled_ && stream_ != nullptr) stream_->cancel();
  }

 private:
  Stream* stream_ = nullptr;
  std::move_only_function<void()> also_;
  bool cancelled_ = false;
};

// Takes over a connected, non-blocking descriptor.
[[nodiscard]] std::unique_ptr<Stream> make_stream(Loop& loop, UniqueFd fd);

[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect(Loop& loop, ip::Endpoint endpoint, Deadline deadline,
                                                            Breaker* breaker = nullptr);
// With a source address of the endpoint's family.
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_from(Loop& loop, ip::Address source, ip::Endpoint endpoint,
                                                                 Deadline deadline, Breaker* breaker = nullptr);
[[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_unix(Loop& loop, std::string path, Deadline deadline,
                                                                 Breaker* breaker = nullptr);

}  // namespace postern::io
