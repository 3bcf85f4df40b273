#include <gtest/gtest.h>

#include <array>
#include <set>

#include "ip/address.h"
#include "ip/translated.h"

namespace postern::ip {
namespace {

struct Pair {
  const char* in;
  const char* out;
};

TEST(Address, PrintsByRfc5952) {
  constexpr auto table = std::to_array<Pair>({
      {"2001:db8::1", "2001:db8::1"},
      {"2001:0db8::0001", "2001:db8::1"},               // 4.1
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},        // 4.2.1
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: one group is not shortened
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          // 4.2.3: the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    // 4.2.3: the first of equals
      {"2001:DB8::ABCD", "2001:db8::abcd"},             // 4.3
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"::3:4:5:6:7:8", "::3:4:5:6:7:8"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::FFFF:c000:201", "192.0.2.1"},
      {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
      {"::192.0.2.1", "::c000:201"},
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"fe80::1%3", "fe80::1%3"},
  });
  for (const auto& [in, out] : table) {
    const auto address = Address::parse(in);
    ASSERT_TRUE(address) << in;
    EXPECT_EQ(address->text(), out) << in;
    EXPECT_EQ(Address::parse(address->text()), address) << in;
  }
}

TEST(Address, Refuses) {
  for (const char* text : {"",
                           ":",
                           ":::",
                           "::1::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4::5:6:7:8",
                           "12345::",
                           "g::",
                           ":1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:",
                           ":1::",
                           "1::2:",
                           "::1:",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.",
                           ".1.2.3",
                           "1..2.3",
                           "256.1.1.1",
                           "01.2.3.4",
                           "1.2.3.04",
                           "0x1.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "16909060",
                           "127.1",
                           "1.2.3.+4",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "1.2.3.4::",
                           "::256.0.0.1",
                           "::01.2.3.4",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "[::1]",
                           "::1/64",
                           "::1%",
                           "::1%3",
                           "2001:db8::1%3",
                           "192.0.2.1%3",
                           "fe80::1%",
                           "fe80::1%0",
                           "fe80::1%03",
                           "fe80::1%1234567890123456",
                           "fe80::1%no such if",
                           "fe80::1%4294967296",
                           "::ffff:192.0.2.1%2",
                           "::-1",
                           "::+1",
                           "IPv6:::1"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

TEST(Address, AZoneIsReadToItsEnd) {
  // if_nametoindex(3) would stop at the NUL and find the loopback interface.
  EXPECT_FALSE(Address::parse(std::string_view("fe80::1%lo\0junk", 15)));
}

TEST(Address, MappedIsIPv4HoweverItIsMade) {
  std::array<std::uint8_t, 16> octets{};
  octets[10] = octets[11] = 0xFF;
  octets[12] = 192;
  octets[14] = 2;
  octets[15] = 1;
  const Address folded = Address::v6(octets, 7);
  EXPECT_TRUE(folded.is_v4());
  EXPECT_EQ(folded.scope(), 0U);
  EXPECT_EQ(folded, Address::v4({192, 0, 2, 1}));
  EXPECT_EQ(folded.octets(), octets);
  EXPECT_EQ(folded.bits(), 32);
  EXPECT_EQ(AddressHash{}(folded), AddressHash{}(*Address::parse("192.0.2.1")));
}

TEST(Address, ScopesOnLinkLocalOnly) {
  EXPECT_EQ(Address::parse("fe80::1%lo")->text(), "fe80::1%1");
  EXPECT_EQ(Address::v6(Address::parse("2001:db8::1")->octets(), 3).scope(), 0U);
  const Address scoped = Address::v6(Address::parse("fe80::1")->octets(), 3);
  EXPECT_EQ(scoped.scope(), 3U);
  EXPECT_NE(scoped, *Address::parse("fe80::1"));
}

TEST(Address, LiteralAndReverse) {
  EXPECT_EQ(Address::parse("192.0.2.1")->smtp_literal(), "192.0.2.1");
  EXPECT_EQ(Address::parse("2001:db8::1")->smtp_literal(), "IPv6:2001:db8::1");
  EXPECT_EQ(Address::parse("fe80::1%3")->smtp_literal(), "IPv6:fe80::1");
  EXPECT_EQ(Address::parse("192.0.2.1")->reverse_name(), "1.2.0.192.in-addr.arpa");
  // RFC 3596 2.5
  EXPECT_EQ(Address::parse("4321:0:1:2:3:4:567:89ab")->reverse_name(),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

TEST(Address, BehindATranslator) {
  const auto inside = [](const char* text) { return untranslated(*Address::parse(text)).text(); };
  EXPECT_EQ(inside("64:ff9b::8.8.8.8"), "8.8.8.8");
  EXPECT_EQ(inside("64:ff9b::808:808"), "8.8.8.8");
  EXPECT_EQ(inside("8.8.8.8"), "8.8.8.8");
  EXPECT_EQ(inside("2001:db8::8.8.8.8"), "2001:db8::808:808");
  EXPECT_EQ(inside("64:ff9b::1:808:808"), "64:ff9b::1:808:808") << "beyond the /96";
  EXPECT_EQ(inside("64:ff9b:1::808:808"), "64:ff9b:1::808:808") << "RFC 8215: where the address stands is local";
  // RFC 6052 3.1: the prefix is not for these
  EXPECT_EQ(inside("64:ff9b::127.0.0.1"), "64:ff9b::7f00:1");
  EXPECT_EQ(inside("64:ff9b::10.0.0.1"), "64:ff9b::a00:1");
}

TEST(Address, SpecialRanges) {
  struct Row {
    const char* text;
    char kind;  // a=any l=loopback k=link-local p=private d=documentation m=multicast s=other special g=global
  };
  constexpr auto table = std::to_array<Row>({
      {"0.0.0.0", 'a'},
      {"::", 'a'},
      {"0.0.0.1", 's'},
      {"127.0.0.1", 'l'},
      {"127.255.255.255", 'l'},
      {"128.0.0.1", 'g'},
      {"::1", 'l'},
      {"::2", 's'},
      {"169.253.255.255", 'g'},
      {"169.254.0.1", 'k'},
      {"fe80::1", 'k'},
      {"febf:ffff::1", 'k'},
      {"fec0::1", 's'},
      {"9.255.255.255", 'g'},
      {"10.0.0.0", 'p'},
      {"10.255.255.255", 'p'},
      {"11.0.0.0", 'g'},
      {"172.15.255.255", 'g'},
      {"172.16.0.0", 'p'},
      {"172.31.255.255", 'p'},
      {"172.32.0.0", 'g'},
      {"192.167.255.255", 'g'},
      {"192.168.0.0", 'p'},
      {"192.169.0.0", 'g'},
      {"100.63.255.255", 'g'},
      {"100.64.0.0", 'p'},
      {"100.127.255.255", 'p'},
      {"100.128.0.0", 'g'},
      {"fbff::1", 'g'},
      {"fc00::1", 'p'},
      {"fdff:ffff::1", 'p'},
      {"192.0.2.255", 'd'},
      {"192.0.3.0", 'g'},
      {"198.51.100.7", 'd'},
      {"203.0.113.7", 'd'},
      {"2001:db8:ffff::", 'd'},
      {"2001:db9::", 'g'},
      {"3fff:fff::1", 'd'},
      {"3fff:1000::1", 'g'},
      {"223.255.255.255", 'g'},
      {"224.0.0.1", 'm'},
      {"239.255.255.255", 'm'},
      {"240.0.0.1", 's'},
      {"255.255.255.255", 's'},
      {"ff02::1", 'm'},
      {"198.17.255.255", 'g'},
      {"198.18.0.0", 's'},
      {"198.19.255.255", 's'},
      {"198.20.0.0", 'g'},
      {"192.0.0.8", 's'},
      {"192.0.0.9", 'g'},
      {"192.0.0.10", 'g'},
      {"192.88.99.1", 's'},
      {"100::1", 's'},
      {"2001::1", 's'},
      {"2001:1::1", 'g'},
      {"2001:1::2", 'g'},
      {"2001:1::3", 'g'},
      {"2001:1::4", 's'},
      {"2001:20::1", 'g'},
      {"2001:3f:ffff::1", 'g'},
      {"2001:40::1", 's'},
      {"2001:1ff:ffff::", 's'},
      {"2001:200::1", 'g'},
      {"64:ff9b::8.8.8.8", 'g'},  // RFC 6052: as the IPv4 address inside
      {"64:ff9b::1", 's'},
      {"64:ff9b::7f00:1", 's'},
      {"64:ff9b::192.168.7.1", 's'},
      {"64:ff9b::169.254.169.254", 's'},
      {"64:ff9b::192.0.2.33", 's'},
      {"64:ff9b::192.0.0.9", 'g'},
      {"64:ff9b:0:0:0:1::", 'g'},  // outside of the prefix
      {"64:ff9b:1::1", 's'},
      {"64:ff9b:1:ffff::8.8.8.8", 's'},  // RFC 8215: local
      {"64:ff9b:2::1", 'g'},
      {"5f00::1", 's'},
      {"8.8.8.8", 'g'},
      {"2606:4700::1111", 'g'},
      {"::c000:201", 's'},
  });
  for (const auto& [text, kind] : table) {
    const Address address = *Address::parse(text);
    EXPECT_EQ(address.is_any(), kind == 'a') << text;
    EXPECT_EQ(address.is_loopback(), kind == 'l') << text;
    EXPECT_EQ(address.is_link_local(), kind == 'k') << text;
    EXPECT_EQ(address.is_private(), kind == 'p') << text;
    EXPECT_EQ(address.is_documentation(), kind == 'd') << text;
    EXPECT_EQ(address.is_multicast(), kind == 'm') << text;
    EXPECT_EQ(address.is_global(), kind == 'g') << text;
  }
}

TEST(Prefix, ParsesAndContains) {
  EXPECT_EQ(Prefix::parse("2001:db8::/32")->text(), "2001:db8::/32");
  EXPECT_EQ(Prefix::parse("192.0.2.0/24")->text(), "192.0.2.0/24");
  EXPECT_EQ(Prefix::parse("192.0.2.1")->text(), "192.0.2.1/32");
  EXPECT_EQ(Prefix::parse("::1")->text(), "::1/128");
  EXPECT_EQ(Prefix::parse("::ffff:192.0.2.0/120")->text(), "192.0.2.0/24");
  EXPECT_EQ(Prefix::parse("0.0.0.0/0")->text(), "0.0.0.0/0");
  EXPECT_EQ(Prefix::parse("::/0")->text(), "::/0");
  const Prefix net(*Address::parse("2001:db8::1:2:3"), 61);
  EXPECT_EQ(net.text(), "2001:db8::/61");
  EXPECT_TRUE(net.contains(*Address::parse("2001:db8:0:7:ffff::1")));
  EXPECT_FALSE(net.contains(*Address::parse("2001:db8:0:8::")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*Address::parse("192.0.2.1")));
  EXPECT_FALSE(Prefix::parse("::/0")->contains(*Address::parse("192.0.2.1")));
  EXPECT_FALSE(Prefix::parse("0.0.0.0/0")->contains(*Address::parse("::1")));
  EXPECT_EQ(Prefix(*Address::parse("192.0.2.1"), 99).length(), 32);
  EXPECT_EQ(Prefix(*Address::parse("192.0.2.1"), -1).text(), "0.0.0.0/0");
}

TEST(Prefix, ContainsEachBitExactly) {
  const Address address = *Address::parse("2001:db8:1234:5678:9abc:def0:1234:5678");
  for (int length = 0; length <= 128; ++length) {
    const Prefix prefix(address, length);
    for (int bit = 0; bit < 128; ++bit) {
      auto octets = address.octets();
      octets.at(static_cast<std::size_t>(bit / 8)) ^=
          static_cast<std::uint8_t>(0x80U >> static_cast<unsigned>(bit % 8));
      EXPECT_EQ(prefix.contains(Address::v6(octets)), bit >= length) << length << " " << bit;
    }
  }
}

TEST(Prefix, ErrorsSayTheRightForm) {
  EXPECT_NE(Prefix::parse("2001:db8::1/32").error().what.find("2001:db8::/32"), std::string::npos);
  EXPECT_NE(Prefix::parse("example.org/8").error().what.find("192.0.2.0/24"), std::string::npos);
  for (const char* text : {"", "/8", "::/129", "0.0.0.0/33", "::/", "::/-1", "::/08", "::/0/0", "fe80::1%2/64",
                           "::ffff:192.0.2.0/24", "10/8"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Endpoint, ParsesAndPrints) {
  for (const char* text : {"[2001:db8::1]:25", "192.0.2.1:25", "[::]:0", "0.0.0.0:65535", "[fe80::1%3]:25"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->text(), text);
  }
  EXPECT_EQ(Endpoint::parse("[::ffff:192.0.2.1]:25")->text(), "192.0.2.1:25");
  for (const char* text : {"", "25", ":25", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1",
                           "192.0.2.1:2 5", "192.0.2.1:000025", "2001:db8::1:25", "[2001:db8::1]", "[2001:db8::1]25",
                           "[2001:db8::1]:", "[2001:db8::1:25", "[192.0.2.1]:25", "example.org:25", "[::1]:25x"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_NE(endpoint.error().what.find("[2001:db8::1]:25"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace postern::ip
