#include "fingerprint/client_hello.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support.h"

namespace postern::fingerprint {
namespace {

using test::alpn;
using test::Hello;
using test::numbers;
using test::server_name;
using test::vector;

// The example of JA4's description, with GREASE values where clients put them.
Hello example() {
  Hello hello;
  hello.ciphers = {0x3A3A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030,
                   0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035};
  hello.extensions = {{0x1A1A, ""},
                      {0x001B, "x"},
                      {0x0000, server_name("mx.example.org")},
                      {0x0033, "key share"},
                      {0x0010, alpn({"h2", "http/1.1"})},
                      {0x4469, ""},
                      {0x0017, ""},
                      {0x002D, ""},
                      {0x000D, numbers(2, {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601})},
                      {0x0005, ""},
                      {0x0023, ""},
                      {0x0012, ""},
                      {0x002B, numbers(1, {0x2A2A, 0x0304, 0x0303})},
                      {0xFF01, ""},
                      {0x000B, ""},
                      {0x000A, ""},
                      {0xFAFA, "\1"},
                      {0x0015, std::string(100, '\0')}};
  return hello;
}

std::string ja4_of(const std::string& bytes) {
  const auto hello = parse_client_hello(bytes);
  return hello ? ja4(*hello) : hello.error().what;
}
std::string head_of(const Hello& hello) { return ja4_of(hello.text()).substr(0, 10); }

TEST(ClientHello, TheExampleOfTheDescription) {
  EXPECT_EQ(ja4_of(example().text()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
  const auto hello = parse_client_hello(example().text());
  ASSERT_TRUE(hello.has_value());
  EXPECT_EQ(ja4_raw(*hello),
            "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
            "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
            "0403,0804,0401,0503,0805,0501,0806,0601");
  EXPECT_EQ(hello->version(), 0x0304);
  EXPECT_EQ(hello->versions, (std::vector<std::uint16_t>{0x0304, 0x0303}));
  EXPECT_TRUE(hello->has_server_name);
  EXPECT_EQ(hello->server_name, "mx.example.org");
  EXPECT_EQ(hello->alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(hello->ciphers.size(), 15U);
  EXPECT_EQ(hello->ciphers.front(), 0x1301);
}

TEST(ClientHello, WithoutSignatureAlgorithmsThereIsNoUnderscore) {
  Hello hello = example();
  for (auto& [type, content] : hello.extensions) {
    if (type == 0x000D) content = numbers(2, {});
  }
  EXPECT_TRUE(ja4_of(hello.text()).ends_with("_6d807ffa2a79"));
}

TEST(ClientHello, OrderAndGreaseDoNotMatter) {
  Hello hello = example();
  std::ranges::reverse(hello.ciphers);
  std::ranges::reverse(hello.extensions);
  hello.ciphers.push_back(0xCACA);
  EXPECT_EQ(ja4_of(hello.text()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(ClientHello, NothingIsZeros) {
  Hello hello;
  hello.ciphers = {};
  hello.with_extensions = false;
  EXPECT_EQ(ja4_of(hello.text()), "t12i000000_000000000000_000000000000");
  hello.with_extensions = true;
  hello.extensions = {{0, server_name("a")}, {16, alpn({"smtp"})}};
  EXPECT_EQ(ja4_of(hello.text()), "t12d0002sp_000000000000_000000000000");
}

TEST(ClientHello, VersionsAreTheHighestThatIsOffered) {
  const auto version = [](unsigned legacy, const std::vector<unsigned>& offered) {
    Hello hello;
    hello.version = legacy;
    if (!offered.empty()) hello.extensions = {{43, numbers(1, offered)}};
    return head_of(hello).substr(1, 2);
  };
  EXPECT_EQ(version(0x0303, {0x0301, 0x0304, 0x0303}), "13");
  EXPECT_EQ(version(0x0304, {0x0302}), "11");
  EXPECT_EQ(version(0x0303, {}), "12");
  EXPECT_EQ(version(0x0301, {}), "10");
  EXPECT_EQ(version(0x0300, {}), "s3");
  EXPECT_EQ(version(0x0002, {}), "s2");
  EXPECT_EQ(version(0x7F1C, {}), "00");
  EXPECT_EQ(version(0x0303, {0x7A7A}), "12");
  EXPECT_EQ(version_name(0x0304), "TLSv1.3");
  EXPECT_EQ(version_name(0x7F1C), "0x7f1c");
}

TEST(ClientHello, AlpnIsItsFirstAndLastCharacter) {
  const auto of = [](const std::vector<std::string>& names) {
    Hello hello;
    hello.extensions = {{16, alpn(names)}};
    return head_of(hello).substr(8);
  };
  EXPECT_EQ(of({"h2"}), "h2");
  EXPECT_EQ(of({"http/1.1", "h2"}), "h1");
  EXPECT_EQ(of({"x"}), "xx");
  EXPECT_EQ(of({}), "00");
  EXPECT_EQ(of({""}), "00");
  EXPECT_EQ(of({"\xAB"}), "ab");
  EXPECT_EQ(of({"\xAB\xCD"}), "ad");
  EXPECT_EQ(of({"0\xAB"}), "3b");
  EXPECT_EQ(of({"01\xAB\xCD"}), "3d");
  EXPECT_EQ(of({"0\xAB\xCD"
                "1"}),
            "01");
}

TEST(ClientHello, CountsEndAtNinetyNine) {
  Hello hello;
  hello.ciphers.assign(120, 0x1301);
  for (unsigned i = 0; i < 120; ++i) hello.extensions.emplace_back(1000 + i, "");
  EXPECT_EQ(head_of(hello), "t12i999900");
}

TEST(ClientHello, ComesInOneRecordOrInMany) {
  const std::string message = example().text();
  for (const std::size_t size : {message.size(), std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    std::string records;
    for (std::size_t at = 0; at < message.size(); at += size) {
      records += "\x16\x03\x01" + vector(2, message.substr(at, size));
    }
    if (records.size() > kClientHelloMax) continue;
    EXPECT_EQ(ja4_of(records), ja4_of(message)) << size;
    EXPECT_EQ(ja4_of(records + "what follows"), ja4_of(message));
  }
  EXPECT_FALSE(parse_client_hello("\x16\x03\x01" + vector(2, message.substr(0, 50))).has_value());
  EXPECT_FALSE(parse_client_hello("\x16\x02\x01" + vector(2, message)).has_value());
  EXPECT_FALSE(parse_client_hello("\x16\x03\x01" + vector(2, "") + "\x16\x03\x01" + vector(2, message)).has_value());
  EXPECT_FALSE(parse_client_hello("\x16\x03\x01" + vector(2, message.substr(0, 50)) + "\x17\x03\x01" +
                                  vector(2, message.substr(50)))
                   .has_value());
}

TEST(ClientHello, WhatIsCutShortIsAnError) {
  const std::string message = example().text();
  for (std::size_t cut = 0; cut < message.size(); ++cut) {
    EXPECT_FALSE(parse_client_hello(message.substr(0, cut)).has_value()) << cut;
    // Shorter, and its length says so
    if (cut < 4) continue;
    const std::string shorter = "\1" + vector(3, message.substr(4, cut - 4));
    const auto parsed = parse_client_hello(shorter);
    if (!parsed) continue;
    EXPECT_TRUE(parsed->extensions.empty()) << cut;  // cut where the extensions begin
  }
  EXPECT_FALSE(parse_client_hello("\2" + message.substr(1)).has_value());
  EXPECT_FALSE(parse_client_hello("EHLO client.example\r\n").has_value());
  Hello odd;
  odd.session_id = std::string(33, 's');
  EXPECT_FALSE(parse_client_hello(odd.text()).has_value());
}

TEST(ClientHello, ItsLengthIsLimited) {
  Hello hello;
  hello.extensions = {{21, ""}};
  const std::size_t rest = kClientHelloMax - hello.text().size();
  hello.extensions = {{21, std::string(rest, '\0')}};
  EXPECT_TRUE(parse_client_hello(hello.text()).has_value());
  hello.extensions = {{21, std::string(rest + 1, '\0')}};
  EXPECT_FALSE(parse_client_hello(hello.text()).has_value());
}

TEST(ClientHello, AnExtensionWithMalformedContentCountsWithoutIt) {
  Hello hello;
  hello.extensions = {{0, "\x00"}, {13, "\x00\x05\x04\x03"}, {16, "\xff"}, {43, "\x03\x03\x04\x03"}};
  const auto parsed = parse_client_hello(hello.text());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_TRUE(parsed->has_server_name);
  EXPECT_TRUE(parsed->server_name.empty());
  EXPECT_TRUE(parsed->alpn.empty());
  EXPECT_TRUE(parsed->signature_algorithms.empty());
  EXPECT_EQ(head_of(hello), "t12d010400");
}

}  // namespace
}  // namespace postern::fingerprint
