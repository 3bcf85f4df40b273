// What a server answers.
#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/text.h"
#include "check/hand.h"
#include "check/tls_suites.h"

namespace postern::check::hand {

namespace {

constexpr std::size_t kHeader = 5;

// Big endian, and never past the end: a short read fails, and every later one.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint32_t number(std::size_t width) {
    const std::string_view octets = bytes(width);
    std::uint32_t out = 0;
    for (const char c : octets) out = out << 8U | static_cast<unsigned char>(c);
    return out;
  }
  std::string_view bytes(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view with_length(std::size_t width) { return bytes(number(width)); }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

Error malformed(std::string_view what) {
  return {ErrorKind::invalid, "the server's " + std::string(what) + " is malformed", 0};
}

std::string group_name(std::uint32_t group) {
  static constexpr std::array kNames{std::pair{19U, "secp192r1"},
                                     std::pair{21U, "P-224"},
                                     std::pair{22U, "secp256k1"},
                                     std::pair{23U, "P-256"},
                                     std::pair{24U, "P-384"},
                                     std::pair{25U, "P-521"},
                                     std::pair{26U, "brainpoolP256r1"},
                                     std::pair{27U, "brainpoolP384r1"},
                                     std::pair{28U, "brainpoolP512r1"},
                                     std::pair{29U, "X25519"},
                                     std::pair{30U, "X448"}};
  const auto at = std::ranges::find(kNames, group, [](const auto& one) { return one.first; });
  if (at != kNames.end()) return at->second;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "0x";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[group >> shift & 15U];
  return out;
}

// RFC 5246 7.4.1.4.1; what RFC 8446 4.2.3 added has its hash built in
std::string hash_name(std::uint32_t scheme) {
  static constexpr std::array kNames{"", "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"};
  if (scheme == 0x0804 || scheme == 0x0809) return "SHA256";
  if (scheme == 0x0805 || scheme == 0x080a) return "SHA384";
  if (scheme == 0x0806 || scheme == 0x080b) return "SHA512";
  const std::uint32_t hash = scheme >> 8U;
  return hash < kNames.size() ? kNames.at(hash) : "";
}

int bits_of(std::string_view number) {
  while (!number.empty() && number.front() == '\0') number.remove_prefix(1);
  if (number.empty()) return 0;
  const auto first = static_cast<unsigned char>(number.front());
  return static_cast<int>((number.size() - 1) * 8) + std::bit_width(first);
}

}  // namespace

std::string_view version_name(std::uint16_t version) {
  switch (version) {
    case kSsl3:
      return "SSLv3";
    case kTls10:
      return "TLSv1";
    case kTls11:
      return "TLSv1.1";
    case kTls12:
      return "TLSv1.2";
    default:
      return {};
  }
}

Result<std::size_t> RecordReader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (!complete_ && taken < bytes.size()) {
    if (held_.size() < kHeader) {
      held_ += bytes[taken++];
      if (held_.size() < kHeader) continue;
    }
    const auto* const at = reinterpret_cast<const unsigned char*>(held_.data());
    const std::size_t size = static_cast<std::size_t>(at[3]) << 8U | at[4];
    // RFC 5246 6.2.1: 20 to 23, and the heartbeat's 24; the major version is 3 from SSL 3.0 to TLS 1.3
    if (at[0] < 20 || at[0] > 24 || at[1] != 3) return fail(ErrorKind::invalid, "what the server says is no TLS");
    if (size > kRecordMax) return fail(ErrorKind::invalid, "the server's record is too long");
    const std::size_t missing = kHeader + size - held_.size();
    const std::string_view part = bytes.substr(taken, missing);
    held_ += part;
    taken += part.size();
    complete_ = part.size() == missing;
  }
  return taken;
}

Record RecordReader::take() {
  POSTERN_CHECK(complete_);
  const auto* const at = reinterpret_cast<const unsigned char*>(held_.data());
  Record out{.type = at[0],
             .version = static_cast<std::uint16_t>(static_cast<unsigned>(at[1]) << 8U | at[2]),
             .body = held_.substr(kHeader)};
  held_.clear();
  complete_ = false;
  return out;
}

Result<FlightReader::State> FlightReader::take(const Record& record) {
  if (state_ != State::reading) return state_;
  octets_ += record.body.size();
  if (++records_ > kRecordsMax || octets_ > kFlightMax)
    return fail(ErrorKind::invalid, "the server's first flight does not end");
  if (record.is(Content::alert)) {
    // RFC 5246 7.2: level and description
    if (record.body.size() != 2) return std::unexpected(malformed("alert"));
    alert_ = static_cast<std::uint8_t>(record.body[1]);
    if (record.body[0] != 1 || alert_ == 0) state_ = State::alert;  // a warning, unless it says that it is the end
    return state_;
  }
  if (!record.is(Content::handshake)) return fail(ErrorKind::invalid, "the server says what does not belong here");
  held_ += record.body;
  while (state_ == State::reading && held_.size() >= 4) {
    Reader header(std::string_view(held_).substr(0, 4));
    const auto type = static_cast<std::uint8_t>(header.number(1));
    const std::size_t size = header.number(3);
    if (size > kMessageMax) return fail(ErrorKind::invalid, "a message of the server's handshake is too long");
    if (held_.size() < 4 + size) break;
    POSTERN_TRY_VOID(message(type, std::string_view(held_).substr(4, size)));
    held_.erase(0, 4 + size);
  }
  return state_;
}

Result<void> FlightReader::message(std::uint8_t type, std::string_view body) {
  enum : std::uint8_t {
    hello_request = 0,
    server_hello_type = 2,
    certificate_type = 11,
    key_exchange_type = 12,
    done_type = 14
  };
  if (type == hello_request) return {};
  if (!flight_.hello && type != server_hello_type)
    return fail(ErrorKind::invalid, "the server's handshake does not begin with a ServerHello");
  switch (type) {
    case server_hello_type:
      if (flight_.hello) return fail(ErrorKind::invalid, "the server greets twice");
      return server_hello(body);
    case certificate_type:
      return certificates(body);
    case key_exchange_type:
      return key_exchange(body);
    case done_type:
      state_ = State::done;
      return {};
    default:  // a status, a ticket, a request for our certificate
      return {};
  }
}

Result<void> FlightReader::server_hello(std::string_view body) {
  Reader in(body);
  flight_.version = static_cast<std::uint16_t>(in.number(2));
  in.bytes(32);
  in.with_length(1);
  flight_.suite = static_cast<std::uint16_t>(in.number(2));
  flight_.compression = static_cast<std::uint8_t>(in.number(1));
  if (in.failed()) return std::unexpected(malformed("ServerHello"));
  flight_.hello = true;
  if (in.empty()) return {};
  Reader all(in.with_length(2));
  while (!all.failed() && !all.empty()) {
    const std::uint32_t type = all.number(2);
    all.with_length(2);
    flight_.heartbeat = flight_.heartbeat || type == 15;
    flight_.extended_master_secret = flight_.extended_master_secret || type == 23;
    flight_.secure_renegotiation = flight_.secure_renegotiation || type == 0xff01;
  }
  if (in.failed() || all.failed()) return std::unexpected(malformed("ServerHello"));
  return {};
}

Result<void> FlightReader::certificates(std::string_view body) {
  Reader in(body);
  Reader all(in.with_length(3));
  const std::string_view first = all.empty() ? std::string_view() : all.with_length(3);
  if (in.failed() || all.failed()) return std::unexpected(malformed("Certificate"));
  flight_.certificate = first;
  return {};
}

Result<void> FlightReader::key_exchange(std::string_view body) {
  const Suite* const suite = find_suite(flight_.suite);
  if (suite == nullptr) return {};
  Reader in(body);
  if (suite->exchange == Exchange::ecdhe) {
    // RFC 8422 5.4: a named curve is 3; explicit ones nobody has
    if (in.number(1) != 3) return in.failed() ? std::unexpected(malformed("key exchange")) : Result<void>();
    flight_.group = group_name(in.number(2));
    in.with_length(1);
  } else if (suite->exchange == Exchange::dhe) {
    flight_.dh_bits = bits_of(in.with_length(2));
    in.with_length(2);
    in.with_length(2);
  } else {
    return {};  // RSA's of export ciphers
  }
  if (in.failed()) return std::unexpected(malformed("key exchange"));
  if (flight_.version >= kTls12 && !suite->anonymous && !in.empty()) flight_.signature_hash = hash_name(in.number(2));
  return {};
}

Ssl2 read_ssl2(std::string_view bytes) {
  Reader in(bytes.substr(0, 11));
  // A header of two octets, SERVER-HELLO, session hit, type of certificate, version, lengths of certificate and ciphers
  if (bytes.empty()) return Ssl2::more;
  if ((in.number(1) & 0x80U) == 0) return Ssl2::no;
  if (bytes.size() < 11) return bytes.size() < 3 || bytes[2] == 4 ? Ssl2::more : Ssl2::no;
  in.number(1);
  if (in.number(1) != 4) return Ssl2::no;
  in.number(1);
  in.number(1);
  if (in.number(2) != 2) return Ssl2::no;
  in.number(2);
  // Without a cipher in common it is an answer, and no SSL 2.0
  return in.number(2) > 0 ? Ssl2::yes : Ssl2::no;
}

std::string alert_name(std::uint8_t alert) {
  static constexpr std::array kNames{std::pair{0, "close_notify"},
                                     std::pair{10, "unexpected_message"},
                                     std::pair{20, "bad_record_mac"},
                                     std::pair{21, "decryption_failed"},
                                     std::pair{22, "record_overflow"},
                                     std::pair{40, "handshake_failure"},
                                     std::pair{47, "illegal_parameter"},
                                     std::pair{50, "decode_error"},
                                     std::pair{51, "decrypt_error"},
                                     std::pair{70, "protocol_version"},
                                     std::pair{71, "insufficient_security"},
                                     std::pair{80, "internal_error"},
                                     std::pair{86, "inappropriate_fallback"},
                                     std::pair{112, "unrecognized_name"}};
  const auto at = std::ranges::find(kNames, static_cast<int>(alert), [](const auto& one) { return one.first; });
  return at != kNames.end() ? at->second : "alert " + std::to_string(alert);
}

}  // namespace postern::check::hand
