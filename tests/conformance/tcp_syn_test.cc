// SYNs of real captures, and what Debian's p0f 3.09b says of them (tcp-syn/zeek: NAME.pcap and NAME.pcap.p0f.log): our
// signature is its raw_sig, and its database read by us says what it says.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "fingerprint/os_table.h"
#include "ip/address.h"
#include "repository.h"

namespace postern::fingerprint {
namespace {

namespace fs = std::filesystem;

fs::path suite() { return test::suite_dir("tcp-syn"); }

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

unsigned octet(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes.at(at)); }
unsigned big16(std::string_view bytes, std::size_t at) { return octet(bytes, at) << 8U | octet(bytes, at + 1); }
std::size_t little32(std::string_view bytes, std::size_t at) {
  return octet(bytes, at) | octet(bytes, at + 1) << 8U | octet(bytes, at + 2) << 16U | octet(bytes, at + 3) << 24U;
}

struct Syn {
  std::string packet;
  bool tagged = false;  // in a VLAN, which p0f does not read
};

// Client and server as p0f writes them: "10.1.1.1/4711".
std::optional<std::string> flow_of(const std::string& packet) {
  const bool v4 = octet(packet, 0) >> 4U == 4;
  const std::size_t tcp = v4 ? (octet(packet, 0) & 15U) * 4 : 40;
  if (octet(packet, v4 ? 9 : 6) != 6 || (octet(packet, tcp + 13) & 0x12U) != 2) return std::nullopt;
  const auto address = [&](std::size_t at) {
    if (v4) {
      return ip::Address::v4({static_cast<std::uint8_t>(packet[at]), static_cast<std::uint8_t>(packet[at + 1]),
                              static_cast<std::uint8_t>(packet[at + 2]), static_cast<std::uint8_t>(packet[at + 3])})
          .text();
    }
    std::array<std::uint8_t, 16> octets{};
    for (std::size_t i = 0; i < 16; ++i) octets.at(i) = static_cast<std::uint8_t>(packet.at(at + i));
    return ip::Address::v6(octets).text();
  };
  return address(v4 ? 12 : 8) + "/" + std::to_string(big16(packet, tcp)) + " " + address(v4 ? 16 : 24) + "/" +
         std::to_string(big16(packet, tcp + 2));
}

// The first SYN of each flow, Ethernet with and without a VLAN tag, little-endian microsecond files.
std::map<std::string, Syn> syns_of(const std::string& pcap) {
  constexpr std::size_t kFileHeader = 24;
  constexpr std::size_t kPacketHeader = 16;
  std::map<std::string, Syn> out;
  EXPECT_EQ(little32(pcap, 0), 0xA1B2C3D4U);
  EXPECT_EQ(little32(pcap, 20), 1U);  // Ethernet
  for (std::size_t at = kFileHeader; at + kPacketHeader <= pcap.size();) {
    const std::size_t length = little32(pcap, at + 8);
    const std::string frame = pcap.substr(at + kPacketHeader, length);
    at += kPacketHeader + length;
    if (frame.size() < 14 + 40) continue;
    const bool tagged = big16(frame, 12) == 0x8100;
    const unsigned type = big16(frame, tagged ? 16 : 12);
    if (type != 0x0800 && type != 0x86DD) continue;
    const std::string packet = frame.substr(tagged ? 18 : 14);
    if (const auto flow = flow_of(packet)) out.try_emplace(*flow, Syn{packet, tagged});
  }
  return out;
}

// key=value|key=value
std::map<std::string, std::string> fields_of(std::string_view line) {
  std::map<std::string, std::string> out;
  if (const std::size_t end = line.find("] "); end != std::string_view::npos) line.remove_prefix(end + 2);
  for (const std::string_view part : split(line, '|')) {
    const std::size_t equals = part.find('=');
    out.emplace(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
  }
  return out;
}

std::string canonical(const std::string& endpoint) {  // p0f does not shorten IPv6 addresses
  const std::size_t slash = endpoint.find('/');
  const auto address = ip::Address::parse(endpoint.substr(0, slash));
  return (address ? address->text() : "?") + endpoint.substr(slash);
}

TEST(TcpSyn, SignaturesAndSystemsAreP0fs) {
  if (!fs::exists(suite())) GTEST_SKIP() << suite() << " is not there";
  const auto database = P0fDatabase::load(suite() / "p0f.fp");
  ASSERT_TRUE(database.has_value()) << database.error().what;
  int compared = 0;
  int tagged = 0;
  int with_flow_label = 0;
  for (const auto& entry : fs::directory_iterator(suite() / "zeek")) {
    if (entry.path().extension() != ".pcap") continue;
    auto syns = syns_of(read(entry.path()));
    std::ifstream log(entry.path().string() + ".p0f.log");
    for (std::string line; std::getline(log, line);) {
      const auto fields = fields_of(line);
      if (fields.at("mod") != "syn") continue;
      const std::string flow = canonical(fields.at("cli")) + " " + canonical(fields.at("srv"));
      ASSERT_TRUE(syns.contains(flow)) << entry.path() << ": " << flow;
      const auto facts = parse_syn(syns.at(flow).packet);
      ASSERT_TRUE(facts.has_value()) << facts.error().what;
      EXPECT_EQ(signature(*facts), fields.at("raw_sig")) << entry.path();
      const auto match = database->match(*facts);
      if (facts->quirks.has(Quirk::flow)) {
        // Ours on purpose: p0f.fp knows no flow labels, and IPv6 clients set them.
        EXPECT_EQ(fields.at("os"), "???");
        EXPECT_TRUE(match.has_value());
        ++with_flow_label;
      } else {
        EXPECT_EQ(match ? match->text() : "???", fields.at("os")) << entry.path() << " " << line;
        const std::string& params = fields.at("params");
        const auto quality = match ? match->quality : P0fDatabase::Quality::specific;
        const bool fuzzy = params.contains("fuzzy");
        EXPECT_EQ(quality == P0fDatabase::Quality::fuzzy, fuzzy) << line;
        EXPECT_EQ(quality == P0fDatabase::Quality::generic, params.contains("generic") && !fuzzy) << line;
      }
      EXPECT_EQ(std::to_string(facts->distance()), fields.at("dist")) << line;
      EXPECT_NE(OsTable().match(*facts).os, Os::unknown);
      syns.erase(flow);
      ++compared;
    }
    // What is left, p0f cannot read.
    for (const auto& [flow, syn] : syns) {
      EXPECT_TRUE(syn.tagged) << entry.path() << ": " << flow;
      const auto facts = parse_syn(syn.packet);
      ASSERT_TRUE(facts.has_value()) << facts.error().what;
      EXPECT_NE(database->match(*facts), std::nullopt) << signature(*facts);
      ++tagged;
    }
  }
  EXPECT_EQ(compared, 28);
  EXPECT_EQ(with_flow_label, 1);
  EXPECT_GT(tagged, 0);
}

}  // namespace
}  // namespace postern::fingerprint
