// What a client says.
#include <array>

#include "base/result.h"
#include "check/hand.h"

namespace postern::check::hand {

namespace {

constexpr std::uint8_t kClientHelloType = 1, kClientKeyExchangeType = 16;
constexpr std::uint16_t kRenegotiationScsv = 0x00ff;  // RFC 5746 3.3

class Writer {
 public:
  void u8(std::size_t value) { out_ += static_cast<char>(value & 0xffU); }
  void u16(std::size_t value) {
    u8(value >> 8U);
    u8(value);
  }
  void u24(std::size_t value) {
    u8(value >> 16U);
    u16(value);
  }
  void text(std::string_view bytes) { out_ += bytes; }
  void with_u16(std::string_view bytes) {
    u16(bytes.size());
    text(bytes);
  }
  void extension(std::uint16_t type, std::string_view body) {
    u16(type);
    with_u16(body);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }
  [[nodiscard]] const std::string& bytes() const { return out_; }

 private:
  std::string out_;
};

template <std::size_t N>
std::string list(const std::array<std::uint16_t, N>& values) {
  Writer all;
  for (const std::uint16_t value : values) all.u16(value);
  Writer out;
  out.with_u16(all.bytes());
  return out.take();
}

// All that a server could have: this client goes no further than its answer.
constexpr std::array<std::uint16_t, 32> kGroups{
    29, 23, 24, 25, 30, 26, 27, 28, 21, 19, 22, 20,  18,  17,  16,  15,  // x25519, P-256, ...: RFC 8422, RFC 7027
    14, 13, 12, 11, 10, 9,  8,  7,  6,  3,  1,  256, 257, 258, 259, 260};
constexpr std::array<std::uint16_t, 21> kSignatures{0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a,
                                                    0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
                                                    0x0303, 0x0301, 0x0402, 0x0302, 0x0203, 0x0201, 0x0202};

std::string extensions(const ClientHello& hello, std::size_t before) {
  Writer out;
  if (!hello.server_name.empty()) {
    Writer name;  // RFC 6066 3
    name.u16(hello.server_name.size() + 3);
    name.u8(0);
    name.with_u16(hello.server_name);
    out.extension(0, name.bytes());
  }
  out.extension(10, list(kGroups));
  out.extension(11, std::string_view("\1\0", 2));  // uncompressed points alone
  if (hello.version >= kTls12) out.extension(13, list(kSignatures));
  if (hello.heartbeat) out.extension(15, "\1");  // peer_allowed_to_send
  // RFC 7685 4: as OpenSSL does it, header of the message included, two octets for the length of all extensions
  const std::size_t size = before + 2 + out.bytes().size();
  if (size > 0xff && size < 0x200) {
    const std::size_t missing = 0x200 - size;
    out.extension(21, std::string(missing > 4 ? missing - 4 : 0, '\0'));
  }
  return out.take();
}

std::string message(std::uint8_t type, std::string_view body) {
  Writer out;
  out.u8(type);
  out.u24(body.size());
  out.text(body);
  return out.take();
}

}  // namespace

std::string write_record(Content type, std::uint16_t version, std::string_view body) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(type));
  out.u16(version);
  out.with_u16(body);
  return out.take();
}

std::string write_client_hello(const ClientHello& hello, std::string_view random) {
  POSTERN_CHECK(random.size() == 32 && hello.suites.size() < 4000 && hello.server_name.size() < 256);
  Writer body;
  body.u16(hello.version);
  body.text(random);
  body.u8(0);  // no session
  Writer suites;
  for (const std::uint16_t suite : hello.suites) suites.u16(suite);
  suites.u16(kRenegotiationScsv);
  body.with_u16(suites.bytes());
  if (hello.deflate)
    body.text(std::string_view("\2\1\0", 3));
  else
    body.text(std::string_view("\1\0", 2));
  if (hello.version > kSsl3) {
    const std::string all = extensions(hello, 4 + body.bytes().size());
    body.with_u16(all);
  }
  // RFC 5246 E.1: the record of a first hello has the oldest version
  return write_record(Content::handshake, hello.version > kSsl3 ? kTls10 : kSsl3,
                      message(kClientHelloType, body.bytes()));
}

std::string write_ssl2_hello(std::string_view challenge) {
  POSTERN_CHECK(challenge.size() == 16);
  static constexpr std::array<std::uint32_t, 9> kCiphers{0x010080, 0x020080, 0x030080, 0x040080, 0x050080,
                                                         0x060040, 0x060140, 0x0700c0, 0x080080};
  Writer body;
  body.u8(1);  // CLIENT-HELLO
  body.u16(2);
  body.u16(kCiphers.size() * 3);
  body.u16(0);
  body.u16(challenge.size());
  for (const std::uint32_t cipher : kCiphers) body.u24(cipher);
  body.text(challenge);
  Writer out;
  out.u16(0x8000U | body.bytes().size());
  out.text(body.bytes());
  return out.take();
}

std::string write_heartbeat(std::uint16_t version, std::uint16_t claimed) {
  Writer body;
  body.u8(1);  // heartbeat_request
  body.u16(claimed);
  return write_record(Content::heartbeat, version, body.bytes());
}

std::string write_key_exchange(std::uint16_t version, std::string_view encrypted) {
  Writer body;
  if (version > kSsl3) body.u16(encrypted.size());
  body.text(encrypted);
  return write_record(Content::handshake, version, message(kClientKeyExchangeType, body.bytes()));
}

}  // namespace postern::check::hand
