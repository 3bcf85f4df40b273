#include "fingerprint/client_hello.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "crypto/digest.h"

namespace postern::fingerprint {

namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHelloMessage = 1;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kRandom = 32;
constexpr std::size_t kSessionIdMax = 32;

constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kSignatureAlgorithms = 13;
constexpr std::uint16_t kAlpn = 16;
constexpr std::uint16_t kSupportedVersions = 43;

// RFC 8701 2: 0x0a0a, 0x1a1a, ... 0xfafa
constexpr bool is_grease(std::uint16_t value) { return (value & 0x0F0FU) == 0x0A0A && value >> 8U == (value & 0xFFU); }

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorKind::invalid, "no ClientHello: " + std::string(what));
}

// Reads big-endian numbers and vectors (RFC 8446 3.4) off the front. A read past the end fails, and so does all after
// it.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (const char c : take(width)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) {
      failed_ = true;
      bytes_ = {};
      return {};
    }
    const std::string_view out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  std::string_view vector(std::size_t width) { return take(number(width)); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

// Numbers of two octets, without GREASE; nothing where an octet is left over.
std::optional<std::vector<std::uint16_t>> numbers(std::string_view bytes) {
  if (bytes.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint16_t> out;
  out.reserve(bytes.size() / 2);
  for (Reader reader(bytes); !reader.empty();) {
    const std::uint16_t value = reader.u16();
    if (!is_grease(value)) out.push_back(value);
  }
  return out;
}

void read_server_name(std::string_view body, ClientHello& out) {
  out.has_server_name = true;
  Reader list(Reader(body).vector(2));
  while (!list.empty()) {
    const std::size_t type = list.number(1);
    const std::string_view name = list.vector(2);
    if (type == 0 && out.server_name.empty()) out.server_name = name;
  }
}

void read_alpn(std::string_view body, ClientHello& out) {
  Reader list(Reader(body).vector(2));
  out.alpn.clear();
  while (!list.empty()) {
    const std::string_view name = list.vector(1);
    if (!list.failed()) out.alpn.emplace_back(name);
  }
}

// What is malformed within an extension has no content for us: that the extension is there counts all the same.
void read_extension(std::uint16_t type, std::string_view body, ClientHello& out) {
  switch (type) {
    case kServerName:
      return read_server_name(body, out);
    case kAlpn:
      return read_alpn(body, out);
    case kSignatureAlgorithms:
      out.signature_algorithms = numbers(Reader(body).vector(2)).value_or(std::vector<std::uint16_t>());
      return;
    case kSupportedVersions:
      out.versions = numbers(Reader(body).vector(1)).value_or(std::vector<std::uint16_t>());
      return;
    default:
      return;
  }
}

// The message that one or several records hold.
Result<std::string> from_records(std::string_view bytes) {
  std::string message;
  while (!bytes.empty()) {
    Reader header(bytes);
    const std::size_t type = header.number(1);
    const std::size_t major = header.number(1);
    header.number(1);
    const std::string_view body = header.vector(2);
    if (header.failed()) return malformed("a TLS record is cut short");
    if (type != kHandshakeRecord || major != 3 || body.empty()) return malformed("a TLS record is no handshake");
    message += body;
    bytes.remove_prefix(kRecordHeader + body.size());
    Reader start(message);
    start.number(1);
    const std::size_t length = start.number(3);
    if (!start.failed() && message.size() >= kMessageHeader + length) return message;
  }
  return malformed("its records end before it does");
}

// "002f,0035": four digits each.
std::string listed(const std::vector<std::uint16_t>& values) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(values.size() * 5);
  for (const std::uint16_t value : values) {
    if (!out.empty()) out += ',';
    for (unsigned shift = 16; shift > 0; shift -= 4) out += kDigits[(value >> (shift - 4)) & 15U];
  }
  return out;
}

std::string count_of(std::size_t count) {
  const std::string digits = std::to_string(std::min<std::size_t>(count, 99));
  return digits.size() == 1 ? "0" + digits : digits;
}

// Twelve digits of the hash; zeros for nothing.
std::string hash_of(std::string_view text) {
  constexpr std::size_t kOctets = 6;
  return text.empty() ? std::string(kOctets * 2, '0')
                      : to_hex(crypto::view_of(crypto::Sha256::of(text)).substr(0, kOctets));
}

std::string_view ja4_version(std::uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

// The first and the last character of the first protocol, or of its hexadecimal form.
std::string ja4_alpn(const std::vector<std::string>& alpn) {
  if (alpn.empty() || alpn.front().empty()) return "00";
  const auto alphanumeric = [](char c) { return is_digit(c) || is_alpha(c); };
  const std::string& first = alpn.front();
  const std::string text = alphanumeric(first.front()) && alphanumeric(first.back()) ? first : to_hex(first);
  return {text.front(), text.back()};
}

struct Ja4Parts {
  std::string head;
  std::string ciphers;     // sorted
  std::string extensions;  // sorted, then the signature algorithms as they come
};

Ja4Parts ja4_parts(const ClientHello& hello) {
  Ja4Parts out;
  out.head = "t" + std::string(ja4_version(hello.version())) + (hello.has_server_name ? "d" : "i") +
             count_of(hello.ciphers.size()) + count_of(hello.extensions.size()) + ja4_alpn(hello.alpn);
  auto ciphers = hello.ciphers;
  std::ranges::sort(ciphers);
  out.ciphers = listed(ciphers);
  auto extensions = hello.extensions;
  std::erase_if(extensions, [](std::uint16_t type) { return type == kServerName || type == kAlpn; });
  std::ranges::sort(extensions);
  out.extensions = listed(extensions);
  if (!out.extensions.empty() && !hello.signature_algorithms.empty()) {
    out.extensions += "_" + listed(hello.signature_algorithms);
  }
  return out;
}

}  // namespace

std::uint16_t ClientHello::version() const { return versions.empty() ? legacy_version : std::ranges::max(versions); }

Result<ClientHello> parse_client_hello(std::string_view bytes) {
  if (bytes.size() > kClientHelloMax) return malformed("it is longer than " + human_bytes(kClientHelloMax));
  std::string joined;
  if (bytes.starts_with(static_cast<char>(kHandshakeRecord))) {
    POSTERN_TRY(joined, from_records(bytes));
    bytes = joined;
  }
  Reader message(bytes);
  if (message.number(1) != kClientHelloMessage) return malformed("it is another message");
  Reader body(message.vector(3));
  ClientHello out;
  out.legacy_version = body.u16();
  body.take(kRandom);
  const std::string_view session_id = body.vector(1);
  auto ciphers = numbers(body.vector(2));
  const std::string_view compression = body.vector(1);
  if (message.failed() || body.failed()) return malformed("it is cut short");
  if (session_id.size() > kSessionIdMax || !ciphers || compression.empty()) {
    return malformed("its lists have lengths that cannot be");
  }
  out.ciphers = std::move(*ciphers);
  if (body.empty()) return out;  // RFC 5246 7.4.1.2: there may be no extensions
  Reader extensions(body.vector(2));
  if (body.failed() || !body.empty()) return malformed("its extensions have a length that cannot be");
  while (!extensions.empty()) {
    const std::uint16_t type = extensions.u16();
    const std::string_view content = extensions.vector(2);
    if (extensions.failed()) return malformed("an extension is cut short");
    if (is_grease(type)) continue;
    out.extensions.push_back(type);
    read_extension(type, content, out);
  }
  return out;
}

std::string ja4(const ClientHello& hello) {
  const Ja4Parts parts = ja4_parts(hello);
  return parts.head + "_" + hash_of(parts.ciphers) + "_" + hash_of(parts.extensions);
}

std::string ja4_raw(const ClientHello& hello) {
  const Ja4Parts parts = ja4_parts(hello);
  return parts.head + "_" + parts.ciphers + "_" + parts.extensions;
}

std::string version_name(std::uint16_t version) {
  switch (version) {
    case 0x0304:
      return "TLSv1.3";
    case 0x0303:
      return "TLSv1.2";
    case 0x0302:
      return "TLSv1.1";
    case 0x0301:
      return "TLSv1";
    case 0x0300:
      return "SSLv3";
    default:
      return "0x" + listed({version});
  }
}

}  // namespace postern::fingerprint
