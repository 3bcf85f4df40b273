#include "ip/proxy_header.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace postern::ip {
namespace {

using State = ProxyParse::State;

std::string be16(std::size_t value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xFFU)}; }

std::string v2(char version_command, char family, const std::string& payload) {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + version_command + family + be16(payload.size()) + payload;
}

std::string v4_payload() { return std::string("\xc0\x00\x02\x01\xc6\x33\x64\x02", 8) + be16(4711) + be16(25); }

std::string v6_payload() {
  std::string out("\x20\x01\x0d\xb8", 4);
  out += std::string(11, '\0') + '\x01' + std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x02';
  return out + be16(4711) + be16(25);
}

std::string with_checksum(char family, const std::string& payload, std::uint32_t flip = 0) {
  std::string header = v2('\x21', family, payload + std::string("\x03\x00\x04\0\0\0\0", 7));
  const std::uint32_t crc = crc32c(header) ^ flip;
  for (std::size_t i = 0; i < 4; ++i) header[header.size() - 4 + i] = static_cast<char>(crc >> (24 - 8 * i));
  return header;
}

// Every split: nothing but need_more before the end, and the same answer at the end and beyond it.
void expect_done(const std::string& header, const char* source, const char* destination) {
  for (std::size_t cut = 0; cut < header.size(); ++cut) {
    EXPECT_EQ(parse_proxy_header(std::string_view(header).substr(0, cut)).state, State::need_more) << cut;
  }
  for (const char* after : {"", "E", "EHLO x\r\n", "PROXY "}) {
    const auto parsed = parse_proxy_header(header + after);
    ASSERT_EQ(parsed.state, State::done) << parsed.why;
    EXPECT_EQ(parsed.consumed, header.size());
    EXPECT_EQ(parsed.header.source ? parsed.header.source->text() : "none", source);
    EXPECT_EQ(parsed.header.destination ? parsed.header.destination->text() : "none", destination);
  }
}

void expect_invalid(const std::string& header) {
  const auto parsed = parse_proxy_header(header);
  EXPECT_EQ(parsed.state, State::invalid) << header;
  EXPECT_FALSE(parsed.why.empty());
  for (const char c : parsed.why) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST(ProxyV1, AtEverySplit) {
  expect_done("PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", "192.0.2.1:4711", "198.51.100.2:25");
  expect_done("PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n", "[2001:db8::1]:4711", "[2001:db8::2]:25");
  expect_done("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 65535\r\n", "192.0.2.1:0", "[::1]:65535");
  expect_done("PROXY UNKNOWN\r\n", "none", "none");
  expect_done("PROXY UNKNOWN ffff::1 anything 1 2 3\r\n", "none", "none");
}

TEST(ProxyV1, LengthLimit) {
  const std::string head = "PROXY UNKNOWN ";
  const std::string at = head + std::string(kProxyV1Max - 2 - head.size(), 'x') + "\r\n";
  EXPECT_EQ(at.size(), kProxyV1Max);
  expect_done(at, "none", "none");
  const std::string over = head + std::string(kProxyV1Max - 1 - head.size(), 'x') + "\r\n";
  expect_invalid(over);
  EXPECT_EQ(parse_proxy_header(over.substr(0, kProxyV1Max - 1)).state, State::need_more);
  expect_invalid(over.substr(0, kProxyV1Max));
}

TEST(ProxyV1, Refuses) {
  for (const char* text :
       {"EHLO x\r\n", "proxy TCP4 ", "PROXYTCP4", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "PROXY \r\n",
        "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP6 fe80::1%1 ::2 1 2\r\n", "PROXY UNKNOWNX\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"}) {
    expect_invalid(text);
  }
}

TEST(ProxyV2, AtEverySplit) {
  expect_done(v2('\x21', '\x11', v4_payload()), "192.0.2.1:4711", "198.51.100.2:25");
  expect_done(v2('\x21', '\x21', v6_payload()), "[2001:db8::1]:4711", "[2001:db8::2]:25");
  expect_done(v2('\x21', '\x11', v4_payload() + std::string("\x04\x00\x03xyz", 6)), "192.0.2.1:4711",
              "198.51.100.2:25");
  expect_done(v2('\x21', '\x11', v4_payload() + std::string("\x04\x00\x00", 3)), "192.0.2.1:4711", "198.51.100.2:25");
  expect_done(v2('\x20', '\x00', ""), "none", "none");            // LOCAL
  expect_done(v2('\x20', '\x11', v4_payload()), "none", "none");  // LOCAL: the addresses do not count
  expect_done(v2('\x20', '\x11', "junk"), "none", "none");
  expect_done(v2('\x21', '\x00', ""), "none", "none");                     // UNSPEC
  expect_done(v2('\x21', '\x12', v4_payload()), "none", "none");           // UDP
  expect_done(v2('\x21', '\x31', std::string(216, 'p')), "none", "none");  // UNIX
}

TEST(ProxyV2, Checksum) {
  expect_done(with_checksum('\x11', v4_payload()), "192.0.2.1:4711", "198.51.100.2:25");
  expect_done(with_checksum('\x21', v6_payload()), "[2001:db8::1]:4711", "[2001:db8::2]:25");
  for (std::uint32_t bit = 0; bit < 32; ++bit) expect_invalid(with_checksum('\x11', v4_payload(), 1U << bit));
  std::string changed = with_checksum('\x11', v4_payload());
  changed[16] = static_cast<char>(changed[16] ^ 1);
  expect_invalid(changed);
  expect_invalid(v2('\x21', '\x11', v4_payload() + std::string("\x03\x00\x03\0\0\0", 6)));  // three octets
}

TEST(ProxyV2, LengthLimit) {
  const auto filled = [](std::size_t total) {
    const std::size_t tlv = total - 16 - 12 - 3;
    return v2('\x21', '\x11', v4_payload() + '\x04' + be16(tlv) + std::string(tlv, 't'));
  };
  const std::string at = filled(kProxyV2Max);
  EXPECT_EQ(at.size(), kProxyV2Max);
  EXPECT_EQ(parse_proxy_header(at).state, State::done);
  expect_invalid(filled(kProxyV2Max + 1));
  expect_invalid(filled(kProxyV2Max + 1).substr(0, 16));  // said at once, not after 64 KiB
}

TEST(ProxyV2, Refuses) {
  expect_invalid(v2('\x11', '\x11', v4_payload()));                // version 1
  expect_invalid(v2('\x22', '\x11', v4_payload()));                // command 2
  expect_invalid(v2('\x21', '\x41', v4_payload()));                // family 4
  expect_invalid(v2('\x21', '\x13', v4_payload()));                // protocol 3
  expect_invalid(v2('\x21', '\x11', v4_payload().substr(0, 11)));  // short
  expect_invalid(v2('\x21', '\x21', v6_payload().substr(0, 35)));
  expect_invalid(v2('\x21', '\x11', v4_payload() + std::string("\x04\x00", 2)));       // TLV cut
  expect_invalid(v2('\x21', '\x11', v4_payload() + std::string("\x04\x00\x02x", 4)));  // TLV past the end
  expect_invalid(std::string("\r\n\r\n\0\r\nQUIX", 11));
}

}  // namespace
}  // namespace postern::ip
