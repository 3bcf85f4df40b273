#include "fingerprint/syn.h"

#include <gtest/gtest.h>

#include "support.h"

namespace postern::fingerprint {
namespace {

using test::be;
using test::facts;
using test::Ipv4;
using test::Ipv6;
using test::mss;
using test::nop;
using test::sack_permitted;
using test::scale;
using test::signature_of;
using test::Tcp;
using test::timestamps;

TEST(Syn, SignaturesOfBothFamilies) {
  EXPECT_EQ(signature_of(Ipv4{}.text(Tcp{}.text())), "4:64+0:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0");
  Tcp six{.options = mss(1440) + sack_permitted() + timestamps() + nop() + scale(10), .window = 64800};
  EXPECT_EQ(signature_of(Ipv6{.hops = 57, .flow = 0xABCDE}.text(six.text())),
            "6:57+7:0:1440:mss*45,10:mss,sok,ts,nop,ws:flow:0");
  Tcp windows{.options = mss() + nop() + scale(8) + nop(2) + sack_permitted(), .window = 65535};
  EXPECT_EQ(signature_of(Ipv4{.ttl = 113}.text(windows.text())),
            "4:113+15:0:1460:65535,8:mss,nop,ws,nop,nop,sok:df,id+:0");
  EXPECT_EQ(signature_of(Ipv4{}.text(Tcp{.options = "", .window = 1024}.text())), "4:64+0:0:0:1024,0::df,id+:0");
}

TEST(Syn, DistanceIsToTheNearestInitialValueAndUnknownWhereItIsTooFar) {
  EXPECT_EQ(facts("4:32+0:0:0:0,0:::0").initial_ttl(), 32);
  EXPECT_EQ(facts("4:33+0:0:0:0,0:::0").initial_ttl(), 64);
  EXPECT_EQ(facts("4:128+0:0:0:0,0:::0").initial_ttl(), 128);
  EXPECT_EQ(facts("4:129+0:0:0:0,0:::0").initial_ttl(), 255);
  const std::string tcp = Tcp{}.text();
  EXPECT_TRUE(signature_of(Ipv4{.ttl = 93}.text(tcp)).starts_with("4:93+35:"));
  EXPECT_TRUE(signature_of(Ipv4{.ttl = 92}.text(tcp)).starts_with("4:92+?:"));
}

TEST(Syn, QuirksOfTheIpHeader) {
  const std::string tcp = Tcp{}.text();
  const auto quirks = [&](const Ipv4& header) { return parse_syn(header.text(tcp))->quirks.text(); };
  EXPECT_EQ(quirks({}), "df,id+");
  EXPECT_EQ(quirks({.id = 0}), "df");
  EXPECT_EQ(quirks({.id = 0, .fragment = 0}), "id-");
  EXPECT_EQ(quirks({.fragment = 0}), "");
  EXPECT_EQ(quirks({.tos = 1, .fragment = 0xC000}), "df,id+,ecn,0+");
  EXPECT_EQ(quirks({.tos = 2, .fragment = 0x8000}), "ecn,0+");
  EXPECT_EQ(quirks({.tos = 0xFC}), "df,id+");
  EXPECT_EQ(parse_syn(Ipv6{.traffic_class = 2, .flow = 1}.text(tcp))->quirks.text(), "ecn,flow");
  EXPECT_EQ(parse_syn(Ipv6{.traffic_class = 0xFC}.text(tcp))->quirks.text(), "");
}

TEST(Syn, QuirksOfTheTcpHeader) {
  const auto quirks = [](const Tcp& tcp) {
    const auto syn = parse_syn(Ipv6{}.text(tcp.text()));
    return syn ? syn->quirks.text() : syn.error().what;
  };
  EXPECT_EQ(quirks({}), "");
  EXPECT_EQ(quirks({.flags = 0x42}), "ecn");
  EXPECT_EQ(quirks({.flags = 0x82}), "ecn");
  EXPECT_EQ(quirks({.reserved = 1}), "ecn");
  EXPECT_EQ(quirks({.reserved = 2}), "");
  EXPECT_EQ(quirks({.sequence = 0}), "seq-");
  EXPECT_EQ(quirks({.acknowledgement = 0x01000000}), "ack+");
  EXPECT_EQ(quirks({.urgent = 5}), "uptr+");
  EXPECT_EQ(quirks({.flags = 0x22, .urgent = 5}), "urgf+");
  EXPECT_EQ(quirks({.flags = 0x0A}), "pushf+");
  EXPECT_EQ(quirks({.options = timestamps(0, 0) + nop(2)}), "ts1-");
  EXPECT_EQ(quirks({.options = timestamps(1, 9) + nop(2)}), "ts2+");
  EXPECT_EQ(quirks({.options = scale(14) + nop()}), "");
  EXPECT_EQ(quirks({.options = scale(15) + nop()}), "exws");
  EXPECT_EQ(quirks({.options = std::string("\0\1\0\0", 4)}), "opt+");
  EXPECT_EQ(quirks({.options = std::string("\2\5\5\xB4", 4)}), "bad");
}

TEST(Syn, OptionsThatCannotBeReadEndTheLayout) {
  const auto layout = [](const std::string& options) {
    const auto syn = parse_syn(Ipv4{}.text(Tcp{.options = options}.text()));
    return syn->options.text() + " " + syn->quirks.text();
  };
  EXPECT_EQ(layout(nop(3) + "\2"), "nop,nop,nop,mss df,id+,bad");
  EXPECT_EQ(layout(nop(2) + std::string("\2\4", 2)), "nop,nop,mss df,id+,bad");
  EXPECT_EQ(layout(nop(2) + std::string("\x1e\1", 2)), "nop,nop,?30 df,id+,bad");
  EXPECT_EQ(layout(nop(2) + std::string("\x1e\3", 2)), "nop,nop,?30 df,id+,bad");
  EXPECT_EQ(layout(nop(3) + std::string("\x1e", 1)), "nop,nop,nop,?30 df,id+,bad");
  EXPECT_EQ(layout(std::string("\x1e\4ab", 4)), "?30 df,id+");
  EXPECT_EQ(layout(std::string("\x05\x0a\0\0\0\0\0\0\0\0", 10) + nop(2)), "sack,nop,nop df,id+");
  EXPECT_EQ(layout(std::string("\x05\x09\0\0\0\0\0\0\0\0", 10) + nop(2)), "sack df,id+,bad");
  EXPECT_EQ(layout(mss() + std::string(4, '\0')), "mss,eol+3 df,id+");
  // As many as there are, and one more
  EXPECT_EQ(split(parse_syn(Ipv4{}.text(Tcp{.options = nop(24)}.text()))->options.text(), ',').size(), kOptionsMax);
  EXPECT_FALSE(parse_syn(Ipv4{}.text(Tcp{.options = nop(24)}.text()))->quirks.has(Quirk::malformed_options));
  EXPECT_TRUE(parse_syn(Ipv4{}.text(Tcp{.options = nop(28)}.text()))->quirks.has(Quirk::malformed_options));
}

TEST(Syn, WindowsThatAreMultiples) {
  const auto window = [](std::string_view text) {
    const std::string all = signature(facts(text));
    const auto parts = split(all, ':');
    return std::string(parts[4]);
  };
  EXPECT_EQ(window("4:64+0:0:1460:14600,0:mss::0"), "mss*10,0");
  EXPECT_EQ(window("4:64+0:0:1400:14600,0:mss::0"), "mss*10,0");  // of the Ethernet behind
  EXPECT_EQ(window("4:64+0:0:1400:14480,0:mss::0"), "mss*10,0");
  EXPECT_EQ(window("6:64+0:0:1400:14400,0:mss::0"), "mss*10,0");
  EXPECT_EQ(window("4:64+0:0:1400:14400,0:mss::0"), "mtu*10,0");  // 1400 and 40 of headers
  EXPECT_EQ(window("4:64+0:0:1200:15000,0:mss::0"), "mtu*10,0");
  EXPECT_EQ(window("4:64+0:0:1460:65535,0:mss::0"), "65535,0");
  EXPECT_EQ(window("4:64+0:0:99:990,0:mss::0"), "990,0");
  EXPECT_EQ(window("4:64+0:0:1460:0,0:mss::0"), "0,0");
  SynFacts stamped = facts("4:64+0:0:1412:14000,0:mss,ts::0");
  EXPECT_EQ(window_multiple(stamped).factor, 0);
  stamped.timestamp = 1;
  EXPECT_EQ(window_multiple(stamped).factor, 10);
}

TEST(Syn, Ipv6ExtensionHeadersAreReadOver) {
  const std::string tcp = Tcp{}.text();
  const auto parsed = [&](unsigned next, const std::string& extensions) {
    return signature_of(Ipv6{.next = next, .extensions = extensions}.text(tcp));
  };
  const auto header = [](unsigned next, std::size_t units) {
    return be(next, 1) + be(units, 1) + std::string(6 + units * 8, '\0');
  };
  EXPECT_TRUE(parsed(0, header(6, 0)).starts_with("6:64+0:8:1460:"));
  EXPECT_TRUE(parsed(60, header(6, 3)).starts_with("6:64+0:32:1460:"));
  EXPECT_TRUE(parsed(0, header(60, 0) + header(43, 0) + header(51, 0) + be(6, 1) + be(1, 1) + std::string(10, 'a'))
                  .starts_with("6:64+0:36:1460:"));
  EXPECT_TRUE(parsed(44, be(6, 1) + std::string(7, '\0')).starts_with("6:64+0:8:1460:"));
  const std::string lost = "no SYN: the IPv6 headers do not lead to TCP";
  EXPECT_EQ(parsed(44, be(6, 1) + std::string("\0\0\1\0\0\0\0", 7)), lost);  // more fragments
  EXPECT_EQ(parsed(44, be(6, 1) + std::string("\0\0\x08\0\0\0\0", 7)), lost);
  EXPECT_EQ(parsed(59, header(6, 0)), lost);
  EXPECT_EQ(parsed(0, be(6, 1) + be(255, 1) + std::string(6, '\0')), lost);
  std::string chain;
  for (std::size_t i = 1; i < kExtensionHeadersMax; ++i) chain += header(60, 0);
  EXPECT_TRUE(parsed(60, chain + header(6, 0)).starts_with("6:64+0:64:"));
  EXPECT_EQ(parsed(60, chain + header(60, 0) + header(6, 0)), lost);
}

TEST(Syn, Ipv4OptionsAndPayload) {
  const std::string tcp = Tcp{}.text();
  EXPECT_TRUE(signature_of(Ipv4{.options = std::string(8, '\1')}.text(tcp)).starts_with("4:64+0:8:1460:"));
  EXPECT_TRUE(signature_of(Ipv4{}.text(tcp + "EHLO")).ends_with(":+"));
  // Data that is not saved with the headers, and padding of the link behind the packet
  const int length = 20 + static_cast<int>(tcp.size());
  EXPECT_TRUE(signature_of(Ipv4{.total = length + 5}.text(tcp)).ends_with(":+"));
  EXPECT_TRUE(signature_of(Ipv4{.total = length}.text(tcp + std::string(6, '\0'))).ends_with(":0"));
  EXPECT_TRUE(signature_of(Ipv6{.payload = length - 20 + 5}.text(tcp)).ends_with(":+"));
  EXPECT_TRUE(signature_of(Ipv6{.payload = length - 20}.text(tcp + "xx")).ends_with(":0"));
}

TEST(Syn, WhatIsNoSynIsAnError) {
  const std::string tcp = Tcp{}.text();
  for (const std::string& whole : {Ipv4{}.text(tcp), Ipv6{}.text(tcp)}) {
    for (std::size_t cut = 0; cut < whole.size(); ++cut) EXPECT_FALSE(parse_syn(whole.substr(0, cut))) << cut;
  }
  EXPECT_FALSE(parse_syn(be(0x55, 1) + Ipv4{}.text(tcp).substr(1)));
  EXPECT_FALSE(parse_syn(Ipv4{.protocol = 17}.text(tcp)));
  EXPECT_FALSE(parse_syn(Ipv4{.fragment = 0x2000}.text(tcp)));
  EXPECT_FALSE(parse_syn(Ipv4{.fragment = 1}.text(tcp)));
  EXPECT_FALSE(parse_syn(Ipv4{.total = 39}.text(tcp)));
  EXPECT_FALSE(parse_syn(Ipv6{.payload = 19}.text(tcp)));
  for (const unsigned flags : {0x00U, 0x12U, 0x03U, 0x06U, 0x10U}) {
    EXPECT_FALSE(parse_syn(Ipv4{}.text(Tcp{.flags = flags}.text()))) << flags;
  }
  EXPECT_FALSE(parse_syn(Ipv4{}.text(Tcp{.offset = 4}.text())));
  EXPECT_FALSE(parse_syn(Ipv4{}.text(Tcp{.offset = 11}.text())));
}

TEST(OptionLayout, TextReadsBack) {
  for (const char* text : {"", "mss,sok,ts,nop,ws", "mss,nop,ws,nop,nop,ts,sok,eol+1", "?30,sack", "eol+0"}) {
    const auto layout = OptionLayout::parse(text);
    ASSERT_TRUE(layout.has_value()) << text;
    EXPECT_EQ(layout->text(), text);
  }
  for (const char* text : {"mss,", ",", "eol", "eol+256", "eol+1,nop", "?", "?256", "MSS", "mss nop"}) {
    EXPECT_FALSE(OptionLayout::parse(text).has_value()) << text;
  }
  std::string many = "nop";
  for (std::size_t i = 1; i < kOptionsMax; ++i) many += ",nop";
  EXPECT_TRUE(OptionLayout::parse(many).has_value());
  EXPECT_FALSE(OptionLayout::parse(many + ",nop").has_value());
  EXPECT_NE(OptionLayout::parse("eol+1")->hash(), OptionLayout::parse("eol+2")->hash());
}

}  // namespace
}  // namespace postern::fingerprint
