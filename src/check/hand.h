// TLS by hand, as far as a checker needs octets that a TLS library would not send: a ClientHello of any version with
// any ciphers, records, and what a server answers in clear up to ServerHelloDone. No keys, no secrets, no socket:
// whoever uses it writes octets and feeds what came. SSL 3.0 to TLS 1.2; of SSL 2.0 the hello alone. TLS 1.3 is
// OpenSSL's. docs/check-servers.md says what a server's operator sees of it.
//
// Thread rule: values. RFC 5246, RFC 2246, RFC 6101 (SSL 3.0), RFC 6520, RFC 7685.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::check::hand {

inline constexpr std::uint16_t kSsl3 = 0x0300, kTls10 = 0x0301, kTls11 = 0x0302, kTls12 = 0x0303;
// "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"; empty for others.
[[nodiscard]] std::string_view version_name(std::uint16_t version);

// RFC 5246 6.2.1
enum class Content : std::uint8_t { change_cipher_spec = 20, alert = 21, handshake = 22, data = 23, heartbeat = 24 };

inline constexpr std::size_t kRecordMax = 16384 + 2048;             // RFC 5246 6.2.3
inline constexpr std::size_t kMessageMax = std::size_t{64} * 1024;  // of the handshake: a chain of certificates
inline constexpr std::size_t kFlightMax = std::size_t{160} * 1024;  // of the server's first flight
inline constexpr std::size_t kRecordsMax = 400;                     // in that flight

struct ClientHello {
  std::uint16_t version = kTls12;
  std::vector<std::uint16_t> suites;
  std::string server_name;
  bool heartbeat = false;  // offers RFC 6520
  bool deflate = false;    // offers RFC 3749
};
// With its record. `random` has 32 octets. SSL 3.0 gets no extensions. Lengths from 256 to 511 are padded: some servers
// hang at them (RFC 7685).
[[nodiscard]] std::string write_client_hello(const ClientHello& hello, std::string_view random);
// The hello of SSL 2.0 with all its ciphers; `challenge` has 16 octets.
[[nodiscard]] std::string write_ssl2_hello(std::string_view challenge);
[[nodiscard]] std::string write_record(Content type, std::uint16_t version, std::string_view body);
// RFC 6520 4: a request that claims `claimed` octets of payload and has none.
[[nodiscard]] std::string write_heartbeat(std::uint16_t version, std::uint16_t claimed);
// RFC 5246 7.4.7.1; SSL 3.0 has no length in front of it.
[[nodiscard]] std::string write_key_exchange(std::uint16_t version, std::string_view encrypted);

struct Record {
  std::uint8_t type = 0;
  std::uint16_t version = 0;
  std::string body;
  [[nodiscard]] bool is(Content content) const { return type == static_cast<std::uint8_t>(content); }
};

// Records, one after the other.
class RecordReader {
 public:
  // How many octets were taken; it stops behind a whole record. Error: no TLS, or longer than kRecordMax.
  [[nodiscard]] Result<std::size_t> feed(std::string_view bytes);
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] Record take();

 private:
  std::string held_;
  bool complete_ = false;
};

// What the server said in its first flight.
struct Flight {
  bool hello = false;  // a ServerHello came
  std::uint16_t version = 0, suite = 0;
  std::uint8_t compression = 0;
  bool heartbeat = false, extended_master_secret = false, secure_renegotiation = false;
  std::string certificate;     // the server's own, DER; empty: none was sent
  std::string group;           // of ECDHE: "X25519", "P-256", "0x001d" for one that is not known
  int dh_bits = 0;             // of DHE
  std::string signature_hash;  // of the key exchange in TLS 1.2: "SHA256"; empty where it is not known
};

// Reads a flight: hand it records until it is done, or an alert came.
class FlightReader {
 public:
  enum class State : std::uint8_t {
    reading,
    done,   // ServerHelloDone
    alert,  // a fatal one; warnings are passed over
  };
  // Error (invalid): nothing that a server may send here, or over a limit.
  [[nodiscard]] Result<State> take(const Record& record);
  [[nodiscard]] const Flight& flight() const { return flight_; }
  [[nodiscard]] std::uint8_t alert() const { return alert_; }  // RFC 5246 7.2

 private:
  [[nodiscard]] Result<void> message(std::uint8_t type, std::string_view body);
  [[nodiscard]] Result<void> server_hello(std::string_view body);
  [[nodiscard]] Result<void> certificates(std::string_view body);
  [[nodiscard]] Result<void> key_exchange(std::string_view body);

  Flight flight_;
  State state_ = State::reading;
  std::uint8_t alert_ = 0;
  std::string held_;  // of handshake messages
  std::size_t octets_ = 0, records_ = 0;
};

// What an SSL 2.0 server answers to write_ssl2_hello(): whether it is a ServerHello of SSL 2.0, as far as octets tell
// yet; nothing: more are needed.
enum class Ssl2 : std::uint8_t { more, yes, no };
[[nodiscard]] Ssl2 read_ssl2(std::string_view bytes);

// "unexpected_message" (RFC 5246 7.2); "alert 99" for one that has no name.
[[nodiscard]] std::string alert_name(std::uint8_t alert);

}  // namespace postern::check::hand
